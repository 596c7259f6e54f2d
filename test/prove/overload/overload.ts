/**
 * What three nodes still do when clients ask for three times of what they can.
 *
 * Three nodes with the defaults share one core, the generator has another. Half gets and half puts
 * of 100 bytes, open loop (`open-loop.ts`): the load is offered whatever comes back. Steps of
 * growing load find the one of which most operations a second succeed. Then half of that; in turn,
 * `--rounds N` times (3), that load and three times as much as succeeded in it; and half of it
 * again. The figures are goodput over the peak, the median of the rounds; the seconds until p99 is
 * what it was; and the memory of the largest node. Its cap is that before plus the setting
 * `message-bytes` for each of its two ports.
 *
 * Why rounds: what a machine with other tenants can do differs by a third from minute to minute.
 */
import { spawnSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { parseArgs } from 'node:util'
import { LocalCluster } from '../../support/local-cluster.ts'
import { median } from '../../support/median.ts'
import { NodeSession } from '../../support/node-session.ts'
import { CannotRun, type Proof, type Verdict } from '../proof.ts'
import { OpenLoop, Tally } from './open-loop.ts'

const NODES = 3
const FILL_RATE = 2_000
const STEP_SECONDS = 4
const STEP_RATE = 2_000
const STEP_FACTOR = 1.2
/** Steps end where less of the load than this succeeds, twice in a row. */
const STEP_SHARE = 0.85
const CALM_SECONDS = 8
const ROUNDS = 3
const PEAK_SECONDS = 4
const OVERLOAD_SECONDS = 10
const TIMES = 3
/** Percent of the peak. */
const GOODPUT_BAR = 80
const RECOVERY_BAR_SECONDS = 5
/** The p99 of a second is normal up to so many times the highest before. */
const NORMAL = 1.5
/** And of what is offered so much succeeds. */
const NORMAL_SHARE = 0.95
const SAMPLE_MS = 50
const MIB = 1024 * 1024
const TOLD = [
  'overloaded_loop_total',
  'overloaded_peers_loop_total',
  'overloaded_calls_total',
  'overloaded_bytes_total',
  'expired_total',
  'loop_delay_ms_p50',
  'loop_delay_ms_p99',
] as const

export const proof: Proof = {
  name: 'overload',
  shows: 'goodput, memory and recovery at three times the load that three nodes can bear',
  usage: '[--rounds N] [--profile DIR]',
  run,
}

async function run(args: readonly string[]): Promise<Verdict> {
  const { values } = parseArgs({
    args: [...args],
    options: { rounds: { type: 'string', default: String(ROUNDS) }, profile: { type: 'string' } },
  })
  const cores = allowedCores()
  const { profile } = values
  const cluster = await LocalCluster.start({
    nodes: NODES,
    execArgv: (node) =>
      profile === undefined
        ? []
        : ['--cpu-prof', `--cpu-prof-dir=${profile}`, `--cpu-prof-name=node-${node}.cpuprofile`],
  })
  let load: OpenLoop | undefined
  try {
    for (let node = 0; node < NODES; node++) pin(cluster.pid(node), cores[0])
    pin(process.pid, cores[1])
    const addresses = Array.from({ length: NODES }, (_, i) => cluster.config(i).clientListen)
    load = await OpenLoop.connect(addresses)
    await load.fill(FILL_RATE)
    return await measure(cluster, load, Number(values.rounds))
  } finally {
    load?.close()
    await cluster.stop()
  }
}

async function measure(cluster: LocalCluster, load: OpenLoop, rounds: number): Promise<Verdict> {
  const phase = (what: string, rate: number, length: number) =>
    told(what, cluster, load.run(rate, length))
  const best = await bestLoad(load)
  const calm = Math.round(best.succeeded / 2)
  const before = await phase('half of it', calm, CALM_SECONDS)
  const normalMs = NORMAL * Math.max(...before.map((second) => second.p99()))
  const memory = Array.from({ length: NODES }, (_, node) => watchMemory(cluster.pid(node)))
  const figures = await figuresOf(cluster)
  const shares: number[] = []
  for (let round = 0; round < rounds; round++) {
    const peak = goodASecond(await phase('that load', best.rate, PEAK_SECONDS))
    const during = await phase(`${TIMES} times it`, Math.round(TIMES * peak), OVERLOAD_SECONDS)
    shares.push((100 * goodASecond(during)) / peak)
  }
  const after = await phase('half of it', calm, 2 * CALM_SECONDS)
  tellFigures(figures, await figuresOf(cluster))
  const share = median(shares)
  const recovery = secondsUntilNormal(after, normalMs)
  const grown = memory.map((watched) => watched.stop())
  const capMib = (2 * cluster.config(0).messageBytes) / MIB
  const most = Math.max(...grown.map(({ aboveMib }) => aboveMib))
  const base = Math.max(...grown.map(({ baseMib }) => baseMib))
  const isRecovered = recovery <= RECOVERY_BAR_SECONDS
  return {
    isMet: share >= GOODPUT_BAR && most <= capMib && isRecovered,
    figure:
      `goodput ${share.toFixed(0)} % of the peak (bar ${GOODPUT_BAR}) at ${TIMES} times its ` +
      `load, the median of ${shares.map((one) => one.toFixed(0)).join(', ')}; memory at most ` +
      `${most} MiB above ${base} (cap ${capMib}); p99 at most ${normalMs.toFixed(0)} ms again ` +
      `after ${Number.isFinite(recovery) ? recovery : 'more than 16'} s ` +
      `(bar ${RECOVERY_BAR_SECONDS})`,
  }
}

/** How much the nodes counted between two of their statuses, and their loops' delay in the end. */
function tellFigures(before: readonly Figures[], then: readonly Figures[]): void {
  for (const name of TOLD) {
    const sum = (all: readonly Figures[]) => all.reduce((total, one) => total + one(name), 0)
    const value = name.endsWith('_total') ? sum(then) - sum(before) : sum(then) / NODES
    console.log(`${name}: ${value.toFixed(name.endsWith('_total') ? 0 : 1)}`)
  }
}

/** The load of which most succeeds, over steps of growing load; both in operations a second. */
async function bestLoad(load: OpenLoop): Promise<{ rate: number; succeeded: number }> {
  let best = { rate: 0, succeeded: 0 }
  let short = 0
  for (let rate = STEP_RATE; ; rate = Math.round(rate * STEP_FACTOR)) {
    const tallies = await load.run(rate, STEP_SECONDS)
    const all = sumOf(tallies)
    console.log(`${rate}/s: ${all.told()}`)
    const succeeded = goodASecond(tallies)
    if (succeeded > best.succeeded) best = { rate, succeeded }
    short = all.good < STEP_SHARE * all.offered ? short + 1 : 0
    if (short === 2) return best
  }
}

function goodASecond(tallies: readonly Tally[]): number {
  return sumOf(tallies).good / tallies.length
}

/** Whole seconds until a second and the next are normal. */
function secondsUntilNormal(after: readonly Tally[], normalMs: number): number {
  const isNormal = ({ good, offered, p99 }: { good: number; offered: number; p99: number }) =>
    p99 <= normalMs && good >= NORMAL_SHARE * offered
  const seconds = after.map((second) => {
    const { good, offered } = second
    return isNormal({ good, offered, p99: second.p99() })
  })
  const at = seconds.findIndex((isGood, i) => isGood && seconds[i + 1] === true)
  return at < 0 ? Number.POSITIVE_INFINITY : at
}

/** What became of a load, and how much of their core the nodes had meanwhile. */
async function told(
  what: string,
  cluster: LocalCluster,
  running: Promise<readonly Tally[]>,
): Promise<readonly Tally[]> {
  const started = performance.now()
  const before = await cpuMicrosOf(cluster)
  const tallies = await running
  const used = (await cpuMicrosOf(cluster)) - before
  const share = used / ((performance.now() - started) * 1000)
  const sum = sumOf(tallies)
  const perSecond = Math.round((sum.good * 1e6) / used)
  console.log(`${what}: ${sum.told()}`)
  console.log(`  p99 by second: ${tallies.map((one) => one.p99().toFixed(0)).join(' ')} ms`)
  const core = `the nodes had ${(100 * share).toFixed(0)} % of a core`
  console.log(`  ${core}: ${perSecond} good in each of its seconds`)
  return tallies
}

async function cpuMicrosOf(cluster: LocalCluster): Promise<number> {
  let micros = 0
  for (let node = 0; node < NODES; node++) {
    const { userMicros, systemMicros } = await cluster.usage(node)
    micros += userMicros + systemMicros
  }
  return micros
}

function sumOf(tallies: readonly Tally[]): Tally {
  const sum = new Tally()
  for (const one of tallies) sum.add(one)
  return sum
}

type Figures = (name: string) => number

async function figuresOf(cluster: LocalCluster): Promise<readonly Figures[]> {
  const all: Figures[] = []
  for (let node = 0; node < NODES; node++) {
    const session = await NodeSession.connect(cluster.config(node).clientListen)
    const { figures } = await session.ask('status', {})
    session.close()
    const byName = new Map(figures.map(({ name, value }) => [name, value]))
    all.push((name) => byName.get(name) ?? Number.NaN)
  }
  return all
}

/** The cores that this process may use: one for the nodes and one for the generator. */
function allowedCores(): readonly [number, number] {
  const list = /Cpus_allowed_list:\s+(\S+)/.exec(readFileSync('/proc/self/status', 'utf8'))?.[1]
  const cores = (list ?? '').split(',').flatMap((range) => {
    const [from = 0, to = from] = range.split('-').map(Number)
    return Array.from({ length: to - from + 1 }, (_, i) => from + i)
  })
  const [first, second] = cores
  if (first === undefined || second === undefined) {
    throw new CannotRun('it needs two cores, one for the nodes and one for the generator')
  }
  return [first, second]
}

/** All threads of the process run on `core` from now on. */
function pin(pid: number, core: number): void {
  const { status } = spawnSync('taskset', ['-a', '-c', '-p', String(core), String(pid)])
  if (status !== 0) throw new CannotRun('it needs taskset, of util-linux, to keep nodes on a core')
}

/** Samples a process's resident memory; `stop` returns the most above the first, in MiB. */
function watchMemory(pid: number): { stop(): { aboveMib: number; baseMib: number } } {
  const rssKib = (): number =>
    Number(/VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1])
  const base = rssKib()
  let most = base
  const timer = setInterval(() => {
    most = Math.max(most, rssKib())
  }, SAMPLE_MS)
  return {
    stop: () => {
      clearInterval(timer)
      return { aboveMib: Math.round((most - base) / 1024), baseMib: Math.round(base / 1024) }
    },
  }
}
