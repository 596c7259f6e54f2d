/** The options and results of the operations of a bucket, and the checks of what programs pass. */
import {
  BYTES,
  type Check,
  type Checks,
  CLAIM,
  COUNT,
  type OptionsCheck,
  optionsCheck,
  TEXT,
} from './check-options.ts'
import type { Codec } from './codec.ts'
import { CALL_CHECKS, type CallOptions } from './options.ts'
import { isReceipt, type Receipt } from './receipt.ts'
import { isContext, type SealedContext } from './sealed-context.ts'

export interface BucketOptions<T> {
  /** How values become bytes; `text` by default. */
  readonly codec?: Codec<T> | undefined
}

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
   * get of this kind returns less, unless an owner that had it ends before it has synced it. Fails
   * where fewer than R owners answer or take it.
   */
  readonly monotonic?: boolean | undefined
  /** The result has what this receipt of a put or get of the key stands for, or its replacement. */
  readonly receipt?: Receipt | undefined
  /** The same for several receipts, at most 8. */
  readonly receipts?: readonly Receipt[] | undefined
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
  /** Machines that must hold it; by default the bucket's W. */
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

/** A node that holds a write: durably, unless the bucket's durability is `interval`. */
export interface WriteHolder {
  readonly node: string
  /** The owner for which it keeps the write, and gives it to; undefined: it is an owner. */
  readonly forOwner: string | undefined
}

/** The result of a put or delete. */
export interface PutResult {
  /** Covers the replaced versions and the write itself: pass it with the next put. */
  readonly context: SealedContext
  /** Pass it with a get to see this write, and to `client.durable`. */
  readonly receipt: Receipt
  /** The nodes that hold the write by now; more may follow. */
  readonly holders: readonly WriteHolder[]
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

export const checkBucketOptions: OptionsCheck<BucketOptions<unknown>> = optionsCheck<
  BucketOptions<unknown>
>('bucket', {
  codec: {
    words: 'a codec, an object with the functions encode and decode',
    isRight: (value) => {
      const codec = value as Partial<Codec<unknown>> | null
      return typeof codec?.encode === 'function' && typeof codec.decode === 'function'
    },
  },
})
const CONTEXT: Check = {
  words: 'a context of a get or put (SealedContext.parse makes one of its text)',
  isRight: isContext,
}
const RECEIPT: Check = {
  words: 'a receipt of a get or put (Receipt.parse makes one of its text)',
  isRight: isReceipt,
}
export const checkGet: OptionsCheck<GetOptions> = optionsCheck<GetOptions>('get', {
  ...CALL_CHECKS,
  r: COUNT,
  strict: CLAIM,
  monotonic: CLAIM,
  receipt: RECEIPT,
  receipts: {
    words: 'an array of receipts of a get or put',
    isRight: (value) => Array.isArray(value) && value.every(isReceipt),
  },
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
export const checkPut: OptionsCheck<PutOptions> = optionsCheck('put', PUT_CHECKS)
export const checkDelete: OptionsCheck<PutOptions> = optionsCheck('delete', PUT_CHECKS)
export const checkUpdate: OptionsCheck<UpdateOptions> = optionsCheck<UpdateOptions>('update', {
  ...CALL_CHECKS,
  r: COUNT,
  w: COUNT,
})
const SCAN_CHECKS: Checks<ScanOptions> = { ...CALL_CHECKS, r: COUNT, cursor: TEXT }
export const checkKeys: OptionsCheck<ScanOptions> = optionsCheck('keys', SCAN_CHECKS)
export const checkEntries: OptionsCheck<ScanOptions> = optionsCheck('entries', SCAN_CHECKS)

/** The contexts of what a put replaces. */
export function contextsOf(options: PutOptions | undefined): readonly Uint8Array[] {
  const { context, contexts } = options ?? {}
  if (context === undefined && contexts === undefined) return NO_CONTEXTS
  const all = context === undefined ? (contexts ?? []) : [context, ...(contexts ?? [])]
  return all.filter((one) => !one.isEmpty).map((one) => one.sealed)
}

/** The receipts that a get must cover. */
export function receiptsOf(options: GetOptions | undefined): readonly Uint8Array[] {
  const { receipt, receipts } = options ?? {}
  if (receipt === undefined && receipts === undefined) return NO_RECEIPTS
  const all = receipt === undefined ? (receipts ?? []) : [receipt, ...(receipts ?? [])]
  return all.map((one) => one.sealed)
}

const NO_RECEIPTS: readonly Uint8Array[] = []
const NO_CONTEXTS: readonly Uint8Array[] = []
