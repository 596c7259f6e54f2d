/**
 * The rules of ownership, each of them broken once, as a plausible shortcut would.
 *
 * Those of `rules.ts` that are not listed here are not yet seen to lose anything.
 */
import type { OwnershipFault } from './judge.ts'
import { OWNERSHIP_RULES, type OwnershipRules } from './rules.ts'

export interface BrokenOwnership {
  readonly rules: OwnershipRules
  /** The fault that the search must find. */
  readonly fault: OwnershipFault
  /** The seed to search from: 1, or shortly before the first that finds what is rare. */
  readonly from: number
}

const broken = (rule: keyof OwnershipRules, fault: OwnershipFault, from = 1): BrokenOwnership => ({
  rules: { ...OWNERSHIP_RULES, [rule]: true },
  fault,
  from,
})

export const BROKEN_OWNERSHIP: Readonly<Partial<Record<keyof OwnershipRules, BrokenOwnership>>> = {
  isEffectiveEarly: broken('isEffectiveEarly', 'unsettled', 7894),
  isMovedAfterAdopting: broken('isMovedAfterAdopting', 'missed', 483),
  isJoinUndone: broken('isJoinUndone', 'unsettled', 54),
  isBaseOfOne: broken('isBaseOfOne', 'unsettled', 5355),
  isForcedAlone: broken('isForcedAlone', 'unsettled', 246),
  isDoneByFiller: broken('isDoneByFiller', 'missed', 60),
  isDoneWithoutClosing: broken('isDoneWithoutClosing', 'missed', 372),
  isMeanwhileKept: broken('isMeanwhileKept', 'missed', 1081),
  isDoneUnsynced: broken('isDoneUnsynced', 'missed', 736),
  isFillerWritten: broken('isFillerWritten', 'missed'),
  isFillerRead: broken('isFillerRead', 'missed'),
  isFormerOwnerWritten: broken('isFormerOwnerWritten', 'missed', 516),
  isOlderStageTaken: broken('isOlderStageTaken', 'missed', 5094),
  isFilledWhole: broken('isFilledWhole', 'missed', 1174),
  isEmptiedWhole: broken('isEmptiedWhole', 'missed'),
  isHintKept: broken('isHintKept', 'unsettled'),
  isGoneWithHints: broken('isGoneWithHints', 'lost', 364),
}
