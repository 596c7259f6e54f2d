/**
 * The processor time of a put at three nodes that keep hash trees, over that at three that do not.
 *
 * The others run a copy of the build in which a write does not change the trees. Both clusters of a
 * pair are loaded in short turns, so that they meet alike what else the machine does. Each pair has
 * new processes: one process runs the same code faster than another by some percent, for as long as
 * it lives. Every put is of a new key: no put costs less.
 */
import { bytes, type Client, connect } from '../../../src/index.ts'
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
/** Of each cluster in a pair: what else the machine does changes by the second. */
const TURNS = 6
const TURN_MS = 400
/** Writes at the last owners end. */
const PAUSE_MS = 30

/** `onMended` stays: no copy rots here. */
const WITHOUT_TREES: Plant = {
  name: 'a write does not change the trees',
  find: 'if (!isOwn(copy)) return; this.#notice(copy, after); if',
  replace: 'if (this !== undefined) return; if',
  why: 'what keeping the trees costs is what is missing here',
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
  const build = patchedBuild(WITHOUT_TREES)
  try {
    const ratios: number[] = []
    for (let pair = 0; pair < pairs; pair++) {
      const builds = pair % 2 === 0 ? [undefined, build] : [build, undefined]
      const micros = await pairOf(builds)
      const [ours, theirs] = pair % 2 === 0 ? micros : micros.toReversed()
      const ratio = (ours as number) / (theirs as number)
      const [kept, without] = [ours?.toFixed(0), theirs?.toFixed(0)]
      say(`${kept} µs a put with trees, ${without} without: ${ratio.toFixed(3)}`)
      ratios.push(ratio)
    }
    return median(ratios)
  } finally {
    removeBuild(build)
  }
}

/** What a put takes of all nodes with each of these builds. */
async function pairOf(builds: readonly (string | undefined)[]): Promise<readonly number[]> {
  const sides = await Promise.all(builds.map(open))
  try {
    for (const side of sides) await load(side, WARM_UP_MS)
    const spent = sides.map(() => ({ puts: 0, micros: 0 }))
    for (let turn = 0; turn < 2 * TURNS; turn++) {
      // The first, the second, the second, the first, and so on.
      const at = Math.floor((turn + 1) / 2) % 2
      const { puts, micros } = await load(sides[at] as Side, TURN_MS)
      const sum = spent[at] as Spent
      sum.puts += puts
      sum.micros += micros
    }
    return spent.map(({ puts, micros }) => micros / puts)
  } finally {
    for (const { clients, cluster } of sides) {
      await Promise.all(clients.map((client) => client.close()))
      await cluster.stop()
    }
  }
}

async function open(build: string | undefined): Promise<Side> {
  const cluster = await LocalCluster.start({ nodes: NODES, ...(build && { build }) })
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
