/**
 * What the name stands for that a client gives a bucket: the bytes and the id that its copies have,
 * and what a request gets that names no R, W or deadline.
 *
 *     an exact name (bucket-names.ts) ─► shown by that name ─► configured ─► the defaults
 *
 * A node that may lack the records of buckets (it has just joined, or its disk was lost) serves no
 * client before it has compared them with another member: it would take a bucket's name for that of
 * a bucket that was never created.
 */
import { latin1Of, utf8Bytes, utf8TextExact } from '../../base/bytes.ts'
import { OperatingError } from '../../base/errors.ts'
import type { BucketConfig, Config } from '../../config.ts'
import { type Exact, exactOf, shownNames } from '../../dynamo/buckets/bucket-names.ts'
import { type BucketRecord, bucketIdOf, Durability } from '../../dynamo/buckets/bucket-record.ts'
import { type BucketsDigest, bucketsDigestOf } from '../../dynamo/buckets/bucket-set.ts'
import {
  type BucketId,
  type CopyId,
  type CreationId,
  NEVER_CREATED,
  Policy,
} from '../../dynamo/names.ts'

/** N of a bucket, and what a request gets that names no R, W or deadline. */
export interface BucketProperties {
  /** Goes along with each copy. Buckets of a configuration were never created. */
  readonly id: BucketId
  /** The bucket of its keys; undefined: the name that the client gave. */
  readonly bytes: Uint8Array | undefined
  readonly n: number
  readonly r: number
  readonly w: number
  readonly durability: Durability
  readonly deadlineMs: number
}

/** A bucket under the name that it has for clients. */
export interface ShownBucket extends BucketConfig {
  /** Undefined: it was never created. */
  readonly created: BucketRecord | undefined
}

/** Of an exact name without its prefix. */
const SUFFIX_BYTES = 17
const HASH = 0x23

export class NamedBuckets {
  readonly #defaults: BucketProperties
  readonly #configs: readonly BucketConfig[]
  readonly #configured: ReadonlyMap<string, BucketProperties>
  #shown: ReadonlyMap<string, BucketRecord> = new Map()
  #byName: ReadonlyMap<string, BucketProperties> = new Map()
  #byCreation: ReadonlyMap<CreationId, BucketProperties> = new Map()
  #records: ReadonlyMap<CreationId, BucketRecord> = new Map()
  #digest: BucketsDigest = bucketsDigestOf([])
  /** This node may lack records that it, or another member, knew. */
  mayLack = false

  constructor({
    defaults,
    buckets,
    deadlineMs,
  }: Pick<Config, 'defaults' | 'buckets' | 'deadlineMs'>) {
    const own = { bytes: undefined, durability: Durability.always }
    this.#defaults = { id: idOf(defaults.n), ...own, ...defaults, deadlineMs }
    this.#configs = [{ name: '', ...defaults }, ...buckets]
    this.#configured = new Map(
      buckets.map(({ name, n, r, w, deadlineMs: ownMs }) => [
        latin1Of(utf8Bytes(name)),
        { id: idOf(n), ...own, n, r, w, deadlineMs: ownMs ?? deadlineMs },
      ]),
    )
  }

  /** Over the records; zero while there are none. */
  get digest(): BucketsDigest {
    return this.#digest
  }

  /** The default's, under the empty name, then all that have a name of their own. */
  get all(): readonly ShownBucket[] {
    const isFree = ({ name }: BucketConfig): boolean => name === '' || !this.#shown.has(name)
    const never = this.#configs.filter(isFree).map((one) => ({ ...one, created: undefined }))
    const created = [...this.#shown].map(([name, record]): ShownBucket => {
      const { n, r, w, deadlineMs } = record
      return {
        name,
        n,
        r,
        w,
        deadlineMs: deadlineMs === 0 ? undefined : deadlineMs,
        created: record,
      }
    })
    return [...never, ...created]
  }

  /** Of the default bucket and of each that is configured or was created. */
  get properties(): readonly BucketProperties[] {
    return [this.#defaults, ...this.#configured.values(), ...this.#byCreation.values()]
  }

  /** Under which those that were created are shown. */
  get names(): Iterable<string> {
    return this.#shown.keys()
  }

  /** Configured buckets whose name one that was created has now. */
  get covered(): readonly string[] {
    return this.#configs.map(({ name }) => name).filter((name) => this.#shown.has(name))
  }

  isConfigured(name: string): boolean {
    return this.#configured.has(latin1Of(utf8Bytes(name)))
  }

  /** The bucket that has this name, or exact name. */
  createdAt(name: string): BucketRecord | undefined {
    const exact = exactOf(name)
    if (exact === undefined) return this.#shown.get(name)
    const record = this.#records.get(exact.creation)
    return record?.createdAs === exact.createdAs ? record : undefined
  }

  /** From now on these are all that were created. */
  follow(records: readonly BucketRecord[]): void {
    this.#records = new Map(records.map((record) => [record.creation, record]))
    this.#byCreation = new Map(records.map((one) => [one.creation, this.#propertiesOf(one)]))
    this.#shown = shownNames(records)
    this.#byName = new Map(
      [...this.#shown].map(([name, { creation }]) => {
        return [latin1Of(utf8Bytes(name)), this.#byCreation.get(creation) as BucketProperties]
      }),
    )
    this.#digest = bucketsDigestOf([...records])
  }

  /** Of the name that a client gave. Fails with `bucket-unknown` or `replica-rebuilding`. */
  ofName(bucket: Uint8Array): BucketProperties | OperatingError {
    if (this.mayLack) return untold()
    if (bucket[bucket.length - SUFFIX_BYTES] === HASH) {
      const exact = exactOf(utf8TextExact(bucket) ?? '')
      if (exact !== undefined) return this.#exact(exact)
    }
    if (this.#configured.size === 0 && this.#byName.size === 0) return this.#defaults
    const name = latin1Of(bucket)
    return this.#byName.get(name) ?? this.#configured.get(name) ?? this.#defaults
  }

  /** Of a copy, also where no record here tells of its bucket. */
  ofCopy({ name, bucketId }: Pick<CopyId, 'name' | 'bucketId'>): BucketProperties {
    const { creation, n } = bucketId
    const known =
      creation === NEVER_CREATED
        ? (this.#configured.get(latin1Of(name.bucket)) ?? this.#defaults)
        : this.#byCreation.get(creation)
    if (known?.n === n) return known
    const majority = Math.floor(n / 2) + 1
    const { deadlineMs } = this.#defaults
    const { always: durability } = Durability
    return { id: bucketId, bytes: name.bucket, n, r: majority, w: majority, durability, deadlineMs }
  }

  #exact({ createdAs, creation }: Exact): BucketProperties | OperatingError {
    const bytes = utf8Bytes(createdAs)
    if (creation === NEVER_CREATED) {
      return { ...(this.#configured.get(latin1Of(bytes)) ?? this.#defaults), bytes }
    }
    const record = this.#records.get(creation)
    const known = record?.createdAs === createdAs ? this.#byCreation.get(creation) : undefined
    return known ?? unknown()
  }

  #propertiesOf(record: BucketRecord): BucketProperties {
    const { createdAs, n, r, w, durability, deadlineMs } = record
    return {
      ...{ id: bucketIdOf(record), bytes: utf8Bytes(createdAs), n, r, w, durability },
      deadlineMs: deadlineMs === 0 ? this.#defaults.deadlineMs : deadlineMs,
    }
  }
}

function idOf(n: number): BucketId {
  return { creation: NEVER_CREATED, policy: Policy.siblings, n }
}

function unknown(): OperatingError {
  return new OperatingError(
    'bucket-unknown',
    'no bucket with this id is known here: see everwrite bucket list, or ask another node',
  )
}

function untold(): OperatingError {
  return new OperatingError(
    'replica-rebuilding',
    'this node has not heard yet which buckets there are: ask another node, or again later',
  )
}
