/** What `everwrite dev` prepares, and what it refuses to change. */
import { mkdirSync, readFileSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { prepareDev, serveArguments } from '../../../../src/cli/nodes/dev-files.ts'
import { exitCodeOf } from '../../../../src/cli/outcome.ts'
import { readSettings } from '../../../../src/cli/settings/settings.ts'
import { OperatingError } from '../../../../src/base/errors.ts'

t.test(
  'a first start makes a key and a configuration that a node can be started with',
  async (t) => {
    const directory = join(t.testdir(), 'data')
    const cluster = prepareDev({ directory, nodes: undefined, portBase: undefined })
    t.ok(cluster.isNew)
    t.same(
      cluster.nodes.map((node) => node.clientPort),
      [7400, 7401, 7402],
    )
    t.same(
      cluster.nodes.map((node) => node.peerPort),
      [7500, 7501, 7502],
    )
    t.equal(statSync(directory).mode & 0o777, 0o700)
    t.equal(statSync(join(directory, 'cluster.key')).mode & 0o777, 0o600)
    for (const { name, data } of cluster.nodes) {
      const config = await readSettings({
        file: cluster.config,
        environment: {},
        flags: { name, data },
      })
      t.equal(config.name, name)
      t.equal(config.directory, join(directory, name))
    }
  },
)

t.test('clusters of one and two nodes have quorums that they can meet', async (t) => {
  for (const nodes of [1, 2, 5]) {
    const directory = join(t.testdir(), String(nodes))
    const { config } = prepareDev({ directory, nodes, portBase: undefined })
    const flags = { name: 'node-1', data: 'x' }
    const { defaults, members } = await readSettings({ file: config, environment: {}, flags })
    t.equal(members.length, nodes)
    t.ok(defaults.n <= nodes && defaults.w <= defaults.n && defaults.r <= defaults.n)
  }
})

t.test('a second start finds the same, with what was edited', async (t) => {
  const directory = t.testdir()
  const first = prepareDev({ directory, nodes: 3, portBase: undefined })
  const key = readFileSync(join(directory, 'cluster.key'), 'utf8')
  const edited = `${readFileSync(first.config, 'utf8')}\n[[buckets]]\nname = "b"\nw = 1\n`
  writeFileSync(first.config, edited)
  const second = prepareDev({ directory, nodes: undefined, portBase: undefined })
  t.notOk(second.isNew)
  t.same(second.nodes, first.nodes)
  t.equal(readFileSync(first.config, 'utf8'), edited)
  t.equal(readFileSync(join(directory, 'cluster.key'), 'utf8'), key)
})

t.test('ports may change, the number of nodes may not', async (t) => {
  const directory = t.testdir()
  const { config } = prepareDev({ directory, nodes: 3, portBase: undefined })
  const comment = '# carts of the shop'
  writeFileSync(config, `${readFileSync(config, 'utf8')}\n${comment}\n[[buckets]]\nname = "b"\n`)
  const moved = prepareDev({ directory, nodes: 3, portBase: 9000 })
  t.same(
    moved.nodes.map((node) => node.clientPort),
    [9000, 9001, 9002],
  )
  t.same(
    moved.nodes.map((node) => node.peerPort),
    [9100, 9101, 9102],
  )
  t.match(readFileSync(config, 'utf8'), `${comment}\n[[buckets]]`, 'comments are kept')
  writeFileSync(config, readFileSync(config, 'utf8').replace(/client-port.*\n/, ''))
  t.throws(() => prepareDev({ directory, nodes: 3, portBase: 9200 }), {
    code: 'input-wrong',
    message: /change the ports in that file/,
  })
  t.throws(() => prepareDev({ directory, nodes: 4, portBase: undefined }), {
    code: 'input-wrong',
    message: /--nodes 3/,
  })
})

t.test(
  'exit codes tell mistakes of the user from failures of the cluster and from bugs',
  async (t) => {
    t.equal(exitCodeOf(new OperatingError('config-wrong', '')), 2)
    t.equal(exitCodeOf(new OperatingError('bind-insecure', '')), 2)
    t.equal(exitCodeOf(new OperatingError('input-wrong', '')), 2)
    t.equal(exitCodeOf(new OperatingError('receipt-foreign', '')), 2)
    t.equal(exitCodeOf(new OperatingError('not-connected', '')), 3)
    t.equal(exitCodeOf(new OperatingError('write-in-doubt', '')), 3)
    t.equal(exitCodeOf(new Error('x')), 70)
  },
)

t.test('a node is told to rebuild only where its directory is empty', async (t) => {
  const cluster = prepareDev({ directory: t.testdir(), nodes: 3, portBase: undefined })
  const [node] = cluster.nodes
  if (node === undefined) throw new Error('there are three')
  const isToRebuild = (): boolean => serveArguments(cluster, node).includes('--rebuild')
  t.ok(isToRebuild(), 'it was removed, or is new')
  mkdirSync(node.data)
  t.ok(isToRebuild())
  writeFileSync(join(node.data, 'identity'), '')
  t.notOk(isToRebuild(), 'it was killed, and has its data')
})
