/**
 * The memory that an answer may take: what makes an answer asks for room before it reads the bytes.
 *
 * The wire gives room (`wire/incoming-calls.ts`): so much for each connection, and for the node.
 */
import type { MaybePromise } from './deliver.ts'

export interface Room {
  /** Whether the answer waits for memory: then it is not late for want of an owner. */
  readonly isWaiting: boolean
  /**
   * Returns when the answer may take `bytes` in all. Rejects `connection-lost` where the answer is
   * of no use any more.
   */
  reserve(bytes: number): MaybePromise<void>
}
