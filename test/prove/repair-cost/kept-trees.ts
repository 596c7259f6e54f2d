/**
 * The processor time of a put at three nodes that keep hash trees, over that at three that do not.
 *
 * The others run a copy of the build in which a write does not change the trees. Both clusters run
 * all the time and are loaded in turn, so that both run warm code and meet what else the machine
 * does; which one is first alternates. Every put is of a new key: no put costs less.
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
const WARM_UP_MS = 5_000
const SLICE_MS = 3_000
/** Writes under way end, and what a slice left to do is done. */
const PAUSE_MS = 200

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

/** The median ratio of so many pairs. Throws where the build has no text to patch. */
export async function keptTrees(pairs: number, say: (line: string) => void): Promise<number> {
  const build = patchedBuild(WITHOUT_TREES)
  const sides: Side[] = []
  try {
    sides.push(await open(undefined), await open(build))
    const [kept, without] = sides as [Side, Side]
    await microsOfPut(kept, WARM_UP_MS)
    await microsOfPut(without, WARM_UP_MS)
    const ratios: number[] = []
    for (let pair = 0; pair < pairs; pair++) {
      const order = pair % 2 === 0 ? [kept, without] : [without, kept]
      const micros = new Map<Side, number>()
      for (const side of order) micros.set(side, await microsOfPut(side, SLICE_MS))
      const [ours, theirs] = [micros.get(kept) ?? Number.NaN, micros.get(without) ?? Number.NaN]
      const ratio = (ours / theirs).toFixed(3)
      say(`${ours.toFixed(0)} µs a put with trees, ${theirs.toFixed(0)} without: ${ratio}`)
      ratios.push(ours / theirs)
    }
    return median(ratios)
  } finally {
    for (const { clients, cluster } of sides) {
      for (const client of clients) await client.close()
      await cluster.stop()
    }
    removeBuild(build)
  }
}

async function open(build: string | undefined): Promise<Side> {
  const cluster = await LocalCluster.start({ nodes: NODES, ...(build && { build }) })
  const clients = await Promise.all(
    Array.from({ length: CLIENTS }, () => connect({ seeds: cluster.seeds })),
  )
  return { cluster, clients, puts: 0 }
}

/** Puts for so long; what one took of all nodes. */
async function microsOfPut(side: Side, forMs: number): Promise<number> {
  const { cluster, clients } = side
  const value = new Uint8Array(VALUE_BYTES)
  await sleep(PAUSE_MS)
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
  return ((await processorMicros(cluster)) - before) / (side.puts - first)
}

async function processorMicros(cluster: LocalCluster): Promise<number> {
  let micros = 0
  for (let node = 0; node < cluster.size; node++) {
    const { userMicros, systemMicros } = await cluster.usage(node)
    micros += userMicros + systemMicros
  }
  return micros
}
