/**
 * Get, put, delete and reconcile the values of one bucket.
 *
 * Every put says what it replaces: the versions that a context covers, or those that a get finds
 * just before (`replace: 'seen'`), or nothing. A put without either never overwrites: it adds a
 * sibling. So two programs that do not know of each other lose no write.
 */
import { EMPTY_BYTES, utf8BytesExact } from '../base/bytes.ts'
import { isOperatingError } from '../base/errors.ts'
import type { KeyName } from '../dynamo/names.ts'
import { isUnread } from '../dynamo/quorum/shortfall.ts'
import { tokenOf } from '../native/digest.ts'
import { checkBucket, checkName, checkValue } from '../wire/bounds.ts'
import type { GetReply, PutReply, ScanReply } from '../wire/message/client.ts'
import {
  type GetResult,
  getResultOf,
  type Entry,
  entryOf,
  keyTextOf,
  ownBytes,
} from './get-result.ts'
import type { Calls } from './calls.ts'
import type { Random } from './random.ts'
import { type Codec, encodeWith } from './codec.ts'
import {
  checkDelete,
  checkEntries,
  checkGet,
  checkKeys,
  checkPut,
  checkUpdate,
  contextsOf,
  type GetOptions,
  type PutOptions,
  type PutResult,
  receiptsOf,
  type ScanOptions,
  type UpdateOptions,
} from './bucket-options.ts'
import { receiptOf } from './receipt.ts'
import { contextOf } from './sealed-context.ts'
import type { SessionReceipts } from './session-receipts.ts'
import { kindOf, unsent } from './failure.ts'
import type { Pool } from './pool.ts'
import { Scan } from './scan.ts'

/** A key: 1 to 4,096 bytes; a string stands for its UTF-8. */
export type Key = string | Uint8Array

/**
 * Makes one value of the siblings found, zero or more; undefined deletes the key. Called once for
 * each update; may be asynchronous.
 */
export type Merge<T> = (siblings: readonly T[]) => T | undefined | Promise<T | undefined>

/** The parts of the client that all buckets share. */
export interface Core {
  readonly calls: Calls
  readonly pool: Pool
  readonly random: Random
  readonly timeoutMs: number
  now(): number
  pause(ms: number): Promise<void>
  /** Of the session that the bucket belongs to. */
  readonly session?: SessionReceipts
}

/** A page may be a megabyte from each of several replicas. */
const SCAN_BYTES = 4_194_304

export class Bucket<T> {
  readonly name: string
  readonly #core: Core
  readonly #codec: Codec<T>
  readonly #bytes: Uint8Array

  /** For the library itself: programs get buckets from `client.bucket`. */
  constructor(core: Core, name: string, codec: Codec<T>) {
    this.name = name
    this.#core = core
    this.#codec = codec
    this.#bytes = bucketBytes(name)
  }

  /** All siblings of `key`; none if the key is not there. */
  async get(key: Key, options?: GetOptions): Promise<GetResult<T>> {
    checkGet(options)
    const name = this.nameOf(key)
    return getResultOf(await this.#get(name, options), name, this.#codec)
  }

  async #get(name: KeyName, options: GetOptions | undefined): Promise<GetReply> {
    const { session } = this.#core
    if (session === undefined) return this.#ask(name, receiptsOf(options), options)
    const token = tokenOf(name.bucket, name.key)
    const kept = session.of(token)
    const receipts = [...receiptsOf(options), ...kept]
    const r = session.isPartial(token) ? this.#atLeastR(options?.r) : options?.r
    const reply = await this.#ask(name, receipts, { ...options, r })
    if (reply.context.length > 0) session.onGet(token, kept, reply.receipt.slice())
    return reply
  }

  /** `r`, where the bucket's R is no more; else that. */
  #atLeastR(r: number | undefined): number | undefined {
    const own = this.#core.pool.routes?.rOf(this.name)
    return r !== undefined && own !== undefined && r >= own ? r : undefined
  }

  #ask(
    name: KeyName,
    receipts: readonly Uint8Array[],
    options: GetOptions | undefined,
  ): Promise<GetReply> {
    const { r = 0, strict = false, monotonic = false } = options ?? {}
    return this.#core.calls.run(
      {
        kind: 'get',
        isWrite: false,
        heldBytes: name.key.length,
        list: this.#core.pool.routes?.of(this.name, this.#bytes, name.key),
        request: (deadlineMs) => ({ name, r, deadlineMs, strict, monotonic, receipts }),
      },
      options,
    )
  }

  /**
   * Writes `value` and replaces the versions that `options` name; without them it replaces none.
   * Resolves when W machines hold it: durably, unless the bucket's durability is `interval`.
   */
  async put(key: Key, value: T, options?: PutOptions): Promise<PutResult> {
    checkPut(options)
    const encoded = encodeWith(this.#codec, value)
    checkValue(encoded)
    return this.#write(key, encoded, options)
  }

  /**
   * Deletes the versions that `options` name: those that a context covers, or those that a get
   * finds. Without either it is refused with `input-wrong`.
   */
  async delete(key: Key, options: PutOptions): Promise<PutResult> {
    checkDelete(options)
    const { context, contexts, replace } = options ?? {}
    if (context === undefined && contexts === undefined && replace === undefined) {
      throw unsent(
        'input-wrong',
        "a delete must name what it deletes: pass { context } of a get, or { replace: 'seen' }",
      )
    }
    return this.#write(key, undefined, options)
  }

  /**
   * Reads, calls `merge` to make one value of the siblings, and writes it in their place. A write
   * that came in between survives as a sibling, for the next update. Resolves to the value.
   */
  async update(key: Key, merge: Merge<T>, options?: UpdateOptions): Promise<T | undefined> {
    checkUpdate(options)
    if (typeof merge !== 'function') {
      throw unsent('input-wrong', `update takes a function as merge, not ${kindOf(merge)}`)
    }
    const timeout = options?.timeout ?? this.#core.timeoutMs
    const deadline = this.#core.now() + timeout
    const { r, w, signal } = options ?? {}
    const found = await this.get(key, { r, signal, timeout })
    const value = await merge(found.siblings)
    if (value === undefined && !found.isFound) return undefined
    const left = Math.max(1, deadline - this.#core.now())
    const writing = { context: found.context, w, signal, timeout: left }
    if (value === undefined) await this.delete(key, writing)
    else await this.put(key, value, writing)
    return value
  }

  /** The bucket's keys as text, in no useful order; use `keyBytes` if some are not UTF-8. */
  keys(options?: ScanOptions): Scan<string> {
    checkKeys(options)
    return this.#scan(false, (entry) => keyTextOf(entry.key), options)
  }

  /** The bucket's keys as bytes. */
  keyBytes(options?: ScanOptions): Scan<Uint8Array> {
    checkKeys(options)
    return this.#scan(false, (entry) => ownBytes(entry.key), options)
  }

  /** The bucket's keys with their siblings and the context for a put or delete. */
  entries(options?: ScanOptions): Scan<Entry<T>> {
    checkEntries(options)
    return this.#scan(true, (entry) => entryOf(entry, this.#codec), options)
  }

  /**
   * What a put of `seen` replaces: a write is taken also where few owners can be read, or none.
   * Siblings that only the others hold stay beside it.
   */
  async #see(
    name: KeyName,
    { r, strict, signal }: PutOptions,
    deadline: number,
  ): Promise<Pick<GetReply, 'answered' | 'needed' | 'context'>> {
    const timeout = Math.max(1, (deadline - this.#core.now()) / 2)
    try {
      return await this.#get(name, { r, strict, signal, timeout })
    } catch (error) {
      if (strict === true || !isOperatingError(error) || !isUnread(error.code)) throw error
      return { answered: 0, needed: error.details?.needed ?? 0, context: EMPTY_BYTES }
    }
  }

  async #write(
    key: Key,
    value: Uint8Array | undefined,
    options: PutOptions | undefined,
  ): Promise<PutResult> {
    const name = this.nameOf(key)
    const deadline = this.#core.now() + (options?.timeout ?? this.#core.timeoutMs)
    const contexts = [...contextsOf(options)]
    let read: PutResult['read']
    if (options?.replace === 'seen') {
      const seen = await this.#see(name, options, deadline)
      read = { answered: seen.answered, needed: seen.needed }
      if (seen.context.length > 0) contexts.push(seen.context.slice())
    }
    const requestId = options?.requestId?.slice() ?? this.#core.random.requestId()
    const { w = 0, strict = false } = options ?? {}
    let heldBytes = name.key.length + (value?.length ?? 0)
    for (const context of contexts) heldBytes += context.length
    // An id that is given may be that of a write which this client does not know of.
    const isRepeat = options?.isRepeat ?? options?.requestId !== undefined
    let sent = 0
    const reply: PutReply = await this.#core.calls.run(
      {
        kind: 'put',
        isWrite: true,
        bytes: value?.length ?? 0,
        heldBytes,
        list: this.#core.pool.routes?.of(this.name, this.#bytes, name.key),
        request: (deadlineMs) => {
          sent += 1
          return {
            name,
            contexts,
            value,
            requestId,
            w,
            r: 0,
            replace: 'given',
            strict,
            isRepeat: isRepeat || sent > 1,
            deadlineMs,
          }
        },
      },
      { signal: options?.signal, timeout: Math.max(1, deadline - this.#core.now()) },
    )
    const receipt = receiptOf(name, reply.receipt)
    this.#core.session?.onPut(tokenOf(name.bucket, name.key), receipt.sealed)
    const attempts = sent - 1 + reply.attempts
    return { context: contextOf(reply.context), receipt, holders: reply.holders, attempts, read }
  }

  /** For the library itself. */
  nameOf(key: Key): KeyName {
    if (typeof key !== 'string' && !(key instanceof Uint8Array)) {
      throw unsent('key-wrong', `a key is a string or a Uint8Array, not ${kindOf(key)}`)
    }
    const bytes = typeof key === 'string' ? bytesOf('key-wrong', 'a key', key) : key.slice()
    const name = { bucket: this.#bytes, key: bytes }
    checkName(name)
    return name
  }

  #scan<Item>(
    withValues: boolean,
    read: ConstructorParameters<typeof Scan<Item>>[1],
    options: ScanOptions | undefined,
  ): Scan<Item> {
    const bucket = this.#bytes
    const r = options?.r ?? 0
    const fetch = (cursor: Uint8Array): Promise<ScanReply> =>
      this.#core.calls.run(
        {
          kind: 'scan',
          isWrite: false,
          bytes: SCAN_BYTES,
          request: (deadlineMs) => ({ bucket, cursor, keysMax: 0, withValues, r, deadlineMs }),
        },
        options,
      )
    return new Scan(fetch, read, options?.cursor)
  }
}

/** The name in UTF-8. Throws `bucket-wrong`. */
export function bucketBytes(name: string): Uint8Array {
  if (typeof name !== 'string') {
    throw unsent('bucket-wrong', `the name of a bucket is a string, not ${kindOf(name)}`)
  }
  const bytes = bytesOf('bucket-wrong', 'a bucket', name)
  checkBucket(bytes)
  return bytes
}

/** Two texts that UTF-8 cannot represent would be one name. */
function bytesOf(code: 'bucket-wrong' | 'key-wrong', what: string, text: string): Uint8Array {
  const bytes = utf8BytesExact(text)
  if (bytes !== undefined) return bytes
  const sentence = `${what} has a surrogate without its pair, which UTF-8 cannot represent`
  throw unsent(code, sentence)
}
