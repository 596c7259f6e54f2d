/**
 * Shows that no acknowledged write is lost to SIGKILL, at whatever instant it comes.
 *
 * Most kills hit a node that is alone (N = R = W = 1), so that no other replica can restore what
 * it lost; the others hit one of three, or all three at once. One kill in eight hits a node that is
 * still starting. First the proof tests itself: it must find writes lost by nodes that acknowledge
 * before they have written.
 */
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Prng } from '../../../src/base/prng.ts'
import { Nodes, type Place } from './nodes.ts'
import { argumentsOf } from './options.ts'
import { Tally, trial, type TrialResult } from './trial.ts'
import { freePorts } from '../../support/local-cluster.ts'
import type { Proof, Verdict } from '../proof.ts'

export const proof: Proof = {
  name: 'sigkill',
  shows: 'no acknowledged write is lost to SIGKILL at random instants',
  usage: '[--kills N]',
  run: (args) => {
    const given = argumentsOf(args)
    return sigkill({
      kills: given.count('kills', 1000),
      seed: given.seed,
      say: (line) => console.log(line),
    })
  },
}

export interface SigkillOptions {
  readonly kills: number
  readonly seed: number
  readonly say: (line: string) => void
  /** Does not test the proof itself. */
  readonly isTrusted?: boolean
}

/** The bug that the proof must find. */
const PLANT = 'ack before sync'
const PLANTED_KILLS_MAX = 40
const KILLS_A_TRIAL = 25
/** One trial in so many is of three nodes. */
const CLUSTER_EVERY = 4
const SETTINGS = { 'segment-bytes': 1024 * 1024, partitions: 16 }
const WRITES_MAX = 60
/** Trials at one time: a trial mostly waits. */
const LANES = 3
const START_MS_MAX = 80

export async function sigkill(options: SigkillOptions): Promise<Verdict> {
  const { kills, seed, say } = options
  say(`seed ${seed}`)
  const prng = Prng.of(seed, 'sigkill')
  if (options.isTrusted !== true) {
    const planted = await findOut(prng.stream('planted'))
    const { line, blows } = planted.tally
    say(`nodes that acknowledge before they write: ${line}, of ${blows} kills`)
    if (!planted.isFound) {
      return { isMet: false, figure: 'nodes that acknowledge before they write were not found out' }
    }
  }
  const began = performance.now()
  const tally = new Tally()
  let begun = 0
  const lane = async (): Promise<void> => {
    while (begun < kills && tally.violations === 0) {
      const blows = Math.min(KILLS_A_TRIAL, kills - begun)
      const number = begun / KILLS_A_TRIAL
      begun += blows
      const size = number % CLUSTER_EVERY === CLUSTER_EVERY - 1 ? 3 : 1
      tally.add(await killing(size, blows, prng.stream(`trial ${number}`)), blows)
      say(`${tally.blows} kills: ${tally.line}`)
    }
  }
  await Promise.all(Array.from({ length: LANES }, lane))
  for (const sentence of tally.sentences) say(sentence)
  const rate = tally.blows / ((performance.now() - began) / 1000)
  return {
    isMet: tally.violations === 0 && tally.acknowledged > 0 && tally.blows >= kills,
    figure:
      `${tally.blows} kills (bar: ${kills}), ${rate.toFixed(1)} a second; ` +
      `${tally.line} (bar: 0, 0)`,
  }
}

async function findOut(prng: Prng): Promise<{ readonly isFound: boolean; readonly tally: Tally }> {
  const tally = new Tally()
  while (tally.lost === 0 && tally.blows < PLANTED_KILLS_MAX) {
    tally.add(await killing(1, 5, prng.stream(`${tally.blows}`), PLANT), 5)
  }
  return { isFound: tally.lost > 0, tally }
}

/** One trial of `size` nodes on fresh data. */
async function killing(
  size: number,
  blows: number,
  prng: Prng,
  plant?: string,
): Promise<TrialResult> {
  const root = mkdtempSync(join(tmpdir(), 'everwrite-sigkill-'))
  const nodes = new Nodes({
    ...{ root, plant, settings: SETTINGS, spares: size === 1 ? 2 : 1 },
    places: await placesOn(root, size),
    // A node that is alone is inspected in the name of a member that never runs.
    phantoms: size === 1 ? 1 : 0,
    ...(size === 1 ? { n: 1, w: 1, r: 1 } : { n: 3, w: 2, r: 2 }),
  })
  try {
    await nodes.startAll()
    const strike = (): Promise<void> => strikeOne(nodes, prng)
    const replicas = size === 1 ? 1 : 3
    return await trial({ nodes, prng, blows, strike, replicas, writesMax: WRITES_MAX })
  } finally {
    await nodes.end()
    rmSync(root, { recursive: true, force: true })
  }
}

async function strikeOne(nodes: Nodes, prng: Prng): Promise<void> {
  const all = nodes.places.map((_, node) => node)
  const struck = nodes.size > 1 && prng.unit() < 0.3 ? all : [prng.pick(all)]
  await Promise.all(struck.map((node) => nodes.kill(node)))
  while (prng.unit() < 0.125) {
    const starting = struck.map((node) => nodes.start(node))
    await new Promise((resolve) => setTimeout(resolve, prng.unit() * START_MS_MAX))
    await Promise.all(struck.map((node) => nodes.kill(node)))
    await Promise.all(starting)
  }
  await Promise.all(struck.map((node) => nodes.start(node)))
}

/** Free ports on loopback, and a directory below `root` for each. */
export async function placesOn(root: string, size: number): Promise<readonly Place[]> {
  const ports = await freePorts(2 * size)
  return Array.from({ length: size }, (_, i) => ({
    host: '127.0.0.1',
    clientPort: ports[2 * i] as number,
    peerPort: ports[2 * i + 1] as number,
    directory: join(root, `data-${i}`),
  }))
}
