/**
 * The judgement of a log: what of it is kept, what is dropped, and what is damaged.
 *
 * `recovery.ts` reads the log and says what it found; everything is decided here.
 */
import type { Absence } from './absence.ts'
import type { Damage } from './damage.ts'
import { type Found, isEntry } from './found.ts'
import { RangeSet } from './range-set.ts'
import { wholeBatches } from './tail.ts'

export interface Findings {
  /** S: the highest sequence that a sound header states as durable. */
  readonly durable: number
  /** No record has a higher sequence; at least S. */
  readonly highest: number
  /** The highest segment in which anything stands; 0 where the log is empty. */
  readonly lastUsed: number
  /** Sequences of the records at or below S. */
  readonly kept: RangeSet
  /** Where in each used segment the last of what is at or below S ends. */
  readonly keptEnds: ReadonlyMap<number, number>
  /** Records above S, in the order of the log. */
  readonly uncertain: readonly Found[]
  readonly damages: readonly Damage[]
  /** What the log itself says is rightly missing. */
  readonly absence: Absence
}

export interface Judgement {
  readonly durable: number
  readonly highest: number
  readonly lastUsed: number
  readonly keptEnds: ReadonlyMap<number, number>
  /** Records above S, in the order of the log, without those that are passed over. */
  readonly tail: readonly Found[]
  /** Damage above S. */
  readonly torn: readonly Torn[]
  /** Whole batches above S, in the order of their sequences. */
  readonly accepted: readonly (readonly Found[])[]
  /** Sequences above S that are neither accepted nor known to be missing. */
  readonly dropped: RangeSet
  /** Records above S that are dropped, and bytes, sound or not. */
  readonly droppedRecords: number
  readonly tornBytes: number
  /** All appends up to this sequence are kept, except where there is damage. */
  readonly keptSequence: number
  readonly damages: readonly Damage[]
  /** Segments with anything above S in them. */
  readonly tornSegments: ReadonlySet<number>
  readonly absence: Absence
}

/** Damage to what was durable: not to the torn tail, and not where something is rightly missing. */
export function certainDamages({ damages, durable, absence }: Findings): readonly Damage[] {
  return damages.flatMap((damage): readonly Damage[] => {
    switch (damage.kind) {
      case 'rotten':
        return damage.sequence <= durable && !isPassedOver(damage, absence) ? [damage] : []
      case 'header':
      case 'short':
        return isPassedOver(damage, absence) ? [] : [damage]
      case 'no-segment': {
        const ranges = absence.removed.gaps(damage.segment, damage.lastSegment)
        return ranges.map(({ first, last }) => ({ ...damage, segment: first, lastSegment: last }))
      }
      case 'missing':
        return [damage]
    }
  })
}

/** Requires: `certain` are the certain damages of these findings. */
export function judge(findings: Findings, certain: readonly Damage[]): Judgement {
  const { durable, highest, lastUsed, keptEnds, uncertain, absence } = findings
  const tail = uncertain.filter(({ segment, offset }) => !absence.covers(segment, offset))
  const accepted = wholeBatches(tail.filter(isEntry))
  const sequences = new RangeSet()
  for (const { sequence } of accepted.flat()) sequences.add(sequence)
  const cast = tail.filter((found) => isEntry(found) && !sequences.has(found.sequence))
  const torn = tornPlaces(findings)
  // A mark above S needs no copy, nor does an absence: this start writes a new one.
  const run = new RangeSet(sequences.ranges, absence.dropped.ranges)
  for (const found of tail) if (!isEntry(found)) run.add(found.sequence)
  const [gap] = run.gaps(durable + 1, highest)
  return {
    durable,
    highest,
    lastUsed,
    keptEnds,
    tail,
    torn,
    accepted,
    dropped: new RangeSet(sequences.gaps(durable + 1, highest)),
    droppedRecords: cast.length,
    tornBytes: sum(cast.map(({ bytes }) => bytes)) + sum(torn.map(({ from, to }) => to - from)),
    keptSequence: gap === undefined ? highest : gap.first - 1,
    damages: [...certain, ...missing(findings, certain)],
    tornSegments: new Set([...torn, ...tail].map(({ segment }) => segment)),
    absence,
  }
}

/** Sequences up to S without a record that neither an absence nor another damage explains. */
function missing(
  { kept, absence, durable }: Findings,
  damages: readonly Damage[],
): readonly Damage[] {
  return kept
    .gaps(1, durable)
    .flatMap(({ first, last }) => absence.dropped.gaps(first, last))
    .filter(({ first, last }) => damages.every((damage) => !isWithin(damage, first, last)))
    .map(({ first, last }) => ({ kind: 'missing', sequence: first, lastSequence: last }))
}

function isWithin({ sequence }: Damage, first: number, last: number): boolean {
  return sequence >= first && sequence <= last
}

export interface Torn {
  readonly segment: number
  readonly from: number
  readonly to: number
}

function tornPlaces({ damages, durable, absence }: Findings): readonly Torn[] {
  const torn: Torn[] = []
  for (const damage of damages) {
    if (damage.kind !== 'rotten' || damage.sequence <= durable) continue
    if (!isPassedOver(damage, absence)) torn.push(damage)
  }
  return torn
}

function isPassedOver({ segment, from }: Omit<Torn, 'to'>, absence: Absence): boolean {
  return absence.covers(segment, from)
}

function sum(numbers: readonly number[]): number {
  return numbers.reduce((total, number) => total + number, 0)
}
