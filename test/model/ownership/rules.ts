/**
 * The rules of tables, moves, donors and hints, each as the shortcut that breaks it.
 *
 * `README.md` tells the rules as they are to be built. A shortcut that is true is taken.
 * `broken.ts` takes each alone, and the search must find what it loses, hides from a read or leaves
 * behind.
 */

export interface OwnershipRules {
  // Tables.
  /** A table is in effect when one of those that have to adopt it has not. */
  readonly isEffectiveEarly: boolean
  /** An adoption is told before it is durable. */
  readonly isAdoptionUnsynced: boolean
  /** A member that adopted a newer table still ends moves of the older one. */
  readonly isMovedAfterAdopting: boolean
  /** A member that adopted a table takes a lower one of the same parent too. */
  readonly isLowerTaken: boolean
  /** Who is a member stands in the table: a join is undone with its table. */
  readonly isJoinUndone: boolean
  /** A table that is in effect begins from the owners of the first member that says so. */
  readonly isBaseOfOne: boolean
  /** A table begins also from what members say that it does not need, as those named as dead. */
  readonly isUnneededHeard: boolean
  /** A member that lost its disk says again at which stage it adopted a table. */
  readonly isStatedTwice: boolean
  /** Tables that name members as dead need no one but the member that commits them. */
  readonly isForcedAlone: boolean

  // Moves.
  /** The filler says that the move is done when it has all; the leaver hears it like the others. */
  readonly isDoneByFiller: boolean
  /** The leaver says so when the filler has all, and goes on as an owner. */
  readonly isDoneWithoutClosing: boolean
  /** The leaver that has closed hands over nothing of what came meanwhile. */
  readonly isMeanwhileKept: boolean
  /** The filler acknowledges what it is handed before that is durable. */
  readonly isFillUnsynced: boolean
  /** The leaver says that the move is done before its record of that is durable. */
  readonly isDoneUnsynced: boolean
  /** The filler counts towards W. */
  readonly isFillerWritten: boolean
  /** The filler counts towards R. */
  readonly isFillerRead: boolean
  /** A former owner acknowledges writes for those that do not know that it has moved. */
  readonly isFormerOwnerWritten: boolean
  /** An owner acknowledges for those that name an older stage. */
  readonly isOlderStageTaken: boolean
  /** A request does not name which owners are dead: others of its owners count them. */
  readonly isDeadUnnamed: boolean
  /** A request does not name how often its owners have changed: a place may have come back. */
  readonly isReturnUnnamed: boolean
  /** Acks of an older stage and of a newer one count together. */
  readonly isCountedOn: boolean
  /** Of a dead leaver's place the filler counts when one of the other owners has filled it. */
  readonly isFilledByOne: boolean
  /** Of a dead leaver's place the other owners fill before they refuse the older stage. */
  readonly isFilledBeforeRefusing: boolean
  /** An owner that is named as dead goes on to count once it hears so. */
  readonly isDeadCounted: boolean
  /** A copy whose owner has left still counts towards R when that is an owner again. */
  readonly isWholeKept: boolean
  /** A new owner's copy counts towards R before it has exchanged with the others. */
  readonly isFilledWhole: boolean
  /** An emptied copy counts towards R at once. */
  readonly isEmptiedWhole: boolean
  /** A member ends moves of a table that was made for the disk that it lost since. */
  readonly isLostDiskMoved: boolean
  /** What a member said on a disk that it lost is heard after a table for its new disk. */
  readonly isLostDiskHeard: boolean
  /** A member that may have given its place away, on a disk that it lost, opens again. */
  readonly isEmptiedReopened: boolean

  // Donors and hints.
  /** A donor drops when one owner has what it handed over. */
  readonly isDroppedByOne: boolean
  /** A donor drops though it accepted something since. */
  readonly isGrownCopyDropped: boolean
  /** A donor's copy is acknowledged before it is durable. */
  readonly isGiftUnsynced: boolean
  /** A hint whose member owns no more goes when one owner has it. */
  readonly isHintDroppedByOne: boolean
  /** A hint goes though its place accepted something since. */
  readonly isGrownHintDropped: boolean
  /** A hint is kept for its member though that owns no more. */
  readonly isHintKept: boolean
  /** A member goes for good with hints. */
  readonly isGoneWithHints: boolean
  /** A member goes for good with a copy. */
  readonly isGoneWithCopy: boolean
}

export const OWNERSHIP_RULES: OwnershipRules = {
  isEffectiveEarly: false,
  isAdoptionUnsynced: false,
  isMovedAfterAdopting: false,
  isLowerTaken: false,
  isJoinUndone: false,
  isBaseOfOne: false,
  isUnneededHeard: false,
  isStatedTwice: false,
  isForcedAlone: false,
  isDoneByFiller: false,
  isDoneWithoutClosing: false,
  isMeanwhileKept: false,
  isFillUnsynced: false,
  isDoneUnsynced: false,
  isFillerWritten: false,
  isFillerRead: false,
  isFormerOwnerWritten: false,
  isOlderStageTaken: false,
  isDeadUnnamed: false,
  isReturnUnnamed: false,
  isCountedOn: false,
  isFilledByOne: false,
  isFilledBeforeRefusing: false,
  isDeadCounted: false,
  isWholeKept: false,
  isFilledWhole: false,
  isEmptiedWhole: false,
  isLostDiskMoved: false,
  isLostDiskHeard: false,
  isEmptiedReopened: false,
  isDroppedByOne: false,
  isGrownCopyDropped: false,
  isGiftUnsynced: false,
  isHintDroppedByOne: false,
  isGrownHintDropped: false,
  isHintKept: false,
  isGoneWithHints: false,
  isGoneWithCopy: false,
}
