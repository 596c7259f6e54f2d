/**
 * The result of a get: all siblings of a key, and a context that covers them.
 *
 * Usually there is one value, or none. Two programs that wrote without knowing of each other leave
 * two *siblings*. A get returns both, because only the program can reconcile two shopping carts.
 * A put of the reconciled value with the context of this result replaces exactly these siblings.
 */
import { utf8TextExact } from '../base/bytes.ts'
import { OperatingError } from '../base/errors.ts'
import type { KeyName } from '../dynamo/names.ts'
import type { GetReply, ScanEntry } from '../wire/message/client.ts'
import { type Codec, decodeWith } from './codec.ts'
import { type Receipt, receiptOf } from './receipt.ts'
import { type SealedContext, contextOf } from './sealed-context.ts'

/** What is known beyond the values. */
interface Completeness {
  readonly tombstones: number
  readonly hasMore: boolean
  readonly isComplete: boolean
  readonly receipt: Receipt | undefined
}

export class GetResult<T> {
  /** The values of all siblings, in no particular order; empty if the key has none. */
  readonly siblings: readonly T[]
  /** Covers all siblings and tombstones: pass it with the next put or delete. */
  readonly context: SealedContext
  /** Deletes that are concurrent with the siblings. */
  readonly tombstones: number
  /**
   * True if there are more siblings than fit one answer: several MiB of concurrent values. The
   * context covers those given alone, so put one value in their place, then get the others.
   */
  readonly hasMore: boolean
  /**
   * False if fewer than R owners answered: there may be siblings that are not here, also where none
   * is. A `strict` get fails instead.
   */
  readonly isComplete: boolean

  /**
   * Of all that is here: a later get with it finds no less. Undefined where nothing is, or more
   * than two siblings and tombstones, and in a scan.
   */
  readonly receipt: Receipt | undefined

  /** For the library itself. */
  constructor(
    siblings: readonly T[],
    context: SealedContext,
    { tombstones, hasMore, isComplete, receipt }: Completeness,
  ) {
    this.siblings = siblings
    this.context = context
    this.tombstones = tombstones
    this.hasMore = hasMore
    this.isComplete = isComplete
    this.receipt = receipt
  }

  /** True if there is at least one value. */
  get isFound(): boolean {
    return this.siblings.length > 0 || this.hasMore
  }

  /**
   * The one value, or undefined if there is none. Throws `value-unreadable` if there are several
   * siblings: to pick one silently would drop the others.
   */
  get value(): T | undefined {
    if (this.siblings.length > 1 || this.hasMore) {
      throw new OperatingError(
        'value-unreadable',
        `${this.siblings.length}${this.hasMore ? ' or more' : ''} siblings are stored under this ` +
          'key: read .siblings, reconcile them and put the result with .context, or let ' +
          'update(key, merge) do it',
      )
    }
    return this.siblings[0]
  }
}

/** One key of a scan, with its siblings. */
export class Entry<T> extends GetResult<T> {
  readonly keyBytes: Uint8Array

  /** For the library itself. */
  constructor(
    keyBytes: Uint8Array,
    siblings: readonly T[],
    context: SealedContext,
    hasMore: boolean,
  ) {
    super(siblings, context, { tombstones: 0, hasMore, isComplete: true, receipt: undefined })
    this.keyBytes = keyBytes
  }

  /** The key as text; throws `value-unreadable` if it is not UTF-8: use `keyBytes`. */
  get key(): string {
    return keyTextOf(this.keyBytes)
  }
}

export function keyTextOf(key: Uint8Array): string {
  const decoded = utf8TextExact(key)
  if (decoded !== undefined) return decoded
  throw new OperatingError(
    'value-unreadable',
    'a key of this bucket is not UTF-8 text: use keyBytes instead',
  )
}

export function getResultOf<T>(reply: GetReply, name: KeyName, codec: Codec<T>): GetResult<T> {
  const { siblings, context, tombstones, hasMore, answered, needed } = reply
  const receipt = reply.receipt.length === 0 ? undefined : receiptOf(name, reply.receipt)
  const known = { tombstones, hasMore, isComplete: answered >= needed, receipt }
  return new GetResult(valuesOf(siblings, codec), contextOf(context), known)
}

export function entryOf<T>(entry: ScanEntry, codec: Codec<T>): Entry<T> {
  const { key, siblings, context, hasMore } = entry
  return new Entry(ownBytes(key), valuesOf(siblings, codec), contextOf(context), hasMore)
}

function valuesOf<T>(siblings: readonly Uint8Array[], codec: Codec<T>): readonly T[] {
  return siblings.map((sibling) => decodeWith(codec, ownBytes(sibling)))
}

/** Copies a short value, which would otherwise keep alive the network chunk that it came in. */
export function ownBytes(bytes: Uint8Array): Uint8Array {
  return bytes.length * 2 < bytes.buffer.byteLength ? bytes.slice() : bytes
}
