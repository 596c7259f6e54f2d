/**
 * The rules of rounds, floors and exchanges, each as the shortcut that breaks it.
 *
 * A shortcut that is true is taken. `broken.ts` takes each alone, and the search must find what it
 * loses or brings back.
 */

export interface FloorRules {
  /** A round goes on though a member restarted between opening and closing. */
  readonly isRestartOverlooked: boolean
  /** A round goes on though an owner restarted between opening and covering. */
  readonly isOwnerRestartOverlooked: boolean
  /** An exchange counts though the owner that was asked restarted since the round opened. */
  readonly isAskedRestartOverlooked: boolean
  /** Who has closed still takes late hints. */
  readonly isLateHintTaken: boolean
  /** Who has closed still takes late writes and read repairs into its own copy. */
  readonly isLateWriteTaken: boolean
  /** Of what is late only the late dots are left out: its context is merged. */
  readonly isLateTrimmed: boolean
  /** A hint is handed over before it is durable. */
  readonly isHintSentUnsynced: boolean
  /** A delivered hint goes although its place has accepted more since. */
  readonly isGrownHintDropped: boolean
  /** A hint that comes home is merged whole, also the dots that the adopted floor says are dead. */
  readonly isHintMergedWhole: boolean
  /**
   * Of a hint that comes home late, what a round says is dead counts only once that is adopted.
   * Lost something in one of four million histories, before `isAskedRestartOverlooked` was a rule.
   */
  readonly isHintMergedUntilAdopted: boolean
  /** Closing waits for no hint. */
  readonly isClosedWithHints: boolean
  /** Closing waits for no sync. */
  readonly isClosedUnsynced: boolean
  /** A closing floor ends with its round. */
  readonly isClosingDropped: boolean
  /** A member on an emptied disk does not learn what the others have closed. */
  readonly isClosingUnasked: boolean
  /** Exchanges that began before all had closed count. */
  readonly isEarlyExchangeCounted: boolean
  /** A floor is adopted before all owners have covered. */
  readonly isAdoptedEarly: boolean
  /** An owner that is behind adopts the round of the first that it asked. */
  readonly isCaughtUpByOne: boolean
  /** A floor counts before its record is durable. */
  readonly isFloorCountedUnsynced: boolean
  /** "Covered" is forgotten in a restart. */
  readonly isCoveredForgotten: boolean
  /** What only one of two owners of one round carries is dead. */
  readonly isAbsenceProof: boolean
  /** The owner of the lower round keeps what the other has outlived. */
  readonly isLowerKept: boolean
  /** Dead is what the floor of either says, whichever round is higher. */
  readonly isJudgedByDots: boolean
  /** A tombstone that could go at once is taken again. */
  readonly isTombstoneTakenAgain: boolean
  /** The answer of an exchange that has ended is taken. */
  readonly isLateAnswerTaken: boolean
  /** What is not taken enters the context. */
  readonly isUntakenCovered: boolean
  /** Replaced ranges go by the floor, without a question. */
  readonly isStrippedUnasked: boolean
  /** Replaced ranges go when one other owner has answered. */
  readonly isStrippedByOne: boolean
  /** Replaced ranges go while an answer of an exchange is awaited. */
  readonly isStrippedMeanwhile: boolean
  /** An owner says what it carries before that is durable. */
  readonly isCarriedUnsynced: boolean
  /** Replaced ranges go though an owner remembers a request whose dot lies in one. */
  readonly isStrippedThoughRemembered: boolean
  /** A key goes though its owner remembers a request that wrote it. */
  readonly isReapedThoughRemembered: boolean
  /** A start leaves the floor that no copy names as a round opens, though some did of late. */
  readonly isStartLeftOutAtOnce: boolean
  /** A start leaves the floor though a member restarted, and forgot what its copies named. */
  readonly isNamingForgotten: boolean
  /** A disk that is older than what left the floor is merged. */
  readonly isOldDiskMerged: boolean
  /** Two rounds may be open at once. */
  readonly areRoundsConcurrent: boolean
  /** Every start that is not live counts as ended, also one that no member named. */
  readonly areAllOthersEnded: boolean
  /** An emptied disk goes on with its floor. */
  readonly isFloorKeptWhenEmptied: boolean
  /** A disk that was set back goes on with the floor that it has. */
  readonly isFloorKeptWhenSetBack: boolean
  /** A tombstone goes by its own dots, whatever its context names. */
  readonly isPastIgnored: boolean
  /** A tombstone goes when it is old. */
  readonly isReapedByAge: boolean
}

export const FLOOR_RULES: FloorRules = {
  isRestartOverlooked: false,
  isOwnerRestartOverlooked: false,
  isAskedRestartOverlooked: false,
  isLateHintTaken: false,
  isLateWriteTaken: false,
  isLateTrimmed: false,
  isHintSentUnsynced: false,
  isGrownHintDropped: false,
  isHintMergedWhole: false,
  isHintMergedUntilAdopted: false,
  isClosedWithHints: false,
  isClosedUnsynced: false,
  isClosingDropped: false,
  isClosingUnasked: false,
  isEarlyExchangeCounted: false,
  isAdoptedEarly: false,
  isCaughtUpByOne: false,
  isFloorCountedUnsynced: false,
  isCoveredForgotten: false,
  isAbsenceProof: false,
  isLowerKept: false,
  isJudgedByDots: false,
  isTombstoneTakenAgain: false,
  isLateAnswerTaken: false,
  isUntakenCovered: false,
  isStrippedUnasked: false,
  isStrippedByOne: false,
  isStrippedMeanwhile: false,
  isCarriedUnsynced: false,
  isStrippedThoughRemembered: false,
  isReapedThoughRemembered: false,
  isStartLeftOutAtOnce: false,
  isNamingForgotten: false,
  isOldDiskMerged: false,
  areRoundsConcurrent: false,
  areAllOthersEnded: false,
  isFloorKeptWhenEmptied: false,
  isFloorKeptWhenSetBack: false,
  isPastIgnored: false,
  isReapedByAge: false,
}
