/**
 * What a program keeps of a write, or of what it has read, to find it again.
 *
 * A get with a receipt sees the write, or what replaced it, at whichever node it is asked. A
 * receipt is of one key and one cluster. It may be sent as text to another program.
 */
import { base64urlOf, bytesOfBase64url, joinBytes, readU16, writeU16 } from '../base/bytes.ts'
import { OperatingError } from '../base/errors.ts'
import type { KeyName } from '../dynamo/names.ts'
import { BUCKET_BYTES_MAX, KEY_BYTES_MAX, RECEIPT_BYTES_MAX } from '../limits.ts'
import { unsent } from './failure.ts'

export class Receipt {
  readonly name: KeyName
  /** As the cluster gave it, at most 64 bytes; do not change it. */
  readonly sealed: Uint8Array

  /** For the library itself: programs get receipts from `put` and `get`, or from `parse`. */
  constructor(name: KeyName, sealed: Uint8Array) {
    this.name = name
    this.sealed = sealed
  }

  /** The receipt that `toString` wrote. Throws `receipt-garbled` if the text is none. */
  static parse(text: string): Receipt {
    const bytes = isBase64url(text) ? bytesOfBase64url(text) : undefined
    const receipt = bytes && receiptIn(bytes)
    if (receipt !== undefined) return receipt
    throw unsent('receipt-garbled', 'this text is no receipt: pass the text of a receipt unchanged')
  }

  /** The receipt as text of letters, digits, `-` and `_`. */
  toString(): string {
    const { bucket, key } = this.name
    return base64urlOf(joinBytes([lengthOf(bucket), bucket, lengthOf(key), key, this.sealed]))
  }

  toJSON(): string {
    return this.toString()
  }
}

/** True for a receipt of this or of another copy of the library. */
export function isReceipt(value: unknown): value is Receipt {
  if (value instanceof Receipt) return true
  const { sealed, name } = (value ?? {}) as Partial<Receipt>
  return sealed instanceof Uint8Array && name?.key instanceof Uint8Array
}

/** Copies the bytes, which would otherwise keep alive the network chunk that they came in. */
export function receiptOf(name: KeyName, sealed: Uint8Array): Receipt {
  if (sealed.length <= RECEIPT_BYTES_MAX) return new Receipt(name, sealed.slice())
  throw new OperatingError('message-garbled', `a node sent a receipt of ${sealed.length} bytes`)
}

export function isBase64url(text: unknown): text is string {
  return typeof text === 'string' && /^[\w-]*$/.test(text) && text.length % 4 !== 1
}

function receiptIn(bytes: Uint8Array): Receipt | undefined {
  const bucket = countedAt(bytes, 0)
  const key = bucket && countedAt(bytes, 2 + bucket.length)
  if (bucket === undefined || key === undefined) return undefined
  const isName = bucket.length <= BUCKET_BYTES_MAX && key.length <= KEY_BYTES_MAX
  const sealed = bytes.subarray(4 + bucket.length + key.length)
  const isSealed = sealed.length > 0 && sealed.length <= RECEIPT_BYTES_MAX
  return isName && isSealed ? new Receipt({ bucket, key }, sealed) : undefined
}

/** At least one byte, after its length; undefined where the bytes end before it. */
function countedAt(bytes: Uint8Array, at: number): Uint8Array | undefined {
  if (at + 2 > bytes.length) return undefined
  const length = readU16(bytes, at)
  const end = at + 2 + length
  return length === 0 || end > bytes.length ? undefined : bytes.subarray(at + 2, end)
}

function lengthOf(bytes: Uint8Array): Uint8Array {
  const length = new Uint8Array(2)
  writeU16(length, 0, bytes.length)
  return length
}
