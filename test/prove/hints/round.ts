/**
 * One outage, and the delivery of the hints that it made, beside clients at half the peak.
 *
 *     calm ─► outage, every write leaves a hint ─► target back: measured ─► the rest ─► calm
 *
 * P99 and speed are measured until one holder has delivered half of its hints: by then the others
 * have delivered about as many.
 */
import { sleep } from '../machine/faults.ts'
import type { Nodes } from '../machine/nodes.ts'
import type { Tally } from '../overload/open-loop.ts'
import { type Foreground, medianP99, told } from './foreground.ts'
import { type KeptHints, sumOf } from './kept-hints.ts'
import type { Outage } from './outage.ts'

export interface RoundOptions {
  readonly nodes: Nodes
  readonly kept: KeptHints
  readonly load: Foreground
  readonly outage: Outage
  /** Is away while the hints are made. */
  readonly target: number
  /** Whose hints tell how far the delivery is. */
  readonly holder: number
  /** The seconds without hints before. */
  readonly calm: readonly Tally[]
  /** Waits until the rest is delivered. */
  readonly rest: () => Promise<void>
  readonly say: (line: string) => void
}

export interface Round {
  readonly hints: number
  /** Hints delivered a second, over writes a second that made them. */
  readonly speed: number
  /** Of clients' requests while hints were delivered, and in the seconds before and after. */
  readonly p99Ms: number
  readonly withoutMs: number
  /** The seconds without hints after. */
  readonly calm: readonly Tally[]
}

export const CALM_SECONDS = 10
/** The load runs so long before the target comes back. */
const AHEAD_MS = 1_000
/** Of the holder's hints. */
const MEASURED_SHARE = 0.5
/** It is given up after so many times the time of the writes; at the bar it takes once that. */
const GIVEN_UP = 1.5

/** Requires: all nodes run, and none keeps a hint. */
export async function runRound(options: RoundOptions): Promise<Round> {
  const { nodes, kept, load, outage, target, say } = options
  await nodes.kill(target)
  const perSecond = await outage.write(nodes.seeds)
  const counts = await kept.counts()
  const hints = sumOf(counts)
  say(`${hints} hints were made by ${Math.round(perSecond)} writes/s`)
  const running = load.begin()
  await sleep(AHEAD_MS)
  await nodes.start(target)
  const from = running.seconds() + 1
  const limitMs = (GIVEN_UP * 1000 * hints) / perSecond
  const delivered = await deliveredPerSecond(options, counts, limitMs)
  const to = running.seconds()
  await options.rest()
  const during = (await running.end()).slice(from, to)
  say(told('during', during))
  const calm = await load.run(CALM_SECONDS)
  say(told('without', calm))
  const speed = delivered / perSecond
  const [p99Ms, withoutMs] = [medianP99(during), medianP99([...options.calm, ...calm])]
  return { hints, speed, p99Ms, withoutMs, calm }
}

/** Until the holder has delivered its share of `counts`, or the time is up. */
async function deliveredPerSecond(
  { kept, holder, say }: RoundOptions,
  counts: readonly number[],
  limitMs: number,
): Promise<number> {
  const began = performance.now()
  const due = (counts[holder] ?? 0) * (1 - MEASURED_SHARE)
  const left = await kept.nodeDownTo(holder, due, began + limitMs)
  const seconds = (performance.now() - began) / 1000
  const perSecond = (sumOf(counts) - left) / seconds
  say(`${left} are left after ${seconds.toFixed(1)} s: ${Math.round(perSecond)} hints/s`)
  return perSecond
}
