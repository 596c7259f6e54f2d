/** The rules of ownership, each of them broken once, as a plausible shortcut would. */
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

export const BROKEN_OWNERSHIP: Readonly<Record<keyof OwnershipRules, BrokenOwnership>> = {
  isEffectiveEarly: broken('isEffectiveEarly', 'unsettled', 4688),
  isAdoptionUnsynced: broken('isAdoptionUnsynced', 'missed', 12_614),
  isMovedAfterAdopting: broken('isMovedAfterAdopting', 'missed', 151),
  isLowerTaken: broken('isLowerTaken', 'missed', 1384),
  isJoinUndone: broken('isJoinUndone', 'unsettled'),
  isBaseOfOne: broken('isBaseOfOne', 'unsettled', 2208),
  isUnneededHeard: broken('isUnneededHeard', 'unsettled', 1392),
  isStatedTwice: broken('isStatedTwice', 'unsettled', 275_402),
  isForcedAlone: broken('isForcedAlone', 'unsettled', 85),
  isDoneByFiller: broken('isDoneByFiller', 'missed'),
  isDoneWithoutClosing: broken('isDoneWithoutClosing', 'missed', 279),
  isMeanwhileKept: broken('isMeanwhileKept', 'missed', 2699),
  isFillUnsynced: broken('isFillUnsynced', 'missed', 46_663),
  isDoneUnsynced: broken('isDoneUnsynced', 'missed', 721),
  isFillerWritten: broken('isFillerWritten', 'missed'),
  isFillerRead: broken('isFillerRead', 'missed', 137),
  isFormerOwnerWritten: broken('isFormerOwnerWritten', 'missed', 46),
  isOlderStageTaken: broken('isOlderStageTaken', 'missed', 1686),
  isDeadUnnamed: broken('isDeadUnnamed', 'missed'),
  isReturnUnnamed: broken('isReturnUnnamed', 'missed', 761_116_977_611),
  isCountedOn: broken('isCountedOn', 'missed', 279),
  isFilledByOne: broken('isFilledByOne', 'missed', 12_995),
  isFilledBeforeRefusing: broken('isFilledBeforeRefusing', 'missed', 3615),
  isDeadCounted: broken('isDeadCounted', 'missed', 74),
  isWholeKept: broken('isWholeKept', 'missed', 337),
  isFilledWhole: broken('isFilledWhole', 'missed', 59),
  isEmptiedWhole: broken('isEmptiedWhole', 'missed', 557),
  isLostDiskMoved: broken('isLostDiskMoved', 'missed', 594_195),
  isLostDiskHeard: broken('isLostDiskHeard', 'missed', 737_851_516_221),
  isEmptiedReopened: broken('isEmptiedReopened', 'missed'),
  isDroppedByOne: broken('isDroppedByOne', 'lost', 31_122),
  isGrownCopyDropped: broken('isGrownCopyDropped', 'lost'),
  isGiftUnsynced: broken('isGiftUnsynced', 'lost', 864),
  isHintDroppedByOne: broken('isHintDroppedByOne', 'lost', 3325),
  isGrownHintDropped: broken('isGrownHintDropped', 'lost', 3934),
  isHintKept: broken('isHintKept', 'unsettled'),
  isGoneWithHints: broken('isGoneWithHints', 'lost', 1760),
  isGoneWithCopy: broken('isGoneWithCopy', 'lost', 2850),
}
