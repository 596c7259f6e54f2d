/**
 * The processor time of a put at three nodes that keep hash trees, over that at the same three
 * while they do not.
 *
 * They run a copy of the build in which a write changes the trees in some turns and not in others,
 * by the clock of the machine: one process runs the same code faster than another by some percent,
 * for as long as it lives, and what else the machine does changes by the second. Nodes exchange
 * nothing meanwhile, since their trees are wrong. Each pair of figures is of new processes. Every
 * put is of a new key: no put costs less.
 */
import { bytes, type Client, connect } from '../../../src/index.ts'
import { EXCHANGE_MS_MAX } from '../../../src/limits.ts'
import { LocalCluster } from '../../support/local-cluster.ts'
import { median } from '../../support/median.ts'
import { sleep } from '../machine/faults.ts'
import { patchedBuild, removeBuild } from '../plants/patched-build.ts'
import type { Plant } from '../plants/plant.ts'

const NODES = 3
const CLIENTS = 4
const PUTS_AT_ONCE = 8
const VALUE_BYTES = 100
const WARM_UP_MS = 2_500
/** Of a pair, half of them with trees. */
const TURNS = 24
const TURN_MS = 400
/** After a turn begins, and before it ends: no put of the turn before or after it is counted. */
const MARGIN_MS = 20
/** Writes at the last owners end. */
const PAUSE_MS = 40

const KEPT = 'if (!isOwn(copy)) return; this.#notice(copy, after); if'
/** Turns with trees, without, without, with, and so on. `onMended` stays: no copy rots here. */
const IN_TURNS: Plant = {
  name: 'a write changes the trees in some turns',
  find: KEPT,
  replace: `if (Math.floor(Date.now() / ${TURN_MS}) % 4 % 3 !== 0) return; ${KEPT}`,
  why: 'what keeping the trees costs is what is missing in the others',
}

interface Side {
  readonly cluster: LocalCluster
  readonly clients: readonly Client[]
  puts: number
}

interface Spent {
  puts: number
  /** Of the nodes' processors. */
  micros: number
}

/** The median ratio of so many pairs. Throws where the build has no text to patch. */
export async function keptTrees(pairs: number, say: (line: string) => void): Promise<number> {
  const build = patchedBuild(IN_TURNS)
  try {
    const ratios: number[] = []
    for (let pair = 0; pair < pairs; pair++) {
      const [kept, without] = await pairOf(build)
      const ratio = kept / without
      const [ours, theirs] = [kept.toFixed(0), without.toFixed(0)]
      say(`${ours} µs a put with trees, ${theirs} without: ${ratio.toFixed(3)}`)
      ratios.push(ratio)
    }
    return median(ratios)
  } finally {
    removeBuild(build)
  }
}

/** What a put takes of all nodes, with trees and without. */
async function pairOf(build: string): Promise<readonly [number, number]> {
  const side = await open(build)
  try {
    await load(side, WARM_UP_MS)
    const [kept, without] = [
      { puts: 0, micros: 0 },
      { puts: 0, micros: 0 },
    ]
    const first = Math.floor(Date.now() / TURN_MS) + 1
    for (let turn = first; turn < first + TURNS; turn++) {
      await sleep(turn * TURN_MS + MARGIN_MS - Date.now())
      const { puts, micros } = await load(side, TURN_MS - 2 * MARGIN_MS - PAUSE_MS)
      const sum = (turn % 4) % 3 === 0 ? kept : without
      sum.puts += puts
      sum.micros += micros
    }
    return [kept.micros / kept.puts, without.micros / without.puts]
  } finally {
    await Promise.all(side.clients.map((client) => client.close()))
    await side.cluster.stop()
  }
}

async function open(build: string): Promise<Side> {
  const settings = { exchangeMs: EXCHANGE_MS_MAX }
  const cluster = await LocalCluster.start({ nodes: NODES, settings, build })
  const clients = await Promise.all(
    Array.from({ length: CLIENTS }, () => connect({ seeds: cluster.seeds })),
  )
  return { cluster, clients, puts: 0 }
}

/** Puts for so long. */
async function load(side: Side, forMs: number): Promise<Spent> {
  const { cluster, clients } = side
  const value = new Uint8Array(VALUE_BYTES)
  const before = await processorMicros(cluster)
  const first = side.puts
  const until = performance.now() + forMs
  const lives = clients.flatMap((client) => {
    const bucket = client.bucket('cost', { codec: bytes })
    return Array.from({ length: PUTS_AT_ONCE }, async () => {
      while (performance.now() < until) {
        side.puts += 1
        await bucket.put(`key-${side.puts}`, value)
      }
    })
  })
  await Promise.all(lives)
  await sleep(PAUSE_MS)
  return { puts: side.puts - first, micros: (await processorMicros(cluster)) - before }
}

async function processorMicros(cluster: LocalCluster): Promise<number> {
  let micros = 0
  for (let node = 0; node < cluster.size; node++) {
    const { userMicros, systemMicros } = await cluster.usage(node)
    micros += userMicros + systemMicros
  }
  return micros
}
