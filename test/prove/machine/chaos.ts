/**
 * Shows that no acknowledged write is lost while real nodes meet every fault at once.
 *
 * Seven nodes, N = 3, W = R = 2, each in a network namespace and with an ext4 of its own, in
 * memory, whose power can be cut. Faults take owners and fallbacks at once, so a write may be
 * refused or in doubt. Acknowledged writes must be there in the end.
 */
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { Caretaker, requireMeans } from './caretaker.ts'
import { drive } from './drive.ts'
import { DISK_FAULTS, FAULTS, type FaultKind } from './faults.ts'
import { Image, IMAGES_ROOT } from './images.ts'
import { hostOf, makeNetwork, prefixOf } from './namespaces.ts'
import { argumentsOf } from './options.ts'
import { type ChaosPlan, type ChaosResult, faultsLine, runChaos } from './chaos-run.ts'
import { CannotRun, type Proof, type Verdict } from '../proof.ts'
import { placesOn } from './sigkill.ts'

export const proof: Proof = {
  name: 'chaos',
  shows: 'real nodes under all faults at once lose no acknowledged write',
  usage: '[--writes N] [--nodes N] [--plant NAME]',
  run: (args) => {
    const given = argumentsOf(args)
    return chaos({
      writes: given.count('writes', 1_000_000),
      nodes: given.count('nodes', 7),
      seed: given.seed,
      plant: given.text('plant'),
      say: (line) => console.log(line),
    })
  },
}

export interface ChaosOptions {
  readonly writes: number
  readonly nodes: number
  readonly seed: number
  /** A bug of `test/prove/plants` in every node: then something wrong must be found. */
  readonly plant?: string | undefined
  readonly say: (line: string) => void
}

const DISK_MEANS = ['python3', 'strace', 'losetup', 'fallocate', 'mkfs.ext4'] as const
const MEANS = [...DISK_MEANS, 'nsenter', 'ip', 'nft'] as const
const DRIVER = fileURLToPath(new URL('chaos-driver.js', import.meta.url))
const IMAGE_MIB = 3 * 1024
const KEYS_MIN = 500
const KEYS_MAX = 100_000
/** Few enough that writes meet, many enough that contexts stay small. */
const WRITES_PER_KEY = 50
const WINDOW = 192
const CLIENT_PORT = 7400
const PEER_PORT = 7500

export async function chaos(options: ChaosOptions): Promise<Verdict> {
  const { writes, nodes, seed, plant, say } = options
  say(`seed ${seed}`)
  if (nodes < 3) throw new CannotRun('chaos takes three nodes or more')
  const caretaker = new Caretaker()
  const root = mkdtempSync(join(tmpdir(), 'everwrite-chaos-'))
  try {
    await requireMeans(caretaker, MEANS)
    const network = await makeNetwork(caretaker, nodes)
    const images = await makeImages(caretaker, nodes)
    const places = images.map(({ target }, i) => ({
      host: hostOf(i),
      clientPort: CLIENT_PORT,
      peerPort: PEER_PORT,
      directory: join(target, 'data'),
      prefix: prefixOf(network.nodes[i] as string),
    }))
    const keys = Math.max(KEYS_MIN, Math.min(KEYS_MAX, Math.round(writes / WRITES_PER_KEY)))
    const plan: ChaosPlan = {
      ...{ writes, keys, seed, root, places, plant },
      images: images.map((image) => image.place),
      namespaces: network.nodes,
      kinds: FAULTS,
      isDestroying: true,
      pace: 1,
      window: WINDOW,
    }
    const terms = { prefix: prefixOf(network.hub), program: DRIVER, plan, say }
    return verdictOf(await drive<ChaosPlan, ChaosResult>(terms), plan, say)
  } finally {
    await caretaker.end()
    rmSync(root, { recursive: true, force: true })
  }
}

async function makeImages(caretaker: Caretaker, nodes: number) {
  const root = mkdtempSync(join(IMAGES_ROOT, 'everwrite-disks-'))
  await caretaker.later(`! ls ${root} || rm -r --one-file-system ${root}`)
  const images: Image[] = []
  for (let i = 0; i < nodes; i++) {
    images.push(await Image.make(caretaker, root, `disk-${i}`, IMAGE_MIB))
  }
  return images
}

export function verdictOf(
  result: ChaosResult,
  plan: ChaosPlan,
  say: (line: string) => void,
): Verdict {
  const { writes, lost, count, faults } = result
  if (plan.plant !== undefined) {
    const figure = `"${plan.plant}" in every node: ${lost} lost, ${count - lost} wrong were found`
    return { isMet: count > 0, figure: `${figure} in ${writes.ok} acknowledged writes` }
  }
  for (const sentence of [...result.sentences, ...result.story]) say(sentence)
  const failures = Object.entries(result.failures).map(([code, n]) => `${code} ${n}`)
  const kinds = Object.entries(result.kinds).map(([kind, n]) => `${kind} ${n}`)
  const found = count === 0 ? '' : `; found: ${kinds.join(', ')}`
  say(`operations that failed: ${failures.join(', ') || 'none'}`)
  say(`${result.reads} reads; at most ${result.siblingsMax} siblings in the end`)
  const missing = Object.keys(faults).filter((kind) => faults[kind] === 0)
  const without = missing.length === 0 ? '' : `; none of ${missing.join(', ')} took effect`
  return {
    isMet: count === 0 && writes.ok >= plan.writes && missing.length === 0,
    figure:
      `${writes.ok} acknowledged writes (bar: ${plan.writes}) on ${plan.places.length} nodes, ` +
      `${result.rate.toFixed(0)} a second in ${result.seconds.toFixed(0)} s, ${writes.refused} ` +
      `refused, ${writes['in-doubt']} in doubt; ${faultsLine(Object.entries(faults))}${without}: ` +
      `${lost} lost, ${count - lost} wrong (bar: 0, 0)${found}`,
  }
}

/** Kinds of faults that need no privilege. */
const PLAIN_FAULTS: readonly FaultKind[] = ['kill', 'pause']
const SMALL_KEYS = 200
const SMALL_PACE = 0.25
const SMALL_WINDOW = 12

/**
 * The small form: three nodes on loopback, without namespaces, so without faults of the network.
 * Where this process is not root, nothing is done to disks; `say` tells what is left out.
 */
export async function chaosOnLoopback(options: Omit<ChaosOptions, 'nodes'>): Promise<Verdict> {
  const { writes, seed, plant, say } = options
  const caretaker = new Caretaker()
  const root = mkdtempSync(join(tmpdir(), 'everwrite-chaos-'))
  try {
    const kinds = [...PLAIN_FAULTS]
    let images: readonly Image[] = []
    try {
      await requireMeans(caretaker, DISK_MEANS)
      images = await makeImages(caretaker, 3)
      kinds.push(...DISK_FAULTS)
    } catch (error) {
      if (!(error instanceof CannotRun)) throw error
      say(`without full, failing and dark disks: ${error.message}`)
    }
    const places = (await placesOn(root, 3)).map((place, i) => ({
      ...place,
      directory: join(images[i]?.target ?? root, `data-${i}`),
    }))
    const plan: ChaosPlan = {
      ...{ writes, seed, root, places, kinds, plant },
      images: images.map((image) => image.place),
      ...{ keys: SMALL_KEYS, pace: SMALL_PACE, window: SMALL_WINDOW },
      namespaces: [],
      isDestroying: true,
    }
    return verdictOf(await runChaos(plan, say), plan, say)
  } finally {
    await caretaker.end()
    rmSync(root, { recursive: true, force: true })
  }
}
