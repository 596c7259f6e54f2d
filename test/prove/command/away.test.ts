/** Two of five nodes are killed and come back: puts and gets go on, and hints go home. */
import { join } from 'node:path'
import t from 'tap'
import { Begun, nodePid, run, Running, until } from './running.ts'

const KEYS = 60
const KILLED = ['node-4', 'node-5']
const LIMIT_MS = 400_000
const keys: readonly string[] = Array.from({ length: KEYS }, (_, i) => `k${i}`)

t.test('two of five nodes are away and come back', { timeout: LIMIT_MS }, async (t) => {
  const data = join(t.testdir(), 'data')
  const running = await Running.start(data, undefined, 5)
  const { seeds } = running
  t.teardown(() => running.stop())
  t.equal((await running.run('hints')).stdout, 'no node keeps a hint\n')

  for (const name of KILLED) process.kill(nodePid(data, name), 'SIGKILL')
  await running.says(/3 of 5 nodes run/)
  const input = keys.map((key) => `${JSON.stringify({ key, value: 'v' })}\n`).join('')
  const imported = await run(['import', '--bucket', 'b'], { seeds, input })
  t.equal(imported.code, 0, imported.stderr)
  const shown = await running.run('hints')
  t.equal(shown.code, 3, 'two nodes do not answer')
  t.match(shown.stdout, /^node +for +keys +bytes +since +rate +left\nnode-\d +node-[45] +\d+ /)
  t.match(shown.stdout, /\nspace node-\d: .* of .* [MG]B, /)
  t.match(shown.stdout, /\naway node-4: /)
  t.same(
    shown.stdout.split('\n').filter((row) => row.startsWith('node') && row.length > 80),
    [],
  )
  const { nodes } = JSON.parse((await running.run('hints', '--json')).stdout)
  const kept = nodes.flatMap((node: { hints?: { name: string; keys: number }[] }) => node.hints)
  const names: string[] = kept.filter(Boolean).map(({ name }: { name: string }) => name)
  t.same(new Set(names), new Set(KILLED))

  const gets = await Promise.all(keys.slice(0, 20).map((key) => running.run('get', 'b', key)))
  t.same(
    gets.filter(({ code, stdout }) => code !== 0 || stdout !== 'v\n'),
    [],
  )
  const incomplete = gets.filter(({ stderr }) => /fewer owners answered/.test(stderr)).length
  t.ok(incomplete > 0 && incomplete < gets.length, `${incomplete} of 20 say so`)
  const strict = await Promise.all(
    keys.slice(0, 20).map((key) => running.run('get', 'b', key, '--strict')),
  )
  t.equal(strict.filter(({ code }) => code !== 0).length, incomplete, 'those that are strict fail')

  const some = keys.slice(0, 3).map((key) => running.run('explain', 'b', key))
  const explained = await Promise.all(some)
  const withHint = explained.find(({ stdout }) => /a hint for node-[45]/.test(stdout))
  t.match(
    withHint?.stdout,
    /^b\/k\d+: token [0-9a-f]{16}, partition \d+, leaf [0-9a-f]{5}\n\nnode +machine +role +/,
  )
  t.match(withHint?.stdout, /\nnode-[45] .* owner +not told: peer-away/)
  t.match(
    withHint?.stdout,
    /\nnode-[123] .* fallback +1 sibling, a hint for node-[45] +[0-9a-f]{16} +node-\d@/,
  )
  t.match(withHint?.stdout, /\nnode +round +age +dots +ranges +root\n/)
  t.match(withHint?.stdout, /\nthe owners that have told hold the same siblings; /)
  t.match(
    withHint?.stdout,
    /\nsibling 1: 1 byte, written by node-[123] at 20\d\d-.* by its clock\n/,
  )
  const absent = await running.run('explain', 'b', 'absent')
  t.equal(absent.code, 0, 'a key that no node holds is no failure')
  t.match(absent.stdout, /\nno node( that has told)? holds it/)

  const [hinted = ''] = /k\d+/.exec(withHint?.stdout ?? '') ?? []
  t.equal((await running.run('delete', 'b', hinted)).code, 0)
  const [{ stdout: deleted }, { stdout: json }] = await Promise.all([
    running.run('explain', 'b', hinted),
    running.run('explain', 'b', hinted, '--json'),
  ])
  t.match(deleted, /\nthe deleted key goes for good after:\n {2}node-[45].*: has not told /)
  t.match(deleted, /\n {2}node-[123].*: the hint must come home\n/)
  t.match(deleted, /: a round must adopt a floor that holds the writes\n/)
  const told = JSON.parse(json)
  t.equal(told.removal.of, 'key')
  const reasons = told.removal.waits.map(({ reason }: { reason: string }) => reason)
  t.same(
    ['hint', 'round', 'untold'].filter((reason) => !reasons.includes(reason)),
    [],
  )
  t.match(told.leaf, /^[0-9a-f]{5}$/)
  t.same(
    told.nodes.flatMap((node: { standing?: object }) => (node.standing ? [] : [node])).length,
    KILLED.length,
  )

  const put = ['put', 'b', 'seen', 'v', '--json'] as const
  const { receipt, holders } = JSON.parse((await running.run(...put)).stdout)
  t.ok(holders.length >= 2)
  const own = await running.run('get', 'b', 'seen', '--r', '1', '--receipt', receipt)
  t.same([own.code, own.stdout], [0, 'v\n'])
  const foreign = await running.run('get', 'b', 'k1', '--receipt', receipt)
  t.match(foreign.stderr, /\(receipt-foreign\)/)

  const config = join(data, 'everwrite.toml')
  const again = KILLED.map((name) => {
    const argv = ['serve', '--config', config, '--name', name, '--data', join(data, name)]
    return new Begun(argv, '').staysUp()
  })
  await until(
    async () => (await running.run('hints')).stdout === 'no node keeps a hint\n',
    () => 'hints are left',
  )
  for (const key of keys.slice(0, 20)) {
    const { code, stdout } = await running.run('get', 'b', key, '--r', '3', '--strict')
    t.same([code, stdout], key === hinted ? [1, ''] : [0, 'v\n'])
  }
  for (const node of again) node.signal('SIGTERM')
  for (const node of again) t.equal((await node.result).code, 0)
  t.equal(await running.stop(), 0)
})
