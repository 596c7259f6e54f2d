/**
 * What a node decides about the calls that it receives, beyond the bounds of each connection.
 *
 * The wire asks before a request is decoded, so that a refusal costs little, and tells which calls
 * it refused, so that the node can count them.
 */
import type { OperatingError } from '../base/errors.ts'
import { DEADLINE_MS_MAX } from '../limits.ts'
import type { RequestKind } from './message/table.ts'

/** Why a call was not begun: a bound on calls, a bound on bytes, or its deadline has passed. */
export type NotBegun = 'calls' | 'bytes' | 'expired'

export interface Admission {
  /** Why no call of this kind may begin now; undefined: it may. */
  refusalOf(kind: RequestKind): OperatingError | undefined
  /** Milliseconds that a request about `bucket` may take where it names no deadline. */
  deadlineMsOf(bucket: Uint8Array): number
  /** A call was refused by the wire. */
  onNotBegun(reason: NotBegun): void
}

/** For a side that answers few calls, or none. */
export const ADMITS_ALL: Admission = {
  refusalOf: () => undefined,
  deadlineMsOf: () => DEADLINE_MS_MAX,
  onNotBegun: () => undefined,
}
