/**
 * Runs a scan: the keys of a bucket in the order of their tokens, one page a request.
 *
 * A page asks R owners of a *stretch* of the ring for their copies in it, merges them key by key,
 * and ends at the first token that one of them has not reached. Neighbouring partitions with the
 * same owners are one stretch, so that a small cluster is scanned in few requests. The cursor names
 * the next token: it stays good whatever happens to the cluster between two pages, and a key that
 * stays is returned exactly once. Each stretch has the owners that are in force as it begins; where
 * its places move while it is read, owners that know so refuse it (`ring-differs`). A page ends
 * before the token whose keys would pass its bounds; a first token's keys are given whatever they
 * take, each with the siblings that fit.
 *
 * A scan without values asks for the outlines of copies and merges those: they say which keys live.
 *
 * An owner that cannot read the first copy of the range has not looked: another one is asked. Then
 * it is asked for the key that the others hold there, so that it finds the rot and mends it. Where
 * none of the others holds that key, none can name it: then a scan of all owners (R = N) fails
 * until the key is read or written.
 */
import { joinBytes, latin1Of } from '../../base/bytes.ts'
import { isFailure, perform } from '../../base/deliver.ts'
import { OperatingError } from '../../base/errors.ts'
import { compareU64, equalU64, nextU64 } from '../../base/u64.ts'
import {
  type BucketId,
  idBytes,
  NEVER_CREATED,
  type NodeId,
  type Policy,
} from '../../dynamo/names.ts'
import { FIRST_TOKEN, lastTokenOf } from '../../dynamo/ring/partition.ts'
import type { OwnerFailure } from '../../dynamo/quorum/shortfall.ts'
import type { StagedLists } from '../../dynamo/ring/staged-lists.ts'
import { Context } from '../../dynamo/version/context.ts'
import { answerBytes, fittingPart } from '../../dynamo/version/fitting.ts'
import { mergeUnder } from '../../dynamo/version/last-write.ts'
import { decodeObject, decodeOutline, withoutValues } from '../../dynamo/version/object-bytes.ts'
import type { VersionedObject } from '../../dynamo/version/object.ts'
import { ANSWER_VALUES_BYTES_MAX, SCAN_PAGE_BYTES_MAX, SCAN_PAGE_KEYS_MAX } from '../../limits.ts'
import { askForOwn } from '../../dynamo/quorum/get.ts'
import type { Token } from '../../native/digest.ts'
import type { Clock } from '../../world/clock.ts'
import type { PeerCalls, Terms } from '../cluster/peer-calls.ts'
import type { BucketProperties } from '../cluster/named-buckets.ts'
import type { Topology } from '../cluster/topology.ts'
import type { CopiesPage, KeyRange } from '../replica/copies.ts'
import type { Replica } from '../replica/replica.ts'
import type { ClientScan } from '../requests.ts'
import type { Cursors } from './cursor.ts'
import {
  nearestFirst,
  notServed,
  ownCopy,
  type Placement,
  placementIn,
  placementOfCopy,
  requiredOf,
  tooFew,
} from './quorums.ts'

/** Stretches that one page looks at before it answers with what it has, perhaps nothing. */
const STRETCHES_PER_PAGE_MAX = 32

export interface ScanDependencies {
  readonly clock: Clock
  readonly topology: Topology
  readonly replica: Replica
  readonly peers: PeerCalls
  readonly cursors: Cursors
}

/** One page: keys that have a value, in the order of their tokens. */
export interface Page {
  /** That the keys' copies have. */
  readonly bucket: Uint8Array
  readonly bucketId: BucketId
  readonly keys: readonly {
    readonly key: Uint8Array
    /** None in a scan without values. */
    readonly siblings: readonly Uint8Array[]
    /** Covers these siblings, and the key's tombstones. */
    readonly context: Context
    /** Siblings are left out, which no answer has room for. */
    readonly hasMore: boolean
  }[]
  /** Empty after the last page. */
  readonly cursor: Uint8Array
}

interface Found {
  readonly token: Token
  readonly key: Uint8Array
  readonly object: VersionedObject
  /** Without the values (`decodeOutline`). */
  readonly isOutline: boolean
}

/** The pages of several owners together. */
interface Merged {
  readonly found: readonly Found[]
  /** The first token that some owner has not reached; undefined: all reached the end. */
  readonly end: Token | undefined
}

/** Partitions with the same owners; `ring` names the stages of all of them. */
interface Stretch extends Placement {
  readonly to: Token
}

export class Scans {
  readonly #dependencies: ScanDependencies

  constructor(dependencies: ScanDependencies) {
    this.#dependencies = dependencies
  }

  /** Rejects with `cursor-wrong`, `quorum-wrong`, `deadline-passed`, or as `locate`, `tooFew`. */
  async run(scan: ClientScan): Promise<Page> {
    const { topology, cursors } = this.#dependencies
    const properties = topology.named.ofName(scan.bucket)
    if (isFailure(properties)) throw properties
    if (!topology.serves(properties.id)) throw notServed(properties)
    const { creation, n } = properties.id
    const bucket = properties.bytes ?? scan.bucket
    const scanned = creation === NEVER_CREATED ? bucket : joinBytes([bucket, idBytes(creation)])
    const asked = scan.keysMax === 0 ? SCAN_PAGE_KEYS_MAX : scan.keysMax
    const page = new PageInProgress(Math.min(asked, SCAN_PAGE_KEYS_MAX), scan.withValues)
    let from: Token | undefined = this.#begin(scanned, scan.cursor)
    for (let stretches = 0; from !== undefined && stretches < STRETCHES_PER_PAGE_MAX; stretches++) {
      if (page.isFull) break
      const { withValues } = scan
      const stretch = stretchFrom(topology.lists, from, properties)
      const keysMax = page.keysLeft
      const range = { from, to: stretch.to, bucket, creation, n, keysMax, withValues }
      const { found, end } = await this.#read(scan, stretch, range)
      from = end ?? nextU64(stretch.to)
      const left = byToken(found).find((keys) => !page.add(keys))
      if (left === undefined) continue
      from = (left[0] as Found).token
      break
    }
    const cursor = from === undefined ? new Uint8Array(0) : cursors.encode(scanned, from)
    return { bucket, bucketId: properties.id, keys: page.keys, cursor }
  }

  /** The first token of the page. */
  #begin(scanned: Uint8Array, cursor: Uint8Array): Token {
    if (cursor.length === 0) return FIRST_TOKEN
    const token = this.#dependencies.cursors.decode(scanned, cursor)
    if (token !== undefined) return token
    throw new OperatingError(
      'cursor-wrong',
      'no page of this bucket gave that cursor: give back the one of the page before, unchanged',
    )
  }

  /** Asks R owners at once, and one more for each that fails. Mends what it finds rotten. */
  async #read(scan: ClientScan, stretch: Stretch, range: KeyRange): Promise<Merged> {
    const { clock, topology, peers } = this.#dependencies
    const { deadline } = scan
    const r = requiredOf('r', scan.r, stretch)
    if (isFailure(r)) throw r
    const { id: self } = topology.self
    const { owners } = stretch
    const { policy } = stretch.bucket.id
    const untried = [...nearestFirst(owners, self, peers)]
    const pages: CopiesPage[] = []
    const failures: OwnerFailure[] = []
    const terms = { ring: stretch.ring, deadline }
    const mend = (found: readonly Found[]): void =>
      this.#mend(failures, found, stretch, range, deadline)
    while (pages.length < r) {
      if (deadline - clock.now() < 1) {
        const details = { needed: r, answered: pages.length, nodes: failures }
        throw new OperatingError('deadline-passed', 'the scan ran out of time', { details })
      }
      const asked = untried.splice(0, r - pages.length)
      if (asked.length === 0) {
        // Also where that is why too few answered: the next scan may then succeed.
        mend(mergePages(pages, policy).found)
        throw tooFew({ needed: r, answered: pages.length, owners, failures })
      }
      const answers = await Promise.all(asked.map((node) => this.#readOne(node, range, terms)))
      for (const [i, answer] of answers.entries()) {
        if (!isFailure(answer)) pages.push(answer)
        else failures.push({ node: asked[i] as NodeId, code: answer.code })
      }
    }
    const page = mergePages(pages, policy)
    mend(page.found)
    return page
  }

  /** Reads the keys at the range's beginning from owners that rot: a read that finds it mends. */
  #mend(
    failures: readonly OwnerFailure[],
    found: readonly Found[],
    stretch: Stretch,
    range: KeyRange,
    deadline: number,
  ): void {
    const { topology, replica, peers } = this.#dependencies
    const rotten = failures.filter(({ code }) => code === 'record-rotten')
    for (const { token, key } of found) {
      if (compareU64(token, range.from) !== 0) return
      const copy = ownCopy(token, { bucket: range.bucket, key }, stretch.bucket)
      const { ring } = placementOfCopy(topology, copy)
      for (const { node } of rotten) {
        if (node !== topology.self.id)
          peers.readCopy(askForOwn(node), copy, { ring, deadline }, () => undefined)
        else
          perform(
            () => replica.read(copy),
            () => undefined,
          )
      }
    }
  }

  #readOne(node: NodeId, range: KeyRange, terms: Terms): Promise<CopiesPage | OperatingError> {
    const { topology, replica, peers } = this.#dependencies
    return new Promise((resolve) => {
      if (node === topology.self.id) perform(() => replica.scan(range), resolve)
      else peers.scanRange(node, range, terms, resolve)
    })
  }
}

/** The longest run of partitions from `from` on that the same members own. */
function stretchFrom(lists: StagedLists, from: Token, bucket: BucketProperties): Stretch {
  const { ring } = lists
  const first = ring.partitionOf(from)
  const placement = placementIn(lists, first, bucket)
  const isSame = (partition: number): boolean =>
    placementIn(lists, partition, bucket).owners.every((owner) => placement.owners.includes(owner))
  let last = first
  while (last + 1 < ring.partitionCount && isSame(last + 1)) last += 1
  const to = lastTokenOf(last, ring.bits)
  return { ...placement, ring: lists.digestOfRange({ from, to, n: bucket.id.n }), to }
}

/** What a page has so far. */
class PageInProgress {
  readonly keys: Page['keys'][number][] = []
  readonly #keysMax: number
  readonly #withValues: boolean
  #bytes = 0

  constructor(keysMax: number, withValues: boolean) {
    this.#keysMax = keysMax
    this.#withValues = withValues
  }

  get keysLeft(): number {
    return this.#keysMax - this.keys.length
  }

  get isFull(): boolean {
    return this.keysLeft <= 0 || this.#bytes >= SCAN_PAGE_BYTES_MAX
  }

  /** Adds those keys of one token that have a value. False where the page must end before them. */
  add(found: readonly Found[]): boolean {
    const living = found.filter(({ object }) => isLiving(object))
    const bytes = living.reduce((sum, one) => sum + this.#bytesOf(one), 0)
    const isOver = living.length > this.keysLeft || this.#bytes + bytes > SCAN_PAGE_BYTES_MAX
    if (isOver && living.length > 0 && this.keys.length > 0) return false
    let left = ANSWER_VALUES_BYTES_MAX
    for (const one of living) {
      const entry = this.#entryOf(one, left)
      left -= entry.bytes
      this.keys.push(entry)
    }
    this.#bytes += bytes
    return true
  }

  #bytesOf({ key, object, isOutline }: Found): number {
    return key.length + (isOutline ? 0 : answerBytes(object.siblings))
  }

  /** With as many siblings as fit `bytesMax`. */
  #entryOf(
    { key, object, isOutline }: Found,
    bytesMax: number,
  ): Page['keys'][number] & { readonly bytes: number } {
    if (isOutline) {
      const hasMore = this.#withValues
      return { key, siblings: [], context: Context.empty, hasMore, bytes: 0 }
    }
    const part = fittingPart(object, bytesMax)
    const bytes = answerBytes(part.siblings)
    const { context } = part
    return { key, siblings: valuesOf(part), context, hasMore: part !== object, bytes }
  }
}

/** Found keys, in the order of their tokens, those of one token together. */
function byToken(found: readonly Found[]): readonly (readonly Found[])[] {
  const tokens: Found[][] = []
  for (const one of found) {
    const last = tokens.at(-1)
    if (last !== undefined && equalU64((last[0] as Found).token, one.token)) last.push(one)
    else tokens.push([one])
  }
  return tokens
}

/** All keys before `end`. */
function mergePages(pages: readonly CopiesPage[], policy: Policy): Merged {
  let end: Token | undefined
  for (const { next } of pages) {
    if (next !== undefined && (end === undefined || compareU64(next, end) < 0)) end = next
  }
  const merged = new Map<string, Found>()
  for (const { entries } of pages) {
    for (const { token, key, object: bytes, isOutline } of entries) {
      const object = isOutline ? decodeOutline(bytes) : decodeObject(bytes)
      if (object === undefined || (end !== undefined && compareU64(token, end) >= 0)) continue
      const id = latin1Of(key)
      const other = merged.get(id)
      const one = { token, key, object, isOutline }
      merged.set(id, other === undefined ? one : mergeFound(policy, other, one))
    }
  }
  return { found: [...merged.values()].sort((a, b) => compareU64(a.token, b.token)), end }
}

/** Without values where either is. */
function mergeFound(policy: Policy, a: Found, b: Found): Found {
  if (a.isOutline === b.isOutline) return { ...a, object: mergeUnder(policy, a.object, b.object) }
  const [outline, whole] = a.isOutline ? [a, b] : [b, a]
  return { ...outline, object: mergeUnder(policy, outline.object, withoutValues(whole.object)) }
}

function isLiving({ siblings }: VersionedObject): boolean {
  return siblings.some(({ value }) => value !== undefined)
}

/** The values of an object; none where it holds tombstones alone. */
export function valuesOf(object: VersionedObject): readonly Uint8Array[] {
  const values: Uint8Array[] = []
  for (const { value } of object.siblings) if (value !== undefined) values.push(value)
  return values
}
