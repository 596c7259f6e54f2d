/** Waits for the disk. */
import type { Replica } from './replica.ts'

/** Whether all that was appended so far is durable; false where the disk failed. */
export function isAllDurable(replica: Replica): Promise<boolean> {
  return new Promise((resolve) => {
    replica.whenSynced(replica.lastSequence, (error) => resolve(error === undefined))
  })
}
