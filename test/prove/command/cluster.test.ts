/** The commands that change the members of a running cluster, as an operator types them. */
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { utf8Bytes } from '../../../src/base/bytes.ts'
import { everwrite, type Ended, ServedCluster } from '../../support/served-cluster.ts'

const LIMIT_MS = 300_000
const KEYS = 50
const LOOK_MS = 300

t.setTimeout(LIMIT_MS)

t.test('a cluster grows and shrinks, step by step', { timeout: LIMIT_MS }, async (t) => {
  const cluster = await ServedCluster.start({ nodes: 3, settings: { partitions: 16 } })
  t.teardown(() => cluster.stop())
  const seeds = ['--seeds', cluster.seeds.join(',')]
  const run = (...argv: readonly string[]): Promise<Ended> =>
    everwrite([...argv, ...seeds], { limitMs: 60_000 })
  const json = async (...argv: readonly string[]): Promise<Shown> => {
    const { stdout } = await run('cluster', ...argv, '--json')
    return JSON.parse(stdout)
  }
  const say = async (code: number, sentence: RegExp, ...argv: readonly string[]): Promise<void> => {
    const ended = await run('cluster', ...argv)
    t.equal(ended.code, code, `${argv.join(' ')}: ${ended.stderr}${ended.stdout}`)
    t.match(code === 2 || code === 3 ? ended.stderr : ended.stdout, sentence)
  }
  const rows = Array.from({ length: KEYS }, (_, i) => `{"key":"key${i}","value":"ripe"}\n`)
  const input = utf8Bytes(rows.join(''))
  const imported = await everwrite(['import', '--bucket', 'fruit', ...seeds], { input })
  t.equal(imported.code, 0, imported.stderr)

  await t.test('before any change', async (t) => {
    const shown = await run('cluster', 'status')
    t.equal(shown.code, 0, shown.stderr)
    t.match(
      shown.stdout,
      /^table 1 is in effect: 16 partitions\n\nmember +state +zone +weight +owns/,
    )
    t.match(shown.stdout, /\nnode-1 +joined +1 +16 +0 +0 +0\n/)
    t.ok(shown.stdout.split('\n').every((row) => row.length <= 80))
    await say(0, /^the ring in effect is [^\n]+: there is nothing to commit\n$/, 'plan')
    await say(2, /\(nothing-to-commit\)/, 'commit')
    await say(0, /table 1 is in effect: there is nothing to take back/, 'abort')
  })

  await t.test('a node joins', async (t) => {
    const node = await cluster.add()
    const file = join(cluster.root, 'invitation')
    const { stdout } = await run('cluster', 'invite', '--at', cluster.seeds[0] as string)
    writeFileSync(file, stdout, { mode: 0o600 })
    const { host, port } = cluster.peerAddress(0)
    await cluster.startNode(node, '--join', `${host}:${port}`, '--invitation', file)
    await until(async () => {
      const { members } = await json('status')
      return members.length === 4 && members.every(({ isConnected }) => isConnected)
    })
    await say(0, /\nplan +members have changed since table 1 was made: everwrite/, 'status')
    // One that has just joined may not know yet that it lacks nothing.
    await until(async () => (await run('status')).code === 0)
    const nodes = await run('status')
    t.match(nodes.stdout, /: 4 nodes, [^]*\nnode-4 +127\.0\.0\.1:\d+ +up /, 'it owns nothing yet')
    const named = ['--seeds', (cluster.seeds[0] as string).replace('127.0.0.1', 'localhost')]
    const other = await everwrite(['status', ...named], { limitMs: 60_000 })
    t.match(other, { code: 0, stdout: /: 4 nodes, /, stderr: '' }, 'a seed by another name')
    const rolled = await run('roll', '--nodes', 'node-4', '--command', 'exit 7')
    t.match(rolled.stderr, /the command for node-4 ended with exit code 7/, 'a roll restarts it')
    await joins(say, json)
  })

  await t.test('what is typed wrongly', async () => {
    await say(
      2,
      /no member is named node-9: the members are .*\(member-unknown\)/,
      'leave',
      'node-9',
    )
    await say(2, /a weight is a number from 0 to 100, not heavy \(input-wrong\)/, ...HEAVY)
    await say(
      2,
      /node-4 is alive, and what only it holds.*\(would-not-survive\)/,
      'remove',
      'node-4',
    )
    await say(2, /missing required argument 'new'/, 'replace', 'node-1')
  })

  await t.test('a member leaves', () => leaves(say, json))

  await t.test('and is gone', async (t) => {
    await say(3, /\(member-gone\)/, 'remove', 'node-4')
    t.notMatch((await run('cluster', 'status')).stdout, /node-4/)
    await say(2, /\(would-not-survive\)/, 'leave', 'node-3')
    const got = await run('get', 'fruit', 'key7')
    t.equal(got.stdout, 'ripe\n')
  })

  await t.test('a table waits for a member that is away, and is taken back', async (t) => {
    await cluster.killNode(2)
    await say(0, /^node-1 is a member with weight 1, zone north/, 'zone', 'node-1', 'north')
    await say(0, /: 32 partitions\n/, 'split')
    await say(4, /once these have adopted it: node-3\n/, 'commit', '--split', '--timeout', '1000')
    t.match(
      (await run('cluster', 'status')).stdout,
      /\nwaits +table 4 takes effect once these have adopted it: node-3\n/,
    )
    await say(4, /^table 5 is committed/, 'abort', '--timeout', '1000')
    await cluster.startNode(2)
    await until(async () => (await json('status')).inEffect.number === 5)
  })

  await t.test('a table that needs a member that is removed is committed once more', async () => {
    await cluster.killNode(2)
    await say(4, /once these have adopted it: node-3\n/, 'commit', '--split', '--timeout', '1000')
    await say(0, /^node-3 is removed/, 'remove', 'node-3', '--force')
    await say(4, /\nwaits +table 6 needs members that are gone: commit once more\n/, 'status')
    await say(0, /\ntable 7 is in effect/, 'commit', '--force', ...LONG)
    await say(0, /^table 7 is in effect/, 'status')
  })
})

/** Members adopt a table within that, also on a busy machine. */
const LONG = ['--timeout', '30000'] as const
const HEAVY = ['weight', 'node-1', 'heavy'] as const

/** What `cluster status --json` prints, of which these are looked at. */
interface Shown {
  readonly movesLeft: number
  readonly inEffect: { readonly number: number }
  readonly members: readonly {
    readonly name: string
    readonly isConnected: boolean
    readonly owns: number
    readonly givesAway: number
  }[]
}

/** The limit of the test bounds it. */
async function until(isSo: () => Promise<boolean>): Promise<void> {
  while (!(await isSo())) await new Promise((resolve) => setTimeout(resolve, LOOK_MS))
}

type Say = (code: number, sentence: RegExp, ...argv: readonly string[]) => Promise<void>
type Json = (...argv: readonly string[]) => Promise<Shown>

async function joins(say: Say, json: Json): Promise<void> {
  await say(0, /\nmoves +N=3: 12 of 48 replicas\n/, 'plan')
  await say(0, /^node-1: moves to it wait\nnode-2: moves to it wait\n/, 'pause')
  await say(
    0,
    /\ntable 2 is in effect: all members have adopted it; everwrite .*\n$/,
    'commit',
    ...LONG,
  )
  await say(0, /^node-4 +joined +1 +0 +12 +0 +0$[^]*^paused +node-4: everwrite/m, 'status')
  await say(0, /^node-4: moves to it go on\n/m, 'resume')
  await until(async () => (await json('status')).movesLeft === 0)
}

async function leaves(say: Say, json: Json): Promise<void> {
  await say(0, /^node-4 leaves \(weight 1\): everwrite cluster plan/, 'leave', 'node-4')
  await say(
    0,
    /\nmoves +N=3: 12 of 48 replicas\n[^]* N=3: 2 lost machines now, 2 meanwhile, 2 then\n/,
    'plan',
  )
  await say(
    0,
    /\ntable 3 is in effect: all members have adopted it; everwrite .*\n$/,
    'commit',
    ...LONG,
  )
  await until(async () => {
    const { members, movesLeft } = await json('status')
    return movesLeft === 0 && members.every(({ name }) => name !== 'node-4')
  })
}
