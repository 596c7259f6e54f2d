/**
 * Runs a scan: the keys of a bucket in the order of their tokens, one page a request.
 *
 * A page asks R owners of a *stretch* of the ring for their copies in it, merges them key by key,
 * and ends at the first token that one of them has not reached. Neighbouring partitions with the
 * same owners are one stretch, so that a small cluster is scanned in few requests. The cursor is
 * the next token: it stays good whatever happens to the cluster between two pages, and a key that
 * stays is returned exactly once.
 *
 * An owner that cannot read the first copy of the range has not looked: another one is asked. Then
 * it is asked for the key that the others hold there, so that it finds the rot and mends it. Where
 * none of the others holds that key, none can name it: then a scan of all owners (R = N) fails
 * until the key is read or written.
 */
import { latin1Of, readU32, writeU32 } from '../../base/bytes.ts'
import { isFailure, perform } from '../../base/deliver.ts'
import { OperatingError } from '../../base/errors.ts'
import { compareU64, nextU64, u64 } from '../../base/u64.ts'
import type { NodeId } from '../../dynamo/names.ts'
import { FIRST_TOKEN, lastTokenOf } from '../../dynamo/ring/partition.ts'
import type { OwnerFailure } from '../../dynamo/quorum/shortfall.ts'
import type { PreferenceLists } from '../../dynamo/ring/preference-list.ts'
import type { Context } from '../../dynamo/version/context.ts'
import { merge } from '../../dynamo/version/merge.ts'
import { decodeObject } from '../../dynamo/version/object-bytes.ts'
import type { VersionedObject } from '../../dynamo/version/object.ts'
import { SCAN_PAGE_BYTES_MAX, SCAN_PAGE_KEYS_MAX } from '../../limits.ts'
import type { Token } from '../../native/digest.ts'
import type { Clock } from '../../world/clock.ts'
import type { PeerCalls, Terms } from '../cluster/peer-calls.ts'
import type { Topology } from '../cluster/topology.ts'
import type { CopiesPage, KeyRange, Replica } from '../replica/replica.ts'
import type { ClientScan } from '../requests.ts'
import { nearestFirst, type Placement, placementIn, requiredOf, tooFew } from './quorums.ts'

const CURSOR_BYTES = 8
/** Stretches that one page looks at before it answers with what it has, perhaps nothing. */
const STRETCHES_PER_PAGE_MAX = 32

export interface ScanDependencies {
  readonly clock: Clock
  readonly topology: Topology
  readonly replica: Replica
  readonly peers: PeerCalls
}

/** One page: keys that have a value, in the order of their tokens. */
export interface Page {
  readonly keys: readonly {
    readonly key: Uint8Array
    readonly siblings: readonly Uint8Array[]
    readonly context: Context
  }[]
  /** Empty after the last page. */
  readonly cursor: Uint8Array
}

interface Found {
  readonly token: Token
  readonly key: Uint8Array
  readonly object: VersionedObject
}

/** The pages of several owners together. */
interface Merged {
  readonly found: readonly Found[]
  /** The first token that some owner has not reached; undefined: all reached the end. */
  readonly end: Token | undefined
}

interface Stretch extends Placement {
  readonly to: Token
}

export class Scans {
  readonly #dependencies: ScanDependencies

  constructor(dependencies: ScanDependencies) {
    this.#dependencies = dependencies
  }

  /** Rejects with `cursor-wrong`, `quorum-wrong`, `deadline-passed` or what `tooFew` says. */
  async run(scan: ClientScan, deadline: number): Promise<Page> {
    const { lists } = this.#dependencies.topology
    const asked = scan.keysMax === 0 ? SCAN_PAGE_KEYS_MAX : scan.keysMax
    const keysMax = Math.min(asked, SCAN_PAGE_KEYS_MAX)
    const keys: Page['keys'][number][] = []
    let from: Token | undefined = decodeCursor(scan.cursor)
    let bytes = 0
    for (let stretches = 0; from !== undefined && stretches < STRETCHES_PER_PAGE_MAX; stretches++) {
      if (keys.length >= keysMax || bytes >= SCAN_PAGE_BYTES_MAX) break
      const stretch = this.#stretchFrom(lists, from, scan.bucket)
      const range = { from, to: stretch.to, bucket: scan.bucket, keysMax: keysMax - keys.length }
      const page = await this.#read(scan, stretch, range, deadline)
      for (const { key, object } of page.found) {
        const siblings = valuesOf(object)
        if (siblings.length === 0) continue
        keys.push({ key, siblings, context: object.context })
        bytes += key.length
        if (scan.withValues) bytes += siblings.reduce((sum, value) => sum + value.length, 0)
      }
      from = page.end ?? nextU64(stretch.to)
    }
    return { keys, cursor: from === undefined ? new Uint8Array(0) : encodeCursor(from) }
  }

  /** The longest run of partitions from `from` on that the same members own. */
  #stretchFrom(lists: PreferenceLists, from: Token, bucket: Uint8Array): Stretch {
    const { ring } = lists
    const properties = this.#dependencies.topology.propertiesOf(bucket)
    const first = ring.partitionOf(from)
    const placement = placementIn(lists, first, properties)
    const isSame = (partition: number): boolean =>
      placementIn(lists, partition, properties).owners.every((owner) =>
        placement.owners.includes(owner),
      )
    let last = first
    while (last + 1 < ring.partitionCount && isSame(last + 1)) last += 1
    return { ...placement, to: lastTokenOf(last, ring.bits) }
  }

  /** Asks R owners at once, and one more for each that fails. Mends what it finds rotten. */
  async #read(
    scan: ClientScan,
    stretch: Stretch,
    range: KeyRange,
    deadline: number,
  ): Promise<Merged> {
    const { clock, topology, peers } = this.#dependencies
    const r = requiredOf('r', scan.r, stretch)
    if (isFailure(r)) throw r
    const { id: self } = topology.self
    const { owners } = stretch
    const canAsk = (node: NodeId): boolean => peers.obstacleTo(node) === undefined
    const untried = [...nearestFirst(owners, self, canAsk)]
    const pages: CopiesPage[] = []
    const failures: OwnerFailure[] = []
    const terms = { ring: stretch.ring, deadline }
    const mend = (found: readonly Found[]): void => this.#mend(failures, found, range, terms)
    while (pages.length < r) {
      if (deadline - clock.now() < 1) {
        const details = { needed: r, answered: pages.length, nodes: failures }
        throw new OperatingError('deadline-passed', 'the scan ran out of time', { details })
      }
      const asked = untried.splice(0, r - pages.length)
      if (asked.length === 0) {
        // Also where that is why too few answered: the next scan may then succeed.
        mend(mergePages(pages).found)
        throw tooFew({ needed: r, answered: pages.length, owners, failures })
      }
      const answers = await Promise.all(asked.map((node) => this.#readOne(node, range, terms)))
      for (const [i, answer] of answers.entries()) {
        if (!isFailure(answer)) pages.push(answer)
        else failures.push({ node: asked[i] as NodeId, code: answer.code })
      }
    }
    const page = mergePages(pages)
    mend(page.found)
    return page
  }

  /** Reads the keys at the range's beginning from owners that rot: a read that finds it mends. */
  #mend(
    failures: readonly OwnerFailure[],
    found: readonly Found[],
    range: KeyRange,
    terms: Terms,
  ): void {
    const { topology, replica, peers } = this.#dependencies
    const rotten = failures.filter(({ code }) => code === 'record-rotten')
    for (const { token, key } of found) {
      if (compareU64(token, range.from) !== 0) return
      const name = { bucket: range.bucket, key }
      for (const { node } of rotten) {
        if (node !== topology.self.id) peers.readCopy(node, name, false, terms, () => undefined)
        else
          perform(
            () => replica.read(name, token),
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

/** All keys before `end`. */
function mergePages(pages: readonly CopiesPage[]): Merged {
  let end: Token | undefined
  for (const { next } of pages) {
    if (next !== undefined && (end === undefined || compareU64(next, end) < 0)) end = next
  }
  const merged = new Map<string, Found>()
  for (const { entries } of pages) {
    for (const { token, key, object: bytes } of entries) {
      const object = decodeObject(bytes)
      if (object === undefined || (end !== undefined && compareU64(token, end) >= 0)) continue
      const id = latin1Of(key)
      const other = merged.get(id)
      const both = other === undefined ? object : merge(other.object, object)
      merged.set(id, { token, key, object: both })
    }
  }
  return { found: [...merged.values()].sort((a, b) => compareU64(a.token, b.token)), end }
}

/** The values of an object; none where it holds tombstones alone. */
export function valuesOf(object: VersionedObject): readonly Uint8Array[] {
  const values: Uint8Array[] = []
  for (const { value } of object.siblings) if (value !== undefined) values.push(value)
  return values
}

function encodeCursor(token: Token): Uint8Array {
  const cursor = new Uint8Array(CURSOR_BYTES)
  writeU32(cursor, 0, token.hi)
  writeU32(cursor, 4, token.lo)
  return cursor
}

function decodeCursor(cursor: Uint8Array): Token {
  if (cursor.length === 0) return FIRST_TOKEN
  if (cursor.length !== CURSOR_BYTES) {
    throw new OperatingError('cursor-wrong', 'give back the cursor of the page before, unchanged')
  }
  return u64(readU32(cursor, 0), readU32(cursor, 4))
}
