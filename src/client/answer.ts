/**
 * What a get found: every version that nobody has replaced.
 *
 * Usually that is one value, or none. Two programs that wrote without knowing of each other leave
 * two *siblings*, and both are returned, as only the program knows what becomes of two shopping
 * carts. Putting the reconciled value with this answer's context replaces exactly these.
 */
import { utf8TextExact } from '../base/bytes.ts'
import { OperatingError } from '../base/errors.ts'
import type { GetReply, ScanEntry } from '../wire/message/client.ts'
import { type Codec, decodeWith } from './codec.ts'
import { type Context, contextOf } from './context.ts'

export class Answer<T> {
  /** All versions side by side, in no particular order; empty where nothing is there. */
  readonly siblings: readonly T[]
  /** Covers all siblings and tombstones: give it back with the next put or delete. */
  readonly context: Context
  /** Deletes that stand beside the siblings, of programs that did not know of them. */
  readonly tombstones: number

  /** For the library itself. */
  constructor(siblings: readonly T[], context: Context, tombstones: number) {
    this.siblings = siblings
    this.context = context
    this.tombstones = tombstones
  }

  /** True where there is at least one value. */
  get isFound(): boolean {
    return this.siblings.length > 0
  }

  /**
   * The one value, or undefined where there is none. With more than one sibling it throws
   * `value-unreadable`: there is no *the* value, and picking one silently would drop the others.
   */
  get value(): T | undefined {
    if (this.siblings.length > 1) {
      throw new OperatingError(
        'value-unreadable',
        `${this.siblings.length} siblings stand under this key: look at .siblings, reconcile ` +
          'them and put the result with .context, or let update(key, merge) do it',
      )
    }
    return this.siblings[0]
  }
}

/** One key of a scan, with what is under it. */
export class Entry<T> extends Answer<T> {
  readonly keyBytes: Uint8Array

  /** For the library itself. */
  constructor(keyBytes: Uint8Array, siblings: readonly T[], context: Context) {
    super(siblings, context, 0)
    this.keyBytes = keyBytes
  }

  /** The key as text; throws `value-unreadable` where it is not UTF-8: use `keyBytes`. */
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

export function answerOf<T>(reply: GetReply, codec: Codec<T>): Answer<T> {
  return new Answer(valuesOf(reply.siblings, codec), contextOf(reply.context), reply.tombstones)
}

export function entryOf<T>(entry: ScanEntry, codec: Codec<T>): Entry<T> {
  return new Entry(ownBytes(entry.key), valuesOf(entry.siblings, codec), contextOf(entry.context))
}

function valuesOf<T>(siblings: readonly Uint8Array[], codec: Codec<T>): readonly T[] {
  return siblings.map((sibling) => decodeWith(codec, ownBytes(sibling)))
}

/** A short value must not keep alive the large chunk of a connection that it came in. */
export function ownBytes(bytes: Uint8Array): Uint8Array {
  return bytes.length * 2 < bytes.buffer.byteLength ? bytes.slice() : bytes
}
