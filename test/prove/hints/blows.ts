/**
 * Kills the holder of hints and their target while the hints are delivered, and cuts the power of
 * both once.
 *
 * A blow is due when the holder has delivered a further share of its hints: so each one falls into
 * the delivery, however fast that is. Meanwhile clients write, and the checkers judge what they
 * were told.
 */
import type { Prng } from '../../../src/base/prng.ts'
import { connect } from '../../../src/index.ts'
import type { Caretaker } from '../machine/caretaker.ts'
import { sleep } from '../machine/faults.ts'
import { cutPower, type Image } from '../machine/images.ts'
import type { Inspector } from '../machine/inspector.ts'
import { type Judgement, judge } from '../machine/judge.ts'
import { Load } from '../machine/load.ts'
import { type Nodes, wordsOf } from '../machine/nodes.ts'
import { Recording } from '../machine/recording.ts'
import { sweep } from '../machine/sweep.ts'
import type { KeptHints } from './kept-hints.ts'

export interface BlowsOptions {
  readonly nodes: Nodes
  readonly images: readonly Image[]
  readonly caretaker: Caretaker
  readonly inspector: Inspector
  readonly kept: KeptHints
  /** Keeps hints for the target, to which they are being delivered. */
  readonly holder: number
  readonly target: number
  /** Of the holder, and as many of the target. */
  readonly kills: number
  readonly prng: Prng
  readonly say: (line: string) => void
}

export interface BlowsFigures {
  /** That fell while the holder had hints for the target. */
  readonly blows: number
  /** Of the writes that were made meanwhile. */
  readonly judged: Judgement
  readonly acknowledged: number
}

type Blow = 'holder' | 'target' | 'power'

const KEYS = 256
const REPLICAS = 3
const CLIENTS = 2
const WINDOW = 1
const LOOK_MS = 20
/** Of the hints: the blows share these, and the rest keeps the last ones in the delivery. */
const STRUCK_SHARE = 0.6
const DELIVERY_MS_MAX = 120_000
/** The node is killed so long after its disk is cut, at most. */
const DARK_MS_MAX = 25
const SWEEP_MS_MAX = 30_000
const TERMS = { timeout: 3_000, attemptTimeout: 400, connectTimeout: 30_000 }

/** Requires: all nodes run, and the holder delivers its hints. Waits for the delivery to end. */
export async function strikeDelivery(options: BlowsOptions): Promise<BlowsFigures> {
  const { nodes, inspector, kept } = options
  const seeds = nodes.seeds
  const clients = await Promise.all(
    Array.from({ length: CLIENTS }, () => connect({ seeds, ...TERMS })),
  )
  const recording = new Recording()
  const common = { clients, recording, replicas: REPLICAS, prng: options.prng }
  const load = new Load({ ...common, window: WINDOW, keys: KEYS })
  try {
    load.begin()
    const until = performance.now() + DELIVERY_MS_MAX
    const blows = await Promise.race([load.broken(), strikes(options, until)])
    await load.end()
    await kept.downTo(0, until)
    const [client] = clients
    if (client === undefined) throw new Error('there are clients')
    const sweeping = { client, load, recording, inspector, limitMs: SWEEP_MS_MAX, isFinal: true }
    const { finals, unequal } = await sweep(sweeping)
    for (const key of unequal) recording.violations.push(`never equal: key-${key}`)
    for (const { node, ended } of nodes.unexpected.splice(0)) {
      recording.violations.push(`ended by itself: node ${node}: ${wordsOf(ended)}`)
    }
    const judged = judge(recording, finals, KEYS)
    return { blows, judged, acknowledged: recording.acknowledged }
  } finally {
    await Promise.all(clients.map((client) => client.close()))
  }
}

/** Strikes each time that the holder has delivered a further share. How many blows fell. */
async function strikes(options: BlowsOptions, until: number): Promise<number> {
  const { kept, kills, holder, say } = options
  const order: Blow[] = Array.from({ length: kills }, () => ['holder', 'target'] as const).flat()
  order.splice(kills, 0, 'power')
  const whole = await kept.countOf(holder)
  for (const [i, blow] of order.entries()) {
    const due = whole * (1 - (STRUCK_SHARE * (i + 1)) / order.length)
    let left = whole
    while (left > due && performance.now() < until) {
      await sleep(LOOK_MS)
      left = await kept.countOf(holder)
    }
    if (left === 0 || left > due) return i
    say(`${blow}: struck with ${left} of ${whole} hints left at node ${holder}`)
    await strike(options, blow)
  }
  return order.length
}

async function strike(options: BlowsOptions, blow: Blow): Promise<void> {
  const { nodes, holder, target } = options
  if (blow === 'power') return cutBoth(options, [holder, target])
  const node = blow === 'holder' ? holder : target
  await nodes.kill(node)
  await nodes.start(node)
}

async function cutBoth(options: BlowsOptions, both: readonly number[]): Promise<void> {
  const { nodes, images, caretaker, prng } = options
  const disks = both.map((node) => images[node] as Image)
  const ends = both.map((node) => nodes.expectEnd(node))
  await cutPower(caretaker, disks)
  await sleep(prng.unit() * DARK_MS_MAX)
  await Promise.all(both.map((node) => nodes.kill(node)))
  await Promise.all(ends)
  for (const disk of disks) {
    await disk.umount()
    await disk.mount()
  }
  await Promise.all(both.map((node) => nodes.start(node)))
}
