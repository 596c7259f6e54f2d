/**
 * How many operations three nodes do for one second of their processors' time.
 *
 * Three nodes with the defaults (N=3, R=W=2, siblings, every acknowledgement after fdatasync), 32
 * connections of our own client, values of 1 KiB, half gets and half updates of what was read
 * before, closed loop. Rates per processor-second hold on a noisy machine, where rates per second
 * do not. `--seconds N` (20), `--profile DIR` keeps a CPU profile of each node there.
 *
 * `--against DIR` compares with another built checkout: the two run in turn, `--pairs N` (5) times,
 * and the figure is the median of the ratios, ours to theirs.
 */
import { spawnSync } from 'node:child_process'
import { mkdirSync } from 'node:fs'
import { createHistogram, type RecordableHistogram } from 'node:perf_hooks'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'
import { bytes, type Client, connect } from '../../src/index.ts'
import type { Proof, Verdict } from './proof.ts'
import { LocalCluster } from '../support/local-cluster.ts'
import { median } from '../support/median.ts'

const CONNECTIONS = 32
const KEYS = 10_000
const VALUE_BYTES = 1024
const WARM_UP_SECONDS = 3
const BAR = 5_000
const RATIO_BAR = 0.97

export const proof: Proof = {
  name: 'rate',
  shows: 'operations per server processor-second, three nodes, 1 KiB, half gets',
  usage: '[--seconds N] [--profile DIR] [--against DIR [--pairs N]]',
  run,
}

async function run(args: readonly string[]): Promise<Verdict> {
  const { values } = parseArgs({
    args: [...args],
    options: {
      seconds: { type: 'string', default: '20' },
      profile: { type: 'string' },
      against: { type: 'string' },
      pairs: { type: 'string', default: '5' },
    },
  })
  const { against, seconds } = values
  if (against !== undefined) return compare(against, Number(values.pairs), seconds)
  const { profile } = values
  if (profile !== undefined) mkdirSync(profile, { recursive: true })
  const cluster = await LocalCluster.start({
    nodes: 3,
    execArgv: (node) =>
      profile === undefined
        ? []
        : ['--cpu-prof', `--cpu-prof-dir=${profile}`, `--cpu-prof-name=node-${node}.cpuprofile`],
  })
  try {
    return await measure(cluster, Number(values.seconds))
  } finally {
    await cluster.stop()
  }
}

/** Runs this checkout and another in turn, each with its own clients and nodes. */
function compare(other: string, pairs: number, seconds: string): Verdict {
  const own = fileURLToPath(new URL('../../../', import.meta.url))
  const ratios: number[] = []
  for (let pair = 0; pair < pairs; pair++) {
    // The second of two runs pays for what the first left to be written back: they take turns.
    const isOwnFirst = pair % 2 === 0
    const first = rateIn(isOwnFirst ? own : other, seconds)
    const second = rateIn(isOwnFirst ? other : own, seconds)
    const [ours, theirs] = isOwnFirst ? [first, second] : [second, first]
    console.log(`${ours} to ${theirs}: ${(ours / theirs).toFixed(3)}`)
    ratios.push(ours / theirs)
  }
  const ratio = median(ratios)
  return {
    isMet: ratio >= RATIO_BAR,
    figure: `${ratio.toFixed(3)} times theirs, median of ${pairs} pairs (bar ${RATIO_BAR})`,
  }
}

function rateIn(folder: string, seconds: string): number {
  const args = ['dist/test/prove/main.js', 'rate', '--seconds', seconds]
  const { stdout } = spawnSync(process.execPath, args, { cwd: folder, encoding: 'utf8' })
  const rate = /(\d+) operations per server/.exec(stdout)?.[1]
  if (rate === undefined) throw new Error(`no rate was measured in ${folder}: ${stdout}`)
  return Number(rate)
}

interface Tally {
  readonly latencies: Readonly<Record<'get' | 'put', RecordableHistogram>>
  operations: number
  failed: number
  isMeasured: boolean
  isOver: boolean
}

async function measure(cluster: LocalCluster, seconds: number): Promise<Verdict> {
  const clients = await Promise.all(
    Array.from({ length: CONNECTIONS }, () => connect({ seeds: cluster.seeds })),
  )
  const latencies = { get: createHistogram(), put: createHistogram() }
  const tally = { latencies, operations: 0, failed: 0, isMeasured: false, isOver: false }
  const loops = clients.map((client, i) => loop(client, i, tally))
  await sleep(WARM_UP_SECONDS)
  const before = await cpuSeconds(cluster)
  const clientBefore = process.cpuUsage()
  const started = performance.now()
  tally.isMeasured = true
  await sleep(seconds)
  tally.isMeasured = false
  const took = (performance.now() - started) / 1000
  const after = await cpuSeconds(cluster)
  const client = process.cpuUsage(clientBefore)
  tally.isOver = true
  await Promise.all(loops)
  for (const one of clients) await one.close()

  const user = after.user - before.user
  const system = after.system - before.system
  tell(tally, took, { user, system }, (client.user + client.system) / tally.operations)
  const rate = Math.round(tally.operations / (user + system))
  return {
    isMet: rate >= BAR && tally.failed === 0,
    figure: `${rate} operations per server processor-second (bar ${BAR})`,
  }
}

/** One connection's closed loop: reads a key, and replaces what it read. */
async function loop(client: Client, index: number, tally: Tally): Promise<void> {
  const bucket = client.bucket('rate', { codec: bytes })
  const value = new Uint8Array(VALUE_BYTES).fill(index)
  while (!tally.isOver) {
    const key = `key-${Math.floor(Math.random() * KEYS)}`
    const started = process.hrtime.bigint()
    try {
      const found = await bucket.get(key)
      const between = process.hrtime.bigint()
      await bucket.put(key, value, { context: found.context })
      if (!tally.isMeasured) continue
      tally.latencies.get.record(between - started)
      tally.latencies.put.record(process.hrtime.bigint() - between)
      tally.operations += 2
    } catch {
      tally.failed += 1
    }
  }
}

function tell(tally: Tally, took: number, used: CpuSeconds, clientMicros: number): void {
  for (const kind of ['get', 'put'] as const) {
    const of = (share: number): string => (tally.latencies[kind].percentile(share) / 1e6).toFixed(2)
    console.log(`${kind}: p50 ${of(50)} ms, p99 ${of(99)} ms, p99.9 ${of(99.9)} ms`)
  }
  const total = used.user + used.system
  const micros = ((total * 1e6) / tally.operations).toFixed(0)
  console.log(
    `${Math.round(tally.operations / took)} operations/s, ${tally.failed} failed; ` +
      `servers ${micros} µs an operation, ${Math.round((100 * used.system) / total)} % of it ` +
      `in the kernel; client ${clientMicros.toFixed(0)} µs`,
  )
}

interface CpuSeconds {
  readonly user: number
  readonly system: number
}

async function cpuSeconds(cluster: LocalCluster): Promise<CpuSeconds> {
  let user = 0
  let system = 0
  for (let node = 0; node < cluster.size; node++) {
    const usage = await cluster.usage(node)
    user += usage.userMicros / 1e6
    system += usage.systemMicros / 1e6
  }
  return { user, system }
}

function sleep(seconds: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, seconds * 1000))
}
