/**
 * How many operations three nodes do for one second of their processors' time.
 *
 * Three nodes with the defaults (N=3, R=W=2, siblings, every acknowledgement after fdatasync), 32
 * connections of our own client, values of 1 KiB, half gets and half updates of what was read
 * before, closed loop. Rates per processor-second hold on a noisy machine, where rates per second
 * do not. `--seconds N` (20), `--profile DIR` keeps a CPU profile of each node there.
 */
import { mkdirSync } from 'node:fs'
import { createHistogram } from 'node:perf_hooks'
import { parseArgs } from 'node:util'
import { bytes, type Client, connect } from '../../src/index.ts'
import type { Proof, Verdict } from '../../test/prove/proof.ts'
import { LocalCluster } from '../../test/support/local-cluster.ts'

const CONNECTIONS = 32
const KEYS = 10_000
const VALUE_BYTES = 1024
const WARM_UP_SECONDS = 3
const BAR = 5_000

export const proof: Proof = {
  name: 'rate',
  shows: 'operations per server processor-second, three nodes, 1 KiB, half gets',
  usage: '[--seconds N] [--profile DIR]',
  run,
}

async function run(args: readonly string[]): Promise<Verdict> {
  const { values } = parseArgs({
    args: [...args],
    options: {
      seconds: { type: 'string', default: '20' },
      profile: { type: 'string' },
    },
  })
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

async function measure(cluster: LocalCluster, seconds: number): Promise<Verdict> {
  const clients = await Promise.all(
    Array.from({ length: CONNECTIONS }, () => connect({ seeds: cluster.seeds })),
  )
  const latencies = { get: createHistogram(), put: createHistogram() }
  const counts = { get: 0, put: 0, failed: 0 }
  let isMeasured = false
  const state = { isOver: false }
  const loop = async (index: number): Promise<void> => {
    const bucket = (clients[index] as Client).bucket('rate', { codec: bytes })
    const value = new Uint8Array(VALUE_BYTES).fill(index)
    while (!state.isOver) {
      const key = `key-${Math.floor(Math.random() * KEYS)}`
      const started = process.hrtime.bigint()
      try {
        const found = await bucket.get(key)
        const between = process.hrtime.bigint()
        await bucket.put(key, value, { context: found.context })
        if (!isMeasured) continue
        latencies.get.record(between - started)
        latencies.put.record(process.hrtime.bigint() - between)
        counts.get += 1
        counts.put += 1
      } catch {
        counts.failed += 1
      }
    }
  }
  const loops = Array.from({ length: CONNECTIONS }, (_, i) => loop(i))
  await sleep(WARM_UP_SECONDS)
  const before = await cpuSeconds(cluster)
  const clientBefore = process.cpuUsage()
  const started = performance.now()
  isMeasured = true
  await sleep(seconds)
  isMeasured = false
  const took = (performance.now() - started) / 1000
  const after = await cpuSeconds(cluster)
  const used = after.user + after.system - before.user - before.system
  const inKernel = (after.system - before.system) / used
  const client = process.cpuUsage(clientBefore)
  state.isOver = true
  await Promise.all(loops)
  for (const one of clients) await one.close()

  const done = counts.get + counts.put
  for (const kind of ['get', 'put'] as const) {
    const of = (share: number): string => (latencies[kind].percentile(share) / 1e6).toFixed(2)
    console.log(`${kind}: p50 ${of(50)} ms, p99 ${of(99)} ms, p99.9 ${of(99.9)} ms`)
  }
  const clientMicros = (client.user + client.system) / done
  console.log(
    `${Math.round(done / took)} operations/s, ${counts.failed} failed; ` +
      `servers ${((used * 1e6) / done).toFixed(0)} µs an operation, ` +
      `${Math.round(inKernel * 100)} % of it in the kernel; client ${clientMicros.toFixed(0)} µs`,
  )
  const rate = Math.round(done / used)
  return {
    isMet: rate >= BAR && counts.failed === 0,
    figure: `${rate} operations per server processor-second (bar ${BAR})`,
  }
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
