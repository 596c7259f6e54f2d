/**
 * The bounds of the fields of messages, each with its code and a sentence that says what to do.
 *
 * Both sides check: the sender so that a mistake is reported where it was made, the receiver
 * because it does not trust the sender. A failed check throws an `OperatingError` and fails one
 * request.
 */
import { OperatingError } from '../base/errors.ts'
import { type BucketId, isPolicy, type KeyName, NEVER_CREATED, Policy } from '../dynamo/names.ts'
import {
  BUCKET_BYTES_MAX,
  CONTEXTS_MAX,
  CURSOR_BYTES_MAX,
  DEADLINE_MS_MAX,
  KEY_BYTES_MAX,
  MESSAGE_BYTES_MAX,
  RECEIPT_BYTES_MAX,
  RECEIPTS_PER_GET_MAX,
  REPLICAS_MAX,
  REQUEST_ID_BYTES,
  VALUE_BYTES_MAX,
} from '../limits.ts'
import type { PeerHint } from './message/peer.ts'

export function checkBucket(bucket: Uint8Array): void {
  if (bucket.length >= 1 && bucket.length <= BUCKET_BYTES_MAX) return
  throw new OperatingError(
    'bucket-wrong',
    `the bucket's name has ${bucket.length} bytes: give 1 to ${BUCKET_BYTES_MAX}`,
  )
}

export function checkName(name: KeyName): void {
  checkBucket(name.bucket)
  if (name.key.length >= 1 && name.key.length <= KEY_BYTES_MAX) return
  throw new OperatingError(
    'key-wrong',
    `the key has ${name.key.length} bytes: give 1 to ${KEY_BYTES_MAX}`,
  )
}

export function checkBucketId({ creation, policy, n }: BucketId): void {
  checkReplicas(n)
  checkPolicy(policy)
  if (creation !== NEVER_CREATED || policy === Policy.siblings) return
  throw garbled(`no bucket has policy ${policy} that was not created`)
}

export function checkPolicy(policy: number): void {
  if (!isPolicy(policy)) throw garbled(`no bucket has policy ${String(policy)}`)
}

export function checkReplicas(n: number): void {
  if (n >= 1 && isCount(n, REPLICAS_MAX)) return
  throw garbled(`no bucket has ${n} replicas`)
}

export function checkValue(value: Uint8Array): void {
  if (value.length <= VALUE_BYTES_MAX) return
  throw new OperatingError(
    'value-too-long',
    `the value has ${value.length} bytes: give at most ${VALUE_BYTES_MAX}, or split it`,
  )
}

export function checkContexts(contexts: readonly Uint8Array[]): void {
  if (contexts.length <= CONTEXTS_MAX) return
  throw new OperatingError(
    'contexts-too-many',
    `the put carries ${contexts.length} contexts: give those of its latest reads, at most ` +
      `${CONTEXTS_MAX}`,
  )
}

export function checkReceipts(receipts: readonly Uint8Array[]): void {
  if (receipts.length > RECEIPTS_PER_GET_MAX) {
    throw new OperatingError(
      'receipts-too-many',
      `the get carries ${receipts.length} receipts: give at most ${RECEIPTS_PER_GET_MAX}`,
    )
  }
  for (const receipt of receipts) checkReceipt(receipt)
}

export function checkReceipt(receipt: Uint8Array): void {
  if (receipt.length <= RECEIPT_BYTES_MAX) return
  throw new OperatingError(
    'receipt-garbled',
    `a receipt has ${receipt.length} bytes: give back one that a put or get gave, unchanged`,
  )
}

export function checkRequestId(requestId: Uint8Array): void {
  if (requestId.length === REQUEST_ID_BYTES) return
  throw new OperatingError(
    'request-id-wrong',
    `the request id has ${requestId.length} bytes: give ${REQUEST_ID_BYTES} random ones, the ` +
      'same for each attempt of one put or repair',
  )
}

/** `which` is the field: `r` or `w`. */
export function checkQuorum(which: string, count: number): void {
  if (isCount(count, REPLICAS_MAX)) return
  throw new OperatingError(
    'quorum-wrong',
    `${which} is ${count}: give 1 to ${REPLICAS_MAX}, or 0 for the bucket's own`,
  )
}

export function checkDeadline(deadlineMs: number): void {
  if (isCount(deadlineMs, DEADLINE_MS_MAX)) return
  throw new OperatingError(
    'deadline-wrong',
    `the deadline is ${deadlineMs} ms away: give whole milliseconds from 1 to ` +
      `${DEADLINE_MS_MAX}, or 0 for the node's own`,
  )
}

export function checkCursor(cursor: Uint8Array): void {
  if (cursor.length <= CURSOR_BYTES_MAX) return
  throw new OperatingError(
    'cursor-wrong',
    `the cursor has ${cursor.length} bytes: give that of the previous page, or none`,
  )
}

/** `length` is that of a whole message, without the headers of its frames. */
export function checkMessageLength(length: number): void {
  if (length <= MESSAGE_BYTES_MAX) return
  throw new OperatingError(
    'message-too-long',
    `the message has ${length} bytes: the bound is ${MESSAGE_BYTES_MAX}, ask for less at once`,
  )
}

/** What a hint counts towards `DELIVERY_BYTES_MAX`, as in a page of an engine. */
export function hintBytes({ name, object }: Pick<PeerHint, 'name' | 'object'>): number {
  return name.bucket.length + name.key.length + object.length
}

/** The error for a message that no correct sender sends; `sentence` says why. */
export function garbled(sentence: string, cause?: unknown): OperatingError {
  return new OperatingError('message-garbled', sentence, { cause })
}

function isCount(value: number, max: number): boolean {
  return value >= 0 && value <= max && value % 1 === 0
}
