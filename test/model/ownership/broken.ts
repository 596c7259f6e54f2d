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
  isFillerRead: broken('isFillerRead', 'missed'),
}
