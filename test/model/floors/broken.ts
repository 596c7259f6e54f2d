/**
 * The rules of floors, each of them broken once, as a plausible shortcut would.
 *
 * Those of `rules.ts` that are not listed here are not yet seen to lose anything.
 */
import type { FloorFault } from './judge.ts'
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
  isOwnerRestartOverlooked: broken('isOwnerRestartOverlooked', 'came-back', 20_000),
  isAskedRestartOverlooked: broken('isAskedRestartOverlooked', 'came-back', 1_033_162_978_000),
  isLateWriteTaken: broken('isLateWriteTaken', 'came-back', 28_000),
  isLateTrimmed: broken('isLateTrimmed', 'lost', 38_000),
  isHintMergedWhole: broken('isHintMergedWhole', 'came-back'),
  isClosedWithHints: broken('isClosedWithHints', 'lost'),
  isEarlyExchangeCounted: broken('isEarlyExchangeCounted', 'came-back'),
  isAdoptedEarly: broken('isAdoptedEarly', 'differ'),
  isCoveredForgotten: broken('isCoveredForgotten', 'differ'),
  isAbsenceProof: broken('isAbsenceProof', 'lost'),
  isLowerKept: broken('isLowerKept', 'came-back', 1_000),
  isStrippedUnasked: broken('isStrippedUnasked', 'came-back'),
  isStrippedByOne: broken('isStrippedByOne', 'came-back', 8_000),
  isCarriedUnsynced: broken('isCarriedUnsynced', 'came-back', 901_378_662_000),
  isStrippedThoughRemembered: broken('isStrippedThoughRemembered', 'came-back', 41_000),
  isReapedThoughRemembered: broken('isReapedThoughRemembered', 'came-back', 47_000),
  isStartLeftOutAtOnce: broken('isStartLeftOutAtOnce', 'came-back', 231_000),
  isOldDiskMerged: broken('isOldDiskMerged', 'came-back', 29_000),
  areRoundsConcurrent: broken('areRoundsConcurrent', 'differ', 10_000),
  areAllOthersEnded: broken('areAllOthersEnded', 'lost'),
  isFloorKeptWhenEmptied: broken('isFloorKeptWhenEmptied', 'came-back', 1_000),
  isFloorKeptWhenSetBack: broken('isFloorKeptWhenSetBack', 'came-back', 197_000),
  isReapedByAge: broken('isReapedByAge', 'came-back'),
}
