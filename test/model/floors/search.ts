/** Tries many histories of floors, and tells the first that goes wrong. */
import type { BrokenFloor } from './broken.ts'
import { runFloors } from './history.ts'
import type { FloorFault, FloorOutcome } from './judge.ts'
import type { FloorRules } from './rules.ts'

export interface FoundFloor extends FloorOutcome {
  readonly seed: number
}

/** What became of the histories that were tried. */
export interface FloorTally {
  tried: number
  /** In which the key, or ranges, went from an owner. */
  reaped: number
  stripped: number
  found: FoundFloor | undefined
}

/** Tries `count` histories from seed `from` on, up to the first that goes wrong. */
export function searchFloors(from: number, count: number, rules: FloorRules): FloorTally {
  const tally: FloorTally = { tried: 0, reaped: 0, stripped: 0, found: undefined }
  for (let seed = from; seed < from + count && tally.found === undefined; seed++) {
    const outcome = runFloors(seed, rules)
    tally.tried += 1
    if (outcome.hasReaped) tally.reaped += 1
    if (outcome.hasRemovedRanges) tally.stripped += 1
    if (outcome.fault !== undefined) tally.found = { ...outcome, seed }
  }
  return tally
}

/** A shortcut is seen within so many histories from its first seed on. */
export const BROKEN_FLOOR_HISTORIES_MAX = 5_000

/** The history that shows what a shortcut loses; the same one every time. */
export function searchBrokenFloor({ rules, fault, from }: BrokenFloor): number | undefined {
  for (let seed = from; seed < from + BROKEN_FLOOR_HISTORIES_MAX; seed++) {
    if (runFloors(seed, rules).fault === fault) return seed
  }
  return undefined
}

/** One history in lines for people. */
export function tellFloors(seed: number, rules: FloorRules): string {
  const story: string[] = []
  const { fault, value } = runFloors(seed, rules, story)
  const verdict = fault === undefined ? 'nothing wrong' : describe(fault, value)
  return [...story, `seed ${seed}: ${verdict}`].join('\n')
}

function describe(fault: FloorFault, value: number): string {
  switch (fault) {
    case 'lost':
      return `v${value} is lost: acknowledged, replaced by no client that saw it, and gone`
    case 'came-back':
      return `v${value} came back: a client that saw it had replaced it`
    case 'differ':
      return 'the owners differ in the end'
  }
}
