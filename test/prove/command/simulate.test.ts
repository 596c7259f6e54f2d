/**
 * The command `everwrite simulate`: its output, its exit codes, and how it reports a failing seed.
 *
 * No seed is known to fail, so these tests preload code that makes one fail: where a scenario has a
 * certain number of clients, an assertion fails or the process dies.
 */
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import t from 'tap'
import { drawScenario, type Scenario } from '../../../src/sim/scenario.ts'
import { type Result, run } from './running.ts'

/** Soon over. */
const SMALL: Scenario = {
  ...drawScenario(1),
  nodes: 3,
  buckets: [{ name: 'default', n: 3, r: 2, w: 2 }],
  clients: 6,
  faults: ['kill', 'cut'],
  rounds: 1,
  acknowledged: 30,
  faultsMin: 0,
}
/** So many clients live; one more breaks. */
const CLIENTS_SOUND = 2
const BREAKS = 2
const DIES = 3

const directory = t.testdir()
const kept = join(directory, 'kept.json')
writeFileSync(kept, JSON.stringify({ seed: 1, scenario: SMALL }))
const bugs = join(directory, 'bugs.mjs')
writeFileSync(
  bugs,
  `process.on('message', ({ seed, scenario }) => {
    if (scenario === undefined || scenario.clients <= ${CLIENTS_SOUND}) return
    if (seed === ${DIES}) process.kill(process.pid, 'SIGKILL')
    if (seed === ${BREAKS}) setImmediate(() => { throw new TypeError('planted') })
  })\n`,
)
const optionsBefore = process.env['NODE_OPTIONS'] ?? ''
process.env['NODE_OPTIONS'] = `${optionsBefore} --import=${pathToFileURL(bugs).href}`
t.teardown(() => (process.env['NODE_OPTIONS'] = optionsBefore))

function simulate(argv: readonly string[], input = ''): Promise<Result> {
  return run(['simulate', ...argv], { input })
}

interface Told {
  readonly seed: number
  readonly scenario: Scenario
  readonly violations: readonly string[]
  readonly digest: string
  readonly events: readonly string[]
  readonly shrunk?: Told
}

function parsed({ stdout }: Result): readonly Told[] {
  return stdout
    .trimEnd()
    .split('\n')
    .map((line) => JSON.parse(line) as Told)
}

t.test('one seed is told in full, and does the same again', async (t) => {
  const one = await simulate(['--scenario', kept, '--events', '5'])
  t.equal(one.code, 0)
  t.equal(one.stderr, '')
  t.match(one.stdout, /^cluster {3}3 nodes/m)
  t.match(one.stdout, /^buckets {3}default N=3 R=2 W=2$/m)
  t.match(one.stdout, /^ +seconds {2}who +weight +event +fields\n( +\d+\.\d{6} {2}.*\n){5}\n/m)
  const digest = /^seed 1: nothing is wrong; digest ([0-9a-f]{16})$/m.exec(one.stdout)?.[1]
  const json = await simulate(['--scenario', kept, '--json', '--events', '0'])
  const [told] = parsed(json)
  t.equal(told?.digest, digest)
  t.same(told?.scenario, SMALL)
  t.same(told?.events, [])
  const again = await simulate(['--scenario', '-', '--json'], json.stdout)
  t.equal(parsed(again)[0]?.digest, digest)
  const other = await simulate(['--scenario', '-', '--seed', '5', '--json'], json.stdout)
  t.not(parsed(other)[0]?.digest, digest)
})

t.test('of many seeds those that fail are told, and all others are counted', async (t) => {
  const many = await simulate(['--scenario', kept, '--seeds', '4', '--workers', '2'])
  t.equal(many.code, 1)
  t.match(
    many.stdout,
    /^seed 2 failed: TypeError \(planted\): at .*\n {2}everwrite simulate --seed 2 --sc.*kept/m,
  )
  t.match(many.stdout, /^seed 3 failed: process ended: SIGKILL$/m)
  t.match(many.stdout, /^seeds +4, 2 failed$/m)
  t.match(many.stdout, /^the first that failed:\nseed {6}2$/m)
  t.match(many.stdout, /^writes +[1-9]\d+ acknowledged, at least 0 a seed; 0 lost that their/m)
  const json = await simulate(['--scenario', kept, '--seeds', '4', '--json'])
  t.equal(json.code, 1)
  const lines = parsed(json)
  const failed = new Set(lines.slice(0, -1).map(({ seed }) => seed))
  t.same(failed, new Set([BREAKS, DIES]))
  t.match(lines.at(-1), { seeds: 4, failed: 2 })
})

t.test('a failure is shrunk, and the command that is printed brings it again', async (t) => {
  const one = await simulate(['--scenario', kept, '--seed', String(BREAKS), '--shrink'])
  t.equal(one.code, 1)
  const command = /^ {2}echo '(.*)' \| everwrite simulate --scenario -$/m.exec(one.stdout)?.[1]
  const smaller = JSON.parse(command ?? '{}') as Told
  t.equal(smaller.scenario.clients, CLIENTS_SOUND + 1, 'of six clients three are enough')
  const again = await simulate(['--scenario', '-'], command)
  t.equal(again.code, 1)
  t.match(again.stdout, /^ {2}TypeError \(planted\): at /m)
})

t.test('nonsense is refused, with a reason', async (t) => {
  const refused = async (argv: readonly string[], says: RegExp, input = ''): Promise<void> => {
    const result = await simulate(argv, input)
    t.equal(result.code, 2, argv.join(' '))
    t.equal(result.stdout, '')
    t.match(result.stderr, says)
  }
  await refused(['--seeds', '0'], /--seeds is a whole number from 1 .*input-wrong/)
  await refused(['--seed', '1', '--from', '2'], /--seed runs one seed.*input-wrong/)
  await refused(['--events', '201'], /--events is a whole number from 0 to 200.*input-wrong/)
  await refused(['--scenario', join(directory, 'no')], /cannot be read: ENOENT.*input-wrong/)
  await refused(['--scenario', '-'], /not JSON.*input-wrong/, '{')
  const wrong = { seed: 1, scenario: { ...SMALL, nodes: 2 } }
  await refused(['--scenario', '-'], /has N above its nodes.*input-wrong/, JSON.stringify(wrong))
})
