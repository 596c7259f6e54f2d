/** `everwrite cluster key`: the commands as an operator types them, on three real nodes. */
import { readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import {
  CLUSTER_KEY_HEX,
  everwrite,
  type Ended,
  ServedCluster,
} from '../../support/served-cluster.ts'

const LIMIT_MS = 180_000
const LOOK_MS = 200

t.setTimeout(LIMIT_MS)

interface Shown {
  readonly signer: string
  readonly keys: readonly { readonly id: string; readonly number: number }[]
  readonly members: readonly { readonly name: string; readonly signer: string | null }[]
}

t.test('the cluster key is rotated, and the old one dropped', { timeout: LIMIT_MS }, async (t) => {
  const cluster = await ServedCluster.start({ nodes: 3 })
  t.teardown(() => cluster.stop())
  const run = (...argv: readonly string[]): Promise<Ended> =>
    everwrite([...argv, '--seeds', cluster.seeds.join(',')], { limitMs: 60_000 })
  const shown = async (node = 0): Promise<Shown> => {
    const at = cluster.seeds[node] as string
    const { stdout, stderr } = await run('cluster', 'key', 'status', '--at', at, '--json')
    t.notMatch(stdout + stderr, CLUSTER_KEY_HEX)
    return JSON.parse(stdout)
  }
  const until = async (isDone: () => Promise<boolean>): Promise<void> => {
    while (!(await isDone())) await new Promise((resolve) => setTimeout(resolve, LOOK_MS))
  }
  const allSign = (count: number) => async (): Promise<boolean> => {
    const all = await Promise.all([0, 1, 2].map((node) => shown(node)))
    return all.every(({ keys, signer }) => keys.length === count && keys.at(-1)?.id === signer)
  }

  const first = await run('cluster', 'key', 'status')
  t.equal(first.code, 0, first.stderr)
  t.match(first.stdout, /^id +number +here it +signs at other members\n00000001 +1 +signs +node-/)
  const put = await run('put', 'carts', 'anna', 'tea', '--json')
  const { context } = JSON.parse(put.stdout) as { readonly context: string }

  await cluster.killNode(2)
  const rotated = await run('cluster', 'key', 'rotate')
  t.equal(rotated.code, 0, rotated.stderr)
  t.match(rotated.stdout, /^key [0-9a-f]{8} is made\n/)
  await until(async () => {
    const { stdout } = await run('cluster', 'key', 'status')
    return /signs once these have it: node-3 \(not connected\)\n/.test(stdout)
  })
  const refused = await run('cluster', 'key', 'drop', '00000001')
  t.equal(refused.code, 2)
  t.match(refused.stderr, /00000001 signs: make another key first.*\(key-in-use\)/)
  await cluster.startNode(2)
  await until(allSign(2))
  const { signer, keys } = await shown()
  t.match(rotated.stdout, signer)
  t.same(
    keys.map(({ number }) => number),
    [1, 2],
  )

  const again = await run('put', 'carts', 'anna', 'milk', '--context', context)
  t.equal(again.code, 0, again.stderr)
  t.equal((await run('get', 'carts', 'anna')).stdout, 'milk\n', 'an old context still counts')
  for (const node of [0, 1, 2]) {
    const path = join(cluster.data(node), 'keys')
    t.equal(statSync(path).mode & 0o777, 0o600)
    const [, ring] = /\nring ([0-9a-f]+)\n/.exec(readFileSync(path, 'utf8')) ?? []
    t.match(ring, CLUSTER_KEY_HEX)
    const newest = ring?.slice(-32) as string
    t.notMatch(cluster.log(node), newest, 'no log has a key')
    t.notMatch(cluster.log(node), CLUSTER_KEY_HEX)
  }

  await until(async () => (await shown()).members.every((one) => one.signer === signer))
  const dropped = await run('cluster', 'key', 'drop', '1')
  t.equal(dropped.code, 0, dropped.stderr)
  t.match(dropped.stdout, /^key 00000001 is dropped\n/)
  await until(allSign(1))
  const old = await run('put', 'carts', 'anna', 'bread', '--context', context, '--timeout', '2000')
  t.match(old.stderr, /\(context-key-unknown\)/)
  const unknown = await run('cluster', 'key', 'drop', 'abc')
  t.match(unknown.stderr, /no cluster key is 00000abc: the keys are [0-9a-f]{8} .*\(key-unknown\)/)
  t.match((await run('cluster', 'key', 'drop', 'xyz')).stderr, /\(input-wrong\)/)

  await cluster.stopNode(1)
  await cluster.startNode(1)
  t.equal((await run('get', 'carts', 'anna')).stdout, 'milk\n', 'the key file stays as it is')
  await cluster.stopNode(1)
  writeFileSync(join(cluster.root, 'cluster.key'), `${'77'.repeat(16)}\n`, { mode: 0o600 })
  const other = await everwrite(cluster.serving(1), { limitMs: 60_000 })
  t.equal(other.code, 2)
  t.match(other.stderr, /not the one that the cluster of .* began with:.*\(key-file-wrong\)/)
  t.notMatch(other.stderr, /7777/)
  const checked = await everwrite(cluster.serving(1, '--check'), { limitMs: 60_000 })
  t.match(checked.stderr, /\(key-file-wrong\)/)
  const toml = readFileSync(cluster.config, 'utf8')
  writeFileSync(cluster.config, toml.replace(/^key-file.*\n/m, ''))
  rmSync(join(cluster.root, 'cluster.key'))
  await cluster.startNode(1)
  await cluster.sees(1)
})
