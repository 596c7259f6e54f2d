/** Waits for the disk: for all that was appended, or for one write as its bucket says. */
import type { OperatingError } from '../../base/errors.ts'
import { Durability } from '../../dynamo/buckets/bucket-record.ts'
import type { Replica } from './replica.ts'

/** Whether all that was appended so far is durable; false where the disk failed. */
export function isAllDurable(replica: Replica): Promise<boolean> {
  return new Promise((resolve) => {
    replica.whenSynced(replica.lastSequence, (error) => resolve(error === undefined))
  })
}

/**
 * Calls `done` when a client's write, appended up to `sequence`, counts: see `Durability`. It waits
 * for the sync in any case where the engine is behind.
 */
export function whenHeld(
  replica: Replica,
  sequence: number,
  durability: Durability,
  done: (error: OperatingError | undefined) => void,
): void {
  if (durability === Durability.always || replica.writer.isBehind) {
    replica.whenSynced(sequence, done)
    return
  }
  // The sync begins now: an engine need not begin one before it is waited for.
  replica.whenSynced(sequence, () => {})
  done(undefined)
}
