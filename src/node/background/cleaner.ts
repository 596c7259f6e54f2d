/**
 * Lets go of what the floor allows (docs/design.md 3.6): keys whose siblings are all tombstones,
 * and ranges of contexts that hold nothing but replaced writes.
 *
 * It visits the leaves of the hash trees below which there is such a key, a page at a time, and
 * goes on the next time behind those that it looked at: most keys must wait, two minutes at least.
 * A key goes by the floor alone, a range by asking (`range-removal.ts`). What a request that may be
 * repeated has written stays (`replica/remembered.ts`).
 */
import { OWN } from '../../dynamo/names.ts'
import { firstTokenOfLeaf, lastTokenOfLeaf, type Branch } from '../../dynamo/repair/branches.ts'
import { isDeleted, isDone, isUnder, replacedRanges } from '../../dynamo/repair/floor.ts'
import { decodeOutline } from '../../dynamo/version/object-bytes.ts'
import type { VersionedObject } from '../../dynamo/version/object.ts'
import { requestLabel } from '../../dynamo/version/request-id.ts'
import { SCAN_PAGE_BYTES_MAX, TREE_KEYS_MAX } from '../../limits.ts'
import type { Token } from '../../native/digest.ts'
import type { Engine, ScanPage, ScanQuery } from '../../store/engine.ts'
import type { Clock, Timer } from '../../world/clock.ts'
import type { Trace } from '../../world/trace.ts'
import type { OwnStanding } from '../cluster/own-standing.ts'
import type { Counters } from '../counters.ts'
import type { Floors } from '../replica/floors.ts'
import type { LeafSet } from '../replica/leaf-set.ts'
import type { Replica } from '../replica/replica.ts'
import { besideRot } from '../replica/rot.ts'
import type { Pacing } from './pacing.ts'
import { changeCopy, type Crowded, type RangeRemoval } from './range-removal.ts'

/** Leaves that are looked at in one go. */
const LEAVES_PER_LOOK = 4096

export interface CleanerDependencies {
  readonly clock: Clock
  readonly trace: Trace
  readonly engine: Engine
  readonly replica: Replica
  readonly floors: Floors
  readonly standing: OwnStanding
  readonly counters: Counters
  readonly removal: RangeRemoval
  readonly pacing: Pacing
  /** Between two looks. */
  readonly cleanMs: number
}

export class Cleaner {
  readonly #node: CleanerDependencies
  #timer: Timer | undefined
  #isStopped = false

  constructor(dependencies: CleanerDependencies) {
    this.#node = dependencies
  }

  begin(): void {
    this.#timer = this.#node.clock.after(this.#node.cleanMs, () => {
      void this.#clean().then(() => {
        if (!this.#isStopped) this.begin()
      })
    })
  }

  stop(): void {
    this.#isStopped = true
    this.#timer?.cancel()
  }

  async #clean(): Promise<void> {
    const { replica, standing, floors } = this.#node
    if (!standing.isWhole || floors.adopted.number === 0) return
    await this.#visit(replica.writer.deleted, (entries) => this.#reap(entries))
    await this.#visit(replica.writer.crowded, (entries) => this.#strip(entries))
  }

  /** Calls `act` with the keys of each leaf; a leaf goes from the set where it says so. */
  async #visit(leaves: LeafSet, act: (entries: Entries) => Promise<boolean>): Promise<void> {
    const work = this.#node.pacing.work()
    const looks = Math.min(leaves.size, LEAVES_PER_LOOK)
    for (let seen = 0; seen < looks && !this.#isStopped; seen++) {
      // What is written from now on brings the leaf back.
      const leaf = leaves.take()
      if (leaf === undefined) return
      const entries = await this.#entriesOf(leaf)
      const isDone = entries !== undefined && (await act(entries))
      if (!isDone) leaves.add(leaf)
      await work.rest()
    }
  }

  /** Outlines, beside what has rotted; undefined where they cannot be read now. */
  async #entriesOf(leaf: Branch): Promise<Entries | undefined> {
    const { engine } = this.#node
    const found: Entries[number][] = []
    const to = lastTokenOfLeaf(leaf)
    let from: Token | undefined = firstTokenOfLeaf(leaf)
    while (from !== undefined) {
      const bounds = { keysMax: TREE_KEYS_MAX, bytesMax: SCAN_PAGE_BYTES_MAX }
      const query: ScanQuery = { place: OWN, from, to, ...bounds }
      const page: ScanPage | undefined = await besideRot(query, (one) =>
        engine.prefixes(one),
      ).catch(() => undefined)
      if (page === undefined) return undefined
      found.push(...page.entries)
      from = page.next
    }
    return found
  }

  /** True where no key is left here whose siblings are all tombstones. */
  async #reap(entries: Entries): Promise<boolean> {
    const { replica } = this.#node
    let isEmpty = true
    for (const { object, ...copy } of entries) {
      const outline = decodeOutline(object)
      if (outline === undefined || !isDeleted(outline)) continue
      const mayGo = this.#mayGo(outline)
      const isGone =
        mayGo && (await changeCopy(replica, copy, (now) => (this.#mayGo(now) ? undefined : now)))
      if (!isGone) isEmpty = false
      else this.#onReaped(outline)
    }
    return isEmpty
  }

  #onReaped({ siblings }: VersionedObject): void {
    const { counters, trace } = this.#node
    counters.keysReaped += 1
    const requests = siblings.map(({ requestId }) => requestLabel(requestId)).join(' ')
    trace.record('key-reaped', { requests })
  }

  #mayGo(object: VersionedObject): boolean {
    const { floors, replica } = this.#node
    return isDone(object, floors.adopted.floor) && !replica.isKept(object)
  }

  /** True where no key is left here with a long context. */
  async #strip(entries: Entries): Promise<boolean> {
    const { floors } = this.#node
    const round = floors.adopted
    const crowded: Crowded[] = []
    let isEmpty = true
    for (const { object, digest, ...copy } of entries) {
      const outline = decodeOutline(object)
      if (outline === undefined || outline.context.count <= 2 * copy.bucketId.n) continue
      isEmpty = false
      const ranges = replacedRanges(outline).filter(({ start, last }) => {
        return isUnder(round.floor, { start, counter: last })
      })
      if (ranges.length > 0) crowded.push({ copy, digest, ranges })
    }
    await this.#node.removal.ask(crowded.slice(0, TREE_KEYS_MAX), round)
    return isEmpty
  }
}

type Entries = ScanPage['entries']
