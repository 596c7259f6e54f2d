/** `everwrite status --ranges` of three nodes: equal everywhere, then with one away. */
import { join } from 'node:path'
import t from 'tap'
import { nodePid, Running } from './running.ts'

const LIMIT_MS = 120_000
const COLUMNS = 80

interface JsonNode {
  readonly name: string
  readonly isEqual?: boolean
  readonly reason?: string
  readonly ranges?: readonly { readonly root: string; readonly equal?: { readonly root: string } }[]
}

t.test('three nodes tell that they are equal', { timeout: LIMIT_MS }, async (t) => {
  const data = join(t.testdir(), 'data')
  const running = await Running.start(data)
  t.teardown(() => running.stop())
  for (const [option, sentence] of [
    [['--until', 'equal'], /--until needs --ranges/],
    [['--ranges', '--until', 'whole'], /Allowed choices are equal/],
  ] as const) {
    const { code, stderr } = await running.run('status', ...option)
    t.equal(code, 2)
    t.match(stderr, sentence)
  }
  t.equal((await running.run('put', 'fruit', 'apple', 'red')).code, 0)

  const equal = await running.run('status', '--ranges', '--until', 'equal')
  t.equal(equal.code, 0, equal.stderr)
  t.match(equal.stdout, /^node +N +partitions +with +state +root\n/)
  t.match(equal.stdout, /\nnode-1 +3 +0-255 +node-2 node-3 +equal, \d+ s ago +[0-9a-f]{16}\n/)
  const rows = equal.stdout.trimEnd().split('\n')
  t.equal(rows.pop(), 'node-1 node-2 node-3: no round adopted')
  t.equal(rows.length, 4, 'one row for each node')
  t.same(new Set(rows.slice(1).map((row) => row.slice(-16))).size, 1, 'at the same root')
  t.ok(rows.every((row) => row.length <= COLUMNS))

  const { nodes }: { nodes: JsonNode[] } = JSON.parse(
    (await running.run('status', '--ranges', '--json')).stdout,
  )
  t.same(
    nodes.map(({ name, isEqual, ranges }) => [name, isEqual, ranges?.length]),
    ['node-1', 'node-2', 'node-3'].map((name) => [name, true, 256]),
  )
  t.equal(nodes[0]?.ranges?.filter(({ root, equal }) => root !== equal?.root).length, 0)

  process.kill(nodePid(data, 'node-3'), 'SIGKILL')
  await running.says(/2 of 3 nodes run/)
  t.equal((await running.run('put', 'fruit', 'apple', 'green')).code, 0)
  const options = ['--ranges', '--until', 'equal', '--timeout', '4000'] as const
  const away = await running.run('status', ...options)
  t.equal(away.code, 3, 'a node does not answer')
  t.match(
    away.stdout,
    /\nnode-1 .* node-2 node-3 +not compared with node-3 for \d+ s/,
    'that of the put',
  )
  t.match(away.stdout, /\nno answer from node-3: /)
})
