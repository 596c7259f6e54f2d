/** `everwrite repair` of three nodes: with all there, with one away, and interrupted. */
import { join } from 'node:path'
import t from 'tap'
import { Begun, nodePid, Running, until } from './running.ts'

const LIMIT_MS = 120_000

t.test('nodes exchange when an operator asks', { timeout: LIMIT_MS }, async (t) => {
  const data = join(t.testdir(), 'data')
  const running = await Running.start(data)
  t.teardown(() => running.stop())
  t.equal((await running.run('put', 'fruit', 'apple', 'red')).code, 0)

  for (const [argv, code, sentence] of [
    [
      ['--from', 'node-9'],
      2,
      /no member is named node-9: .*node-1, node-2, node-3 \(input-wrong\)/,
    ],
    [['--node', 'node-9'], 2, /no member is named node-9/],
    [['--node', 'node-1', '--from', 'node-1'], 2, /are the same node/],
    [['b'.repeat(256)], 2, /\(bucket-wrong\)/],
    [['--timeout', '0'], 2, /--timeout/],
    [['fruit', '--round'], 2, /give neither a bucket nor --from \(input-wrong\)/],
    [['--round', '--from', 'node-2'], 2, /give neither a bucket nor --from/],
  ] as const) {
    const wrong = await running.run('repair', ...argv)
    t.equal(wrong.code, code, argv.join(' '))
    t.match(wrong.stderr, sentence)
    t.equal(wrong.stdout, '')
  }

  const all = await running.run('repair')
  t.equal(all.code, 0, all.stderr)
  t.match(
    all.stdout,
    /^6 of 6 exchanges complete, \d+ (leaf|leaves) differed, \d+ keys? repaired in \d+\.\d s\n$/,
  )
  const from = await running.run('repair', 'fruit', '--from', 'node-2', '--json')
  t.equal(from.code, 0)
  const told = JSON.parse(from.stdout)
  t.match(told, { members: 2, done: 2, nodes: [{ name: 'node-1' }, { name: 'node-3' }] })
  const one = await running.run('repair', '--node', 'node-3', '--from', 'node-1')
  t.match(one.stdout, /^1 of 1 exchange complete/)

  const round = await running.run('repair', '--round', '--timeout', '1500')
  t.equal(round.code, 1)
  t.match(round.stdout, /^no round was adopted in 2 s: .*for \d+ s more.* messages from before/)
  t.match(round.stderr, /waiting: .*for \d+ s more/, 'a minute after the start')
  const json = await running.run('repair', '--round', '--timeout', '1500', '--json')
  t.match(JSON.parse(json.stdout), { adopted: 0, isAdopted: false, obstacle: /messages from/ })
  const status = await running.run('status')
  t.match(status.stdout, /^rounds none was adopted in \d+ s$/m)
  t.match(status.stdout, /^rounds node-\d: the next one: .*messages from before its start$/m)

  await t.test('interrupted while a node is silent', async (t) => {
    const pid = nodePid(data, 'node-3')
    process.kill(pid, 'SIGSTOP')
    t.teardown(() => process.kill(pid, 'SIGCONT'))
    const begun = new Begun(['repair', '--node', 'node-3', '--timeout', '40000'], running.seeds)
    // The status has a connection of its own.
    const isConnected = async (): Promise<boolean> => {
      const { nodes } = JSON.parse((await running.run('status', '--json')).stdout)
      return nodes[0].figures.client_connections === 2
    }
    await until(isConnected, () => 'it does not connect')
    begun.signal('SIGINT')
    const { code, stderr } = await begun.result
    t.equal(code, 130)
    t.match(stderr, /the repair was interrupted: 0 of 0 exchanges were made.*the nodes go on/)
  })

  process.kill(nodePid(data, 'node-3'), 'SIGKILL')
  await running.says(/2 of 3 nodes run/)
  const away = await running.run('repair', '--timeout', '2000')
  t.equal(away.code, 1)
  t.match(away.stdout, /^node-1 did not get all from node-3: peer-away$/m)
  t.match(away.stdout, /^node-2 did not get all from node-3: peer-away$/m)
  t.match(away.stdout, /^node-3 did not do it: /m)
  t.match(away.stdout, /^2 of 4 exchanges complete, /m)
  const rest = await running.run('repair', '--node', 'node-1', '--from', 'node-2')
  t.equal(rest.code, 0, 'the others are there')
})
