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
import { contextOf, isContext, type SealedContext } from './sealed-context.ts'
import {
  BYTES,
  type Check,
  type Checks,
  CLAIM,
  COUNT,
  optionsCheck,
  TEXT,
} from './check-options.ts'
import { kindOf, unsent } from './failure.ts'
import { CALL_CHECKS, type CallOptions } from './options.ts'
import type { Pool } from './pool.ts'
import { Scan } from './scan.ts'

/** A key: 1 to 4,096 bytes; a string stands for its UTF-8. */
export type Key = string | Uint8Array

export interface GetOptions extends CallOptions {
  /** Owners that should answer; by default the bucket's R. */
  readonly r?: number | undefined
  /**
   * True: fails with `replicas-short` where fewer than R owners answer. By default the result is
   * then what those and hints at other nodes hold, and its `isComplete` is false.
   */
  readonly strict?: boolean | undefined
  /**
   * True: what is returned is written to R owners first, where fewer hold it. With 2 R > N no later
   * get of this kind returns less. Fails where fewer than R owners answer or take it.
   */
  readonly monotonic?: boolean | undefined
}

/** Which versions a put or delete replaces. */
export interface Replacing {
  /** The versions that this context of a get or put covers. */
  readonly context?: SealedContext | undefined
  /** The same for several contexts of one key, at most 7. */
  readonly contexts?: readonly SealedContext[] | undefined
  /**
   * The versions that a get finds just before; concurrent writes survive as siblings. This client
   * makes the get once, and every attempt of the write replaces the same versions.
   * Why not: let the coordinator read, as the protocol allows. An attempt that timed out and
   * arrives late would read again, and replace writes that were acknowledged since.
   */
  readonly replace?: 'seen' | undefined
}

export interface PutOptions extends CallOptions, Replacing {
  /** Machines that must hold it durably; by default the bucket's W. */
  readonly w?: number | undefined
  /**
   * True: owners of the key alone may hold it, and R of them must answer where it reads first. By
   * default other machines take a write for owners that are away, and hand it over when those are
   * back.
   */
  readonly strict?: boolean | undefined
  /** With `replace: 'seen'`: owners that should answer the read. */
  readonly r?: number | undefined
  /**
   * Names this write in all its attempts: 16 bytes, by default 48 bits of time and then random
   * ones. Pass the same id again to repeat a write that ended in doubt: however often it is sent,
   * it leaves one sibling.
   */
  readonly requestId?: Uint8Array | undefined
  /** False where `requestId` is sent for the first time; true by default where it is given. */
  readonly isRepeat?: boolean | undefined
}

export interface UpdateOptions extends CallOptions {
  readonly r?: number | undefined
  readonly w?: number | undefined
}

export interface ScanOptions extends CallOptions {
  readonly r?: number | undefined
  /** Continue where another scan of this bucket stopped: its `cursor`. */
  readonly cursor?: string | undefined
}

/** The result of a put or delete. */
export interface PutResult {
  /** Covers the replaced versions and the write itself: pass it with the next put. */
  readonly context: SealedContext
  /**
   * How many owners the write was sent to, at least, by this client and by nodes that forwarded it.
   */
  readonly attempts: number
  /**
   * With `replace: 'seen'`: how many owners answered the read, and how many should have. Fewer
   * do, unless the put is `strict`: siblings that only the others hold were then not replaced.
   */
  readonly read?: { readonly answered: number; readonly needed: number } | undefined
}

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
}

const CONTEXT: Check = {
  words: 'a context of a get or put (SealedContext.parse makes one of its text)',
  isRight: isContext,
}
const checkGet = optionsCheck<GetOptions>('get', {
  ...CALL_CHECKS,
  r: COUNT,
  strict: CLAIM,
  monotonic: CLAIM,
})
const PUT_CHECKS: Checks<PutOptions> = {
  ...CALL_CHECKS,
  context: CONTEXT,
  contexts: {
    words: 'an array of contexts of a get or put',
    isRight: (value) => Array.isArray(value) && value.every(isContext),
  },
  replace: { words: "'seen'", isRight: (value) => value === 'seen' },
  w: COUNT,
  r: COUNT,
  requestId: BYTES,
  isRepeat: CLAIM,
  strict: CLAIM,
}
const checkPut = optionsCheck('put', PUT_CHECKS)
const checkDelete = optionsCheck('delete', PUT_CHECKS)
const checkUpdate = optionsCheck<UpdateOptions>('update', { ...CALL_CHECKS, r: COUNT, w: COUNT })
const SCAN_CHECKS: Checks<ScanOptions> = { ...CALL_CHECKS, r: COUNT, cursor: TEXT }
const checkKeys = optionsCheck('keys', SCAN_CHECKS)
const checkEntries = optionsCheck('entries', SCAN_CHECKS)

/** A page may be a megabyte from each of several replicas. */
const SCAN_BYTES = 4_194_304

export class Bucket<T> {
  readonly name: string
  readonly #core: Core
  readonly #codec: Codec<T>
  readonly #bytes: Uint8Array

  /** For the library itself: programs get buckets from `client.bucket`. */
  constructor(core: Core, name: string, codec: Codec<T>) {
    if (typeof name !== 'string') {
      throw unsent('bucket-wrong', `the name of a bucket is a string, not ${kindOf(name)}`)
    }
    this.name = name
    this.#core = core
    this.#codec = codec
    this.#bytes = bytesOf('bucket-wrong', 'a bucket', name)
    checkBucket(this.#bytes)
  }

  /** All siblings of `key`; none if the key is not there. */
  async get(key: Key, options?: GetOptions): Promise<GetResult<T>> {
    checkGet(options)
    return getResultOf(await this.#get(this.#nameOf(key), options), this.#codec)
  }

  #get(name: KeyName, options: GetOptions | undefined): Promise<GetReply> {
    const { r = 0, strict = false, monotonic = false } = options ?? {}
    return this.#core.calls.run(
      {
        kind: 'get',
        isWrite: false,
        heldBytes: name.key.length,
        list: this.#core.pool.routes?.of(this.name, this.#bytes, name.key),
        request: (deadlineMs) => ({ name, r, deadlineMs, strict, monotonic }),
      },
      options,
    )
  }

  /**
   * Writes `value` and replaces the versions that `options` name; without them it replaces none.
   * Resolves when W machines hold it durably.
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
    const name = this.#nameOf(key)
    const deadline = this.#core.now() + (options?.timeout ?? this.#core.timeoutMs)
    const contexts = [...sealedOf(options)]
    let read: PutResult['read']
    if (options?.replace === 'seen') {
      const seen = await this.#see(name, options, deadline)
      read = { answered: seen.answered, needed: seen.needed }
      if (seen.context.length > 0) contexts.push(seen.context.slice())
    }
    const fixed = {
      name,
      contexts,
      value,
      requestId: options?.requestId?.slice() ?? this.#core.random.requestId(),
      w: options?.w ?? 0,
      r: 0,
      replace: 'given' as const,
      strict: options?.strict ?? false,
    }
    const heldBytes = [name.key, value, ...contexts].reduce(
      (sum, one) => sum + (one?.length ?? 0),
      0,
    )
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
          return { ...fixed, isRepeat: isRepeat || sent > 1, deadlineMs }
        },
      },
      { signal: options?.signal, timeout: Math.max(1, deadline - this.#core.now()) },
    )
    return { context: contextOf(reply.context), attempts: sent - 1 + reply.attempts, read }
  }

  #nameOf(key: Key): KeyName {
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

/** Two texts that UTF-8 cannot represent would be one name. */
function bytesOf(code: 'bucket-wrong' | 'key-wrong', what: string, text: string): Uint8Array {
  const bytes = utf8BytesExact(text)
  if (bytes !== undefined) return bytes
  const sentence = `${what} has a surrogate without its pair, which UTF-8 cannot represent`
  throw unsent(code, sentence)
}

function sealedOf(options: PutOptions | undefined): readonly Uint8Array[] {
  const { context, contexts } = options ?? {}
  if (context === undefined && contexts === undefined) return NO_CONTEXTS
  const all = context === undefined ? (contexts ?? []) : [context, ...(contexts ?? [])]
  return all.filter((one) => !one.isEmpty).map((one) => one.sealed)
}

const NO_CONTEXTS: readonly Uint8Array[] = []
