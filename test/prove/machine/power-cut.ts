/**
 * Shows that no acknowledged write is lost to power cuts: of one disk, and of all at once.
 *
 * Each node's data lies on an ext4 of its own. A power cut shuts that file system down under load
 * without flushing its journal. Every call of the node to its disk then fails; it is killed soon
 * after, and starts again on the result of the journal's replay. First the proof tests itself: a
 * file that was not synced must be gone, a synced one must be there, and it must find writes lost
 * by nodes that acknowledge before they sync. Cuts behind the first start of `everwrite dev` show
 * that its key and configuration are whole.
 */
import { closeSync, existsSync, fsyncSync, openSync, readFileSync, writeSync } from 'node:fs'
import { join } from 'node:path'
import { Prng } from '../../../src/base/prng.ts'
import { Caretaker, requireMeans } from './caretaker.ts'
import { cutBehindDev } from './cut-dev.ts'
import { cutPower, type Image, onImages } from './images.ts'
import { Nodes } from './nodes.ts'
import { argumentsOf } from './options.ts'
import { Tally, trial, type TrialResult } from './trial.ts'
import { CannotRun, type Proof, type Verdict } from '../proof.ts'
import { placesOn } from './sigkill.ts'

export const proof: Proof = {
  name: 'power-cut',
  shows: 'no acknowledged write is lost to real power cuts, of one disk or of all',
  usage: '[--single N] [--cluster N] [--dev N]',
  run: (args) => {
    const given = argumentsOf(args)
    return powerCut({
      single: given.count('single', 1000),
      cluster: given.count('cluster', 100),
      dev: given.count('dev', 10),
      seed: given.seed,
      say: (line) => console.log(line),
    })
  },
}

export interface PowerCutOptions {
  readonly single: number
  readonly cluster: number
  /** Behind the first start of `everwrite dev`. */
  readonly dev: number
  readonly seed: number
  readonly say: (line: string) => void
  /** Does not test the proof with a planted bug; the method itself is always tested. */
  readonly isTrusted?: boolean
}

const PLANT = 'ack before sync'
const PLANTED_CUTS_MAX = 20
const CUTS_A_TRIAL = 25
const CLUSTER_CUTS_A_TRIAL = 10
const DISKS = { mebibytes: 128, prefix: 'everwrite-cut-' }
const SETTINGS = { 'segment-bytes': 1024 * 1024, partitions: 16 }
const WRITES_MAX = 60
/** At most so long after the cut the node is killed. */
const DARK_MS_MAX = 25
const LANES = 3

export async function powerCut(options: PowerCutOptions): Promise<Verdict> {
  const { single, cluster, seed, say } = options
  say(`seed ${seed}`)
  const caretaker = new Caretaker()
  try {
    await requireMeans(caretaker, ['python3', 'losetup', 'mkfs.ext4'])
    await tryMethod(caretaker)
    const prng = Prng.of(seed, 'power-cut')
    if (options.isTrusted !== true) {
      const found = await findOut(caretaker, prng.stream('planted'))
      say(`nodes that acknowledge before they sync: ${found.line}, of ${found.blows} cuts`)
      if (found.lost === 0) {
        return {
          isMet: false,
          figure: 'nodes that acknowledge before they sync were not found out',
        }
      }
    }
    const alone = await cuts(options, caretaker, { size: 1, count: single, a: CUTS_A_TRIAL }, prng)
    const all = { size: 3, count: cluster, a: CLUSTER_CUTS_A_TRIAL }
    const together = await cuts(options, caretaker, all, prng)
    const wrongDev = await cutDev(caretaker, options)
    for (const sentence of [...alone.tally.sentences, ...together.tally.sentences]) say(sentence)
    const isClean = alone.tally.violations + together.tally.violations + wrongDev === 0
    const isWhole = alone.tally.blows >= single && together.tally.blows >= cluster
    const hasWritten = alone.tally.acknowledged > 0 || single === 0
    return {
      isMet: isClean && isWhole && hasWritten,
      figure:
        `single node: ${alone.line} (bar: ${single} cuts, 0, 0); ` +
        `whole cluster: ${together.line} (bar: ${cluster} cuts, 0, 0); ` +
        `everwrite dev: ${options.dev} cuts, ${wrongDev} wrong (bar: 0)`,
    }
  } finally {
    await caretaker.end()
  }
}

/** How many of the cuts behind `everwrite dev` left something wrong. */
async function cutDev(caretaker: Caretaker, { dev, say }: PowerCutOptions): Promise<number> {
  let wrong = 0
  for (let cut = 0; cut < dev; cut++) {
    const problem = await onImages(caretaker, { ...DISKS, count: 1 }, (_, [image]) =>
      cutBehindDev(caretaker, image as Image),
    )
    if (problem === undefined) continue
    wrong += 1
    say(`behind everwrite dev: ${problem}`)
  }
  return wrong
}

/** A file that was not synced must be gone after a cut, and one that was must be there. */
async function tryMethod(caretaker: Caretaker): Promise<void> {
  await onImages(caretaker, { ...DISKS, count: 1 }, async (_, [image]) => {
    if (image === undefined) throw new Error('there is an image')
    const content = 'x'.repeat(8192)
    for (const [name, isSynced] of [
      ['synced', true],
      ['not-synced', false],
    ] as const) {
      const file = openSync(join(image.target, name), 'w')
      writeSync(file, content)
      if (isSynced) fsyncSync(file)
      closeSync(file)
    }
    await cutPower(caretaker, [image])
    await image.umount()
    await image.mount()
    const isThere = (name: string): boolean => {
      const path = join(image.target, name)
      return existsSync(path) && readFileSync(path, 'utf8') === content
    }
    if (isThere('not-synced')) {
      throw new CannotRun('a cut takes nothing away here: what was not synced was still there')
    }
    if (!isThere('synced')) throw new CannotRun('a cut took away what was synced: nothing is shown')
  })
}

async function findOut(caretaker: Caretaker, prng: Prng): Promise<Tally> {
  const tally = new Tally()
  while (tally.lost === 0 && tally.blows < PLANTED_CUTS_MAX) {
    tally.add(await cutting(caretaker, 1, 2, prng.stream(`${tally.blows}`), PLANT), 2)
  }
  return tally
}

interface Plan {
  readonly size: number
  readonly count: number
  /** Cuts in one trial. */
  readonly a: number
}

async function cuts(options: PowerCutOptions, caretaker: Caretaker, plan: Plan, prng: Prng) {
  const { size, count, a } = plan
  const tally = new Tally()
  const began = performance.now()
  let begun = 0
  const lane = async (): Promise<void> => {
    while (begun < count && tally.violations === 0) {
      const blows = Math.min(a, count - begun)
      const stream = prng.stream(`${size} from ${begun}`)
      begun += blows
      tally.add(await cutting(caretaker, size, blows, stream), blows)
      options.say(`${tally.blows} cuts of ${size === 1 ? 'one' : 'all three'}: ${tally.line}`)
    }
  }
  await Promise.all(Array.from({ length: size === 1 ? LANES : 1 }, lane))
  const rate = tally.blows / ((performance.now() - began) / 1000)
  return { tally, line: `${tally.blows} cuts, ${rate.toFixed(1)} a second, ${tally.line}` }
}

/** One trial of `size` nodes on fresh images. */
function cutting(
  caretaker: Caretaker,
  size: number,
  blows: number,
  prng: Prng,
  plant?: string,
): Promise<TrialResult> {
  return onImages(caretaker, { ...DISKS, count: size }, async (root, images) => {
    const places = (await placesOn(root, size)).map((place, i) => ({
      ...place,
      directory: join((images[i] as Image).target, 'data'),
    }))
    const nodes = new Nodes({
      ...{ root, places, plant, settings: SETTINGS, spares: size === 1 ? 2 : 1 },
      phantoms: size === 1 ? 1 : 0,
      ...(size === 1 ? { n: 1, w: 1, r: 1 } : { n: 3, w: 2, r: 2 }),
    })
    try {
      await nodes.startAll()
      const strike = (): Promise<void> => cutAndRestart(caretaker, nodes, images, prng)
      const replicas = size === 1 ? 1 : 3
      return await trial({ nodes, prng, blows, strike, replicas, writesMax: WRITES_MAX })
    } finally {
      await nodes.end()
    }
  })
}

async function cutAndRestart(
  caretaker: Caretaker,
  nodes: Nodes,
  images: readonly Image[],
  prng: Prng,
): Promise<void> {
  const ends = nodes.places.map((_, node) => nodes.expectEnd(node))
  await cutPower(caretaker, images)
  await new Promise((resolve) => setTimeout(resolve, prng.unit() * DARK_MS_MAX))
  await nodes.killAll()
  await Promise.all(ends)
  for (const image of images) {
    await image.umount()
    await image.mount()
  }
  await nodes.startAll()
}
