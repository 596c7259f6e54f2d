/** Tries many histories of ownership, and tells the first that goes wrong. */
import type { BrokenOwnership } from './broken.ts'
import { type Event, runOwnership } from './history.ts'
import type { Finding } from './judge.ts'
import type { OwnershipRules } from './rules.ts'

export interface FoundOwnership extends Finding {
  readonly seed: number
}

/** What became of the histories that were tried. */
export interface OwnershipTally {
  readonly tried: number
  /** Reads of R that were judged. */
  readonly reads: number
  /** In how many each of these happened. */
  readonly had: Readonly<Record<Event, number>>
  readonly found: FoundOwnership | undefined
}

/** A history in which one of these happens is to be one of so many. */
const SHARES: Readonly<Record<Event, number>> = {
  moved: 4,
  turned: 20,
  raced: 20,
  forced: 20,
  crashed: 20,
  dropped: 20,
  lostDisk: 20,
  left: 50,
}
const EVENTS = Object.keys(SHARES) as readonly Event[]

const TOLD: Readonly<Record<Event, string>> = {
  moved: 'owners moved',
  turned: 'moved back',
  raced: 'two tables conflicted',
  forced: 'members were named as dead',
  crashed: 'members crashed in a move',
  dropped: 'copies or hints were dropped',
  lostDisk: 'a disk was lost',
  left: 'members left',
}

const NONE: Readonly<Record<Event, number>> = {
  moved: 0,
  turned: 0,
  raced: 0,
  forced: 0,
  crashed: 0,
  dropped: 0,
  lostDisk: 0,
  left: 0,
}

export function emptyTally(): OwnershipTally {
  return { tried: 0, reads: 0, had: NONE, found: undefined }
}

export function addTally(a: OwnershipTally, b: OwnershipTally): OwnershipTally {
  const had = { ...a.had }
  for (const event of EVENTS) had[event] += b.had[event]
  const [tried, reads] = [a.tried + b.tried, a.reads + b.reads]
  return { tried, reads, had, found: a.found ?? b.found }
}

export function isOften({ tried, had }: OwnershipTally): boolean {
  return EVENTS.every((event) => had[event] * SHARES[event] >= tried)
}

export function tellShares({ tried, had, reads }: OwnershipTally): string {
  const shares = EVENTS.map((event) => {
    return `${TOLD[event]} in one of ${(tried / had[event]).toFixed(1)} (bar ${SHARES[event]})`
  })
  return `${shares.join(', ')}; ${(reads / tried).toFixed(1)} reads each`
}

/** Tries `count` histories from seed `from` on, up to the first that goes wrong. */
export function searchOwnership(
  from: number,
  count: number,
  rules: OwnershipRules,
): OwnershipTally {
  const had = { ...NONE }
  let reads = 0
  for (let seed = from; seed < from + count; seed++) {
    const { finding, ...outcome } = runOwnership(seed, rules)
    for (const event of EVENTS) if (outcome.had[event]) had[event] += 1
    reads += outcome.reads
    if (finding === undefined) continue
    return { tried: seed - from + 1, reads, had, found: { ...finding, seed } }
  }
  return { tried: count, reads, had, found: undefined }
}

/** A shortcut is seen within so many histories from its first seed on. */
export const BROKEN_OWNERSHIP_HISTORIES_MAX = 5_000

/** The history that shows what a shortcut breaks; the same one every time. */
export function searchBrokenOwnership({ rules, fault, from }: BrokenOwnership): number | undefined {
  for (let seed = from; seed < from + BROKEN_OWNERSHIP_HISTORIES_MAX; seed++) {
    if (runOwnership(seed, rules).finding?.fault === fault) return seed
  }
  return undefined
}

/** One history in lines for people. */
export function tellOwnership(seed: number, rules: OwnershipRules): string {
  const story: string[] = []
  const { finding } = runOwnership(seed, rules, story)
  const verdict = finding === undefined ? 'nothing wrong' : describe(finding)
  return [...story, `seed ${seed}: ${verdict}`].join('\n')
}

function describe({ fault, value }: Finding): string {
  switch (fault) {
    case 'lost':
      return `v${value} is lost: acknowledged, replaced by no client that saw it, and gone`
    case 'missed':
      return `v${value} is missed: W owners held it before the read of R owners began`
    case 'unsettled':
      return 'members do not come to one table, equal owners and nothing left to hand over'
  }
}
