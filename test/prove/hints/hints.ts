/**
 * Shows that hints come home: fast, without harm to the clients, and all of them.
 *
 *     peak ─► half of it ─► outage, 100,000 writes ─► half of the peak, target back ─► half of it
 *             before                                  during ─► kills, a cut           after
 *
 * Five nodes, N=3, W=R=2, each on an ext4 of its own; values of 100 bytes. One of them is down
 * while 100,000 keys that it owns are written, so each leaves a hint. P99 and speed are measured
 * until one of the holders has delivered half of its hints (`foreground.ts`). While it delivers the
 * rest, it and the target are killed five times each, and the power of both is cut once
 * (`blows.ts`). Then every acknowledged write must be at all its owners, and no node may have a
 * hint.
 *
 * `--plant NAME` plants a bug in every node, which must then be found.
 */
import { join } from 'node:path'
import { Prng } from '../../../src/base/prng.ts'
import { Caretaker, requireMeans } from '../machine/caretaker.ts'
import { type Image, onImages } from '../machine/images.ts'
import { sleep } from '../machine/faults.ts'
import { Inspector } from '../machine/inspector.ts'
import { Nodes } from '../machine/nodes.ts'
import { argumentsOf } from '../machine/options.ts'
import { placesOn } from '../machine/sigkill.ts'
import type { Tally } from '../overload/open-loop.ts'
import type { Proof, Verdict } from '../proof.ts'
import { type BlowsFigures, strikeDelivery } from './blows.ts'
import { Foreground, medianP99, told } from './foreground.ts'
import { KeptHints, sumOf } from './kept-hints.ts'
import { Outage } from './outage.ts'

const NODES = 5
const TARGET = 0
const HOLDER = 1
const DISKS = { count: NODES, mebibytes: 1024, prefix: 'everwrite-hints-' }
const CALM_SECONDS = 15
const CLEAN_MS_MAX = 10_000
/** The load runs so long before the target comes back. */
const AHEAD_MS = 1_000
/** Of the holder's hints; the blows fall into the rest of its delivery. */
const MEASURED_SHARE = 0.5
/** It is given up after so many times the time of the writes; at the bar it takes once that. */
const GIVEN_UP = 1.5
const P99_BAR = 2
const SPEED_BAR = 0.5

export const proof: Proof = {
  name: 'hints',
  shows: 'hints are delivered fast, beside clients, and all of them whatever is killed',
  usage: '[--hints N] [--kills N] [--plant NAME]',
  run: async (args) => {
    const given = argumentsOf(args)
    return hints({
      hints: given.count('hints', 100_000),
      kills: given.count('kills', 5),
      plant: given.text('plant'),
      seed: given.seed,
      say: (line) => console.log(line),
    })
  },
}

interface HintsOptions {
  readonly hints: number
  readonly kills: number
  readonly plant: string | undefined
  readonly seed: number
  readonly say: (line: string) => void
}

async function hints(options: HintsOptions): Promise<Verdict> {
  options.say(`seed ${options.seed}`)
  const caretaker = new Caretaker()
  try {
    await requireMeans(caretaker, ['python3', 'losetup', 'mkfs.ext4'])
    return await onImages(caretaker, DISKS, async (root, images) => {
      const places = (await placesOn(root, NODES)).map((place, i) => ({
        ...place,
        directory: join((images[i] as Image).target, 'data'),
      }))
      const { plant } = options
      const nodes = new Nodes({ root, places, n: 3, w: 2, r: 2, spares: 1, plant })
      try {
        await nodes.startAll()
        return await prove(options, caretaker, nodes, images)
      } finally {
        await nodes.end()
      }
    })
  } finally {
    await caretaker.end()
  }
}

/** What was measured in the first part of the delivery. */
interface Measured {
  readonly hints: number
  /** Hints delivered a second, over writes a second that made them. */
  readonly speed: number
  readonly before: readonly Tally[]
  readonly during: readonly Tally[]
  readonly after: readonly Tally[]
}

async function prove(
  options: HintsOptions,
  caretaker: Caretaker,
  nodes: Nodes,
  images: readonly Image[],
): Promise<Verdict> {
  const { kills, seed, say } = options
  const addresses = nodes.places.map(({ host, clientPort: port }) => ({ host, port }))
  const inspector = await Inspector.over(nodes)
  const kept = new KeptHints(addresses)
  // Clients of the nodes that are struck would lose what they had in flight.
  const others = addresses.filter((_, node) => node !== TARGET && node !== HOLDER)
  const load = await Foreground.connect(others)
  const prng = Prng.of(seed, 'hints')
  const outage = new Outage({ inspector, target: TARGET, count: options.hints })
  const scene = { nodes, images, caretaker, inspector, kept, target: TARGET, holder: HOLDER }
  try {
    say(`the peak: ${Math.round(await load.peak())} operations/s`)
    // At the peak owners are late now and then, and fallbacks take hints for them.
    await kept.downTo(0, performance.now() + CLEAN_MS_MAX)
    const before = await load.run(CALM_SECONDS)
    say(told('before', before))
    const { hints, speed, from, to, running } = await deliver(say, nodes, kept, outage, load)
    const struck = await strikeDelivery({ ...scene, kills, prng, say })
    const during = (await running.end()).slice(from, to)
    say(told('during', during))
    const after = await load.run(CALM_SECONDS)
    say(told('after', after))
    for (const sentence of [...struck.judged.sentences, ...struck.judged.story]) say(sentence)
    const left = await kept.downTo(0, performance.now() + CLEAN_MS_MAX)
    // What is left is not at its owner yet, and counts as lost too.
    const lost = (await outage.lost()) + struck.judged.lost
    const measured = { hints, speed, before, during, after }
    return verdictOn(options, measured, struck, { lost, left })
  } finally {
    load.close()
    inspector.close()
    kept.close()
  }
}

/** The outage, and the first part of the delivery; the load and the delivery go on. */
async function deliver(
  say: (line: string) => void,
  nodes: Nodes,
  kept: KeptHints,
  outage: Outage,
  load: Foreground,
) {
  await nodes.kill(TARGET)
  const perSecond = await outage.write(nodes.seeds)
  const counts = await kept.counts()
  const hints = sumOf(counts)
  say(`${hints} hints were made by ${Math.round(perSecond)} writes/s`)
  const running = load.begin()
  await sleep(AHEAD_MS)
  await nodes.start(TARGET)
  const from = running.seconds() + 1
  const began = performance.now()
  const limitMs = (GIVEN_UP * 1000 * hints) / perSecond
  const holderLeft = (counts[HOLDER] ?? 0) * (1 - MEASURED_SHARE)
  const left = await kept.nodeDownTo(HOLDER, holderLeft, began + limitMs)
  const seconds = (performance.now() - began) / 1000
  const delivered = (hints - left) / seconds
  say(`${left} are left after ${seconds.toFixed(1)} s: ${Math.round(delivered)} hints/s`)
  return { hints, speed: delivered / perSecond, from, to: running.seconds(), running }
}

function verdictOn(
  { hints: count, kills }: HintsOptions,
  { hints, speed, before, during, after }: Measured,
  { judged, blows, acknowledged }: BlowsFigures,
  { lost, left }: { readonly lost: number; readonly left: number },
): Verdict {
  const p99Ms = medianP99(during)
  const withoutMs = medianP99([...before, ...after])
  const ratio = p99Ms / withoutMs
  const wrong = judged.count - judged.lost
  const blowsBar = 2 * kills + 1
  const isWhole = hints >= count && blows === blowsBar && acknowledged > 0
  return {
    isMet: isWhole && ratio <= P99_BAR && speed >= SPEED_BAR && lost + left + wrong === 0,
    figure:
      `${hints} hints (bar ${count}), delivered ${speed.toFixed(2)} times as fast as they were ` +
      `written (bar ${SPEED_BAR}); p99 at half the peak ${p99Ms.toFixed(0)} ms, ` +
      `${ratio.toFixed(2)} times the ${withoutMs.toFixed(0)} ms without (bar ${P99_BAR}); ` +
      `${blows} kills and cuts (bar ${blowsBar}): ` +
      `${lost} lost, ${left} left, ${wrong} wrong (bar 0, 0, 0)`,
  }
}
