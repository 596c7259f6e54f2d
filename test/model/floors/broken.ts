/**
 * The rules of floors, each of them broken once, as a plausible shortcut would.
 *
 * Those of `rules.ts` that are not listed here are not yet seen to lose anything.
 */
import type { FloorFault } from './history.ts'
import { FLOOR_RULES, type FloorRules } from './rules.ts'

export interface BrokenFloor {
  readonly rules: FloorRules
  /** The fault that the search must find. */
  readonly fault: FloorFault
  /** The seed to search from: 1, or shortly before the first that finds what is rare. */
  readonly from: number
}

const broken = (rule: keyof FloorRules, fault: FloorFault, from = 1): BrokenFloor => ({
  rules: { ...FLOOR_RULES, [rule]: true },
  fault,
  from,
})

export const BROKEN_FLOORS: Readonly<Partial<Record<keyof FloorRules, BrokenFloor>>> = {
  isLateWriteTaken: broken('isLateWriteTaken', 'came-back', 9_000),
  isHintMergedWhole: broken('isHintMergedWhole', 'came-back', 12_000),
  isClosedWithHints: broken('isClosedWithHints', 'lost'),
  isEarlyExchangeCounted: broken('isEarlyExchangeCounted', 'came-back', 16_000),
  isAdoptedEarly: broken('isAdoptedEarly', 'differ'),
  isCoveredForgotten: broken('isCoveredForgotten', 'differ'),
  isAbsenceProof: broken('isAbsenceProof', 'lost'),
  isStrippedUnasked: broken('isStrippedUnasked', 'came-back', 7_000),
  areRoundsConcurrent: broken('areRoundsConcurrent', 'lost', 5_000),
  isReapedByAge: broken('isReapedByAge', 'came-back'),
}
