/** Tries many histories of ownership, and tells the first that goes wrong. */
import type { BrokenOwnership } from './broken.ts'
import { runOwnership } from './history.ts'
import type { Finding } from './judge.ts'
import { OWNERSHIP_RULES, type OwnershipRules } from './rules.ts'

export interface FoundOwnership extends Finding {
  readonly seed: number
}

/** What became of the histories that were tried. */
export interface OwnershipTally {
  tried: number
  /** In which a move was done, and one back to a former owner. */
  moved: number
  turned: number
  /** In which two tables had one parent's number, or named members as dead. */
  raced: number
  forced: number
  lostDisk: number
  /** Reads of R that were judged. */
  reads: number
  found: FoundOwnership | undefined
}

export function emptyTally(): OwnershipTally {
  const none = { moved: 0, turned: 0, raced: 0, forced: 0, lostDisk: 0, reads: 0 }
  return { tried: 0, ...none, found: undefined }
}

/** Tries `count` histories from seed `from` on, up to the first that goes wrong. */
export function searchOwnership(
  from: number,
  count: number,
  rules: OwnershipRules,
): OwnershipTally {
  const tally = emptyTally()
  for (let seed = from; seed < from + count && tally.found === undefined; seed++) {
    const { finding, ...outcome } = runOwnership(seed, rules)
    tally.tried += 1
    tally.moved += Number(outcome.moved > 0)
    tally.turned += Number(outcome.turned > 0)
    tally.raced += Number(outcome.hasRaced)
    tally.forced += Number(outcome.hasForced)
    tally.lostDisk += Number(outcome.hasLostDisk)
    tally.reads += outcome.reads
    if (finding !== undefined) tally.found = { ...finding, seed }
  }
  return tally
}

/** A shortcut is seen within so many histories from its first seed on. */
export const BROKEN_OWNERSHIP_HISTORIES_MAX = 5_000

/** The history that shows what a shortcut breaks; the same one every time. */
export function searchBrokenOwnership({
  rules,
  fault,
  from,
}: BrokenOwnership): number | undefined {
  for (let seed = from; seed < from + BROKEN_OWNERSHIP_HISTORIES_MAX; seed++) {
    if (runOwnership(seed, rules).finding?.fault === fault) return seed
  }
  return undefined
}

/** The rules with the shortcut of that name, or all; undefined where none is so called. */
export function ownershipRulesWith(shortcut: string | undefined): OwnershipRules | undefined {
  if (shortcut === undefined) return OWNERSHIP_RULES
  const isOne = Object.hasOwn(OWNERSHIP_RULES, shortcut)
  return isOne ? { ...OWNERSHIP_RULES, [shortcut]: true } : undefined
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
