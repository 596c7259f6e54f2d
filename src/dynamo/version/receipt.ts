/**
 * A receipt: what a copy must cover to have a write, or all that a get has found.
 *
 * A client gives it back with a later get of the key, which is then answered only with a state that
 * covers it: so the client reads its own writes and never goes back, whichever node it asks and
 * however few owners answer. A client is told the receipt of a put when W machines hold the write,
 * and that of a get with its answer.
 *
 *     u8 format | u8 dots | 8 bytes: keyed digest of cluster, bucket, creation id and key
 *     dots, 0 to 2, 20 bytes each: start 8 | u48 opened | u48 counter
 *     without dots: request id 16                                  integers little-endian
 *
 * A copy whose context covers a dot has that write, or what replaced it: its past came with it. So
 * the dots of its siblings stand for all of an object. An object with more than two siblings has no
 * receipt. The request id stands for a write that was attempted twice and is replaced already: its
 * dots are not known, and the context names it (`context.ts`).
 *
 * A dot is written without its node: starts are random, and no two nodes have one.
 *
 * A receipt is not signed. With an invented one a client harms itself alone: its get is not met.
 */
import { assert } from '../../base/assert.ts'
import { readU32, readU48, writeU32, writeU48 } from '../../base/bytes.ts'
import { equalU64, type U64, u64 } from '../../base/u64.ts'
import { RECEIPT_DOTS_MAX, REQUEST_ID_BYTES } from '../../limits.ts'
import { sipHash64 } from '../../native/digest.ts'
import { ID_BYTES, type Start } from '../names.ts'
import { Context } from './context.ts'
import { readId, readRequestId, writeId, writeRequestId } from './context-bytes.ts'
import { type ClusterKey, derive, namedBytes, type SealedFor } from './context-seal.ts'
import type { Dot } from './dot.ts'
import type { VersionedObject } from './object.ts'
import type { RequestId } from './request-id.ts'

/** A dot as a receipt has it. */
export type ReceiptDot = Pick<Dot, 'start' | 'opened' | 'counter'>

export type Receipt =
  | { readonly kind: 'dots'; readonly dots: readonly ReceiptDot[] }
  | { readonly kind: 'request'; readonly requestId: RequestId }

export type OpenedReceipt =
  | { readonly kind: 'opened'; readonly receipt: Receipt }
  | { readonly kind: 'refused'; readonly code: 'receipt-garbled' | 'receipt-foreign' }

/** This number is on the wire, and clients keep it. Append only; never reuse. */
const FORMAT = 1
const NAME_AT = 2
const DOTS_AT: number = NAME_AT + 8
const DOT_BYTES: number = ID_BYTES + 6 + 6

/** The receipt of all that an object has; undefined if it has no siblings, or more than two. */
export function receiptOf({ siblings }: Pick<VersionedObject, 'siblings'>): Receipt | undefined {
  if (siblings.length === 0 || siblings.length > RECEIPT_DOTS_MAX) return undefined
  return { kind: 'dots', dots: siblings.map(({ dots }) => dots[0] as Dot) }
}

/** Whether a copy with this context has what the receipt stands for, or what replaced it. */
export function isCovered(receipt: Receipt, context: Context): boolean {
  if (receipt.kind === 'request') {
    return context.includes(Context.empty.withRequest(receipt.requestId))
  }
  return receipt.dots.every(({ start, opened, counter }) => {
    return context.ranges.some((range) => {
      const isOfLine = range.start === start && range.opened === opened
      return isOfLine && range.first <= counter && counter <= range.last
    })
  })
}

/** Writes the receipts of one cluster, and reads them when they come back. */
export class Receipts {
  readonly #cluster: string
  #keys: readonly Uint8Array[] = []

  constructor(keys: readonly ClusterKey[], cluster: string) {
    this.#cluster = cluster
    this.use(keys)
  }

  /** From now on `keys[0]` writes, and all read. */
  use(keys: readonly ClusterKey[]): void {
    assert(keys.length > 0, 'there is a key to write with')
    this.#keys = keys.map(({ key }) => derive(key, `everwrite receipts of ${this.#cluster}`))
  }

  /** The receipt as its client gets it. */
  seal(of: SealedFor, receipt: Receipt): Uint8Array {
    const dots = receipt.kind === 'dots' ? receipt.dots : []
    const rest = receipt.kind === 'dots' ? dots.length * DOT_BYTES : REQUEST_ID_BYTES
    const bytes = new Uint8Array(DOTS_AT + rest)
    bytes[0] = FORMAT
    bytes[1] = dots.length
    const { hi, lo } = nameOf(this.#keys[0] as Uint8Array, of)
    writeU32(bytes, NAME_AT, lo)
    writeU32(bytes, NAME_AT + 4, hi)
    let at = DOTS_AT
    if (receipt.kind === 'request') writeRequestId(bytes, at, receipt.requestId)
    for (const { start, opened, counter } of dots) {
      writeId(bytes, at, start)
      writeU48(bytes, at + ID_BYTES, opened)
      writeU48(bytes, at + ID_BYTES + 6, counter)
      at += DOT_BYTES
    }
    return bytes
  }

  /** Refuses bytes that are no receipt, and receipts of another cluster or key. */
  open(of: SealedFor, bytes: Uint8Array): OpenedReceipt {
    const receipt = readReceipt(bytes)
    if (receipt === undefined) return { kind: 'refused', code: 'receipt-garbled' }
    const name = u64(readU32(bytes, NAME_AT + 4), readU32(bytes, NAME_AT))
    const isOfThisKey = this.#keys.some((key) => equalU64(nameOf(key, of), name))
    if (!isOfThisKey) return { kind: 'refused', code: 'receipt-foreign' }
    return { kind: 'opened', receipt }
  }
}

function nameOf(key: Uint8Array, of: SealedFor): U64 {
  return sipHash64(key, namedBytes(of))
}

function readReceipt(bytes: Uint8Array): Receipt | undefined {
  const count = bytes[1]
  if (bytes[0] !== FORMAT || count === undefined || count > RECEIPT_DOTS_MAX) return undefined
  const rest = count === 0 ? REQUEST_ID_BYTES : count * DOT_BYTES
  if (bytes.length !== DOTS_AT + rest) return undefined
  if (count === 0) return { kind: 'request', requestId: readRequestId(bytes, DOTS_AT) }
  const dots = Array.from({ length: count }, (_, i) => {
    const at = DOTS_AT + i * DOT_BYTES
    return {
      start: readId<Start>(bytes, at),
      opened: readU48(bytes, at + ID_BYTES),
      counter: readU48(bytes, at + ID_BYTES + 6),
    }
  })
  const areDots = dots.every(({ opened, counter }) => opened >= 1 && opened <= counter)
  return areDots ? { kind: 'dots', dots } : undefined
}
