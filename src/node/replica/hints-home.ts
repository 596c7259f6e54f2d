/**
 * Merges hints for this member into its own copies: all of a message, with one wait for the disk.
 *
 * A hint that cannot be taken costs itself alone: the result says why, and the others are taken.
 * They are merged in slices, one in each turn of the event loop, so that no request waits for all
 * of them.
 */
import { type Deliver, isFailure, perform } from '../../base/deliver.ts'
import { type ErrorCode, OperatingError } from '../../base/errors.ts'
import { type CopyId, OWN } from '../../dynamo/names.ts'
import { decodeObject } from '../../dynamo/version/object-bytes.ts'
import type { VersionedObject } from '../../dynamo/version/object.ts'
import { tokenOf } from '../../native/digest.ts'
import type { Clock } from '../../world/clock.ts'
import type { Replica } from './replica.ts'

/** For each hint: undefined where it is held durably, else why it was refused. */
export type HintRefusals = readonly (ErrorCode | undefined)[]

export interface HintToTake extends Pick<CopyId, 'name' | 'bucketId'> {
  /** Encoded. */
  readonly object: Uint8Array
}

export interface HintsToTake {
  readonly hints: readonly HintToTake[]
  readonly deadline: number
  /** Why their sender lies in this object: then nothing that is left of them is taken. */
  readonly lieIn?: (object: VersionedObject) => OperatingError | undefined
}

/** Hints that are merged in one turn of the event loop. */
const SLICE_HINTS = 32

interface Taking extends HintsToTake {
  readonly refusals: (ErrorCode | undefined)[]
  /** Hints that are neither merged nor refused yet. */
  left: number
  /** What was merged is held once the log is durable up to here. */
  sequence: number
  readonly deliver: Deliver<HintRefusals>
}

export class HintsHome {
  readonly #replica: Pick<Replica, 'merge' | 'whenSynced'>
  readonly #clock: Clock

  constructor(replica: Pick<Replica, 'merge' | 'whenSynced'>, clock: Clock) {
    this.#replica = replica
    this.#clock = clock
  }

  /** Delivers once all that was taken is durable, or where nothing of it counts as taken. */
  take(asked: HintsToTake, deliver: Deliver<HintRefusals>): void {
    const left = asked.hints.length
    const refusals = Array.from({ length: left }, () => undefined)
    this.#takeFrom(0, { ...asked, refusals, left, sequence: 0, deliver })
  }

  #takeFrom(first: number, taking: Taking): void {
    const { hints } = taking
    const end = Math.min(hints.length, first + SLICE_HINTS)
    for (let i = first; i < end; i++) {
      const lie = this.#takeOne(hints[i] as HintToTake, i, taking)
      if (lie !== undefined) return taking.deliver(lie)
    }
    if (end < hints.length) this.#clock.after(0, () => this.#takeFrom(end, taking))
  }

  #takeOne(hint: HintToTake, index: number, taking: Taking): OperatingError | undefined {
    const { name, bucketId, object } = hint
    const decoded = decodeObject(object)
    if (decoded === undefined) {
      const sentence = 'the object is not encoded as objects are'
      this.#onTaken(index, taking, new OperatingError('message-garbled', sentence))
      return undefined
    }
    const lie = taking.lieIn?.(decoded)
    if (lie !== undefined) return lie
    const copy = { place: OWN, bucketId, token: tokenOf(name.bucket, name.key), name }
    perform(
      () => this.#replica.merge(copy, decoded, 'home', taking.deadline),
      (sequence) => this.#onTaken(index, taking, sequence),
    )
    return undefined
  }

  /** After the last one, waits for the disk and delivers. */
  #onTaken(index: number, taking: Taking, sequence: number | OperatingError): void {
    if (isFailure(sequence)) taking.refusals[index] = sequence.code
    else taking.sequence = Math.max(taking.sequence, sequence)
    taking.left -= 1
    if (taking.left > 0) return
    const { refusals, deliver } = taking
    this.#replica.whenSynced(taking.sequence, (error) => deliver(error ?? refusals))
  }
}
