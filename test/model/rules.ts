/**
 * The rules of versions, as production code has them.
 *
 * `broken.ts` breaks each of them. Production code has no switches: where a rule is a function, a
 * broken one wraps it; where the model stands for the node around those functions, a flag names the
 * shortcut that a node could take.
 */
import { countApart } from '../../src/dynamo/quorum/holders.ts'
import type { Context } from '../../src/dynamo/version/context.ts'
import type { Dot } from '../../src/dynamo/version/dot.ts'
import { merge } from '../../src/dynamo/version/merge.ts'
import type { Note } from '../../src/dynamo/version/note.ts'
import type { VersionedObject } from '../../src/dynamo/version/object.ts'
import {
  coveredBy,
  put,
  type PutOutcome,
  type PutRequest,
  type Written,
} from '../../src/dynamo/version/put.ts'
import { RememberedRequests } from '../../src/node/replica/remembered.ts'
import type { HeldCopy } from './attempt.ts'

/** The requests that a node wrote, and the dots of those that it takes for replaced. */
export interface Remembered {
  add(requestId: string, dot: Dot): void
  replaced(requestId: string, object: VersionedObject | undefined): Dot | undefined
}

/** What a node does that production code does not do: all false in `RULES`. */
export interface Shortcuts {
  /** Starts and notes. */
  readonly isStartKept: boolean
  readonly isStartKeptWhenEmptied: boolean
  readonly isLineKeptWhenMended: boolean
  readonly isNoteValidAfterRestart: boolean
  readonly isNoteKeptOnDrop: boolean
  readonly isNoteCopied: boolean
  readonly isNoteDelivered: boolean
  readonly isNoteForAllPlaces: boolean
  readonly isCounterPerKey: boolean
  /** Acknowledgements. */
  readonly isAckBeforeSync: boolean
  readonly isUnchangedAckedAtOnce: boolean
  readonly isHandoffAckedUnsynced: boolean
  readonly isFallbackItsOwnOwner: boolean
  /** Hints that go. */
  readonly isSentHintDropped: boolean
  readonly isGrownHintDropped: boolean
  readonly isSameHintDropped: boolean
  readonly isUnchangedNotAccepted: boolean
  readonly isOldDeliveryCounted: boolean
  readonly isDeliveredToOne: boolean
  readonly isMoveUnsynced: boolean
  /** Gets. */
  readonly isFallbackCounted: boolean
  readonly isEmptiedCounted: boolean
  readonly isRebuiltFromOne: boolean
  readonly isRotIgnored: boolean
}

export interface Rules extends Shortcuts {
  readonly put: (
    held: VersionedObject | undefined,
    note: Note | undefined,
    request: PutRequest,
  ) => PutOutcome
  readonly merge: (a: VersionedObject, b: VersionedObject) => VersionedObject
  /** What the client is answered. */
  readonly coveredBy: typeof coveredBy
  /** What may travel to the other owners in place of the whole object. */
  readonly deltaOf: (written: Written, answered: Context) => VersionedObject
  /** How many durable copies of a write count towards W. */
  readonly countApart: (held: readonly HeldCopy[]) => number
  readonly newRemembered: () => Remembered
}

const NO_SHORTCUTS: Shortcuts = {
  isStartKept: false,
  isStartKeptWhenEmptied: false,
  isLineKeptWhenMended: false,
  isNoteValidAfterRestart: false,
  isNoteKeptOnDrop: false,
  isNoteCopied: false,
  isNoteDelivered: false,
  isNoteForAllPlaces: false,
  isCounterPerKey: false,
  isAckBeforeSync: false,
  isUnchangedAckedAtOnce: false,
  isHandoffAckedUnsynced: false,
  isFallbackItsOwnOwner: false,
  isSentHintDropped: false,
  isGrownHintDropped: false,
  isSameHintDropped: false,
  isUnchangedNotAccepted: false,
  isOldDeliveryCounted: false,
  isDeliveredToOne: false,
  isMoveUnsynced: false,
  isFallbackCounted: false,
  isEmptiedCounted: false,
  isRebuiltFromOne: false,
  isRotIgnored: false,
}

export const RULES: Rules = {
  ...NO_SHORTCUTS,
  put,
  merge,
  coveredBy,
  deltaOf,
  countApart,
  newRemembered: () => {
    const remembered = new RememberedRequests(1)
    return {
      add: (requestId, dot) => remembered.add(requestId, dot, 0),
      replaced: (requestId, object) => remembered.replaced(requestId, object),
    }
  },
}

/**
 * The new sibling alone, with what the *client* is answered.
 *
 * Why not with the coordinator's context: it covers the other siblings there, which the receiver
 * may hold and no client replaced; it would drop them.
 */
function deltaOf(written: Written, answered: Context): VersionedObject {
  return { context: answered, siblings: [written.sibling] }
}
