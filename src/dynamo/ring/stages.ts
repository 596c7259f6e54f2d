/**
 * How far the moves of a table have come: the owners of each partition now, and which of
 * them gives its place to which member next.
 *
 *     base        A B C                     the owners when the table took effect
 *     one done    D B C   A gave to D
 *     two done    D E C   B gave to E       the table leads to C D E: no move is left
 *
 * Owners move one at a time, in an order that follows from the base and the table alone. A filler
 * takes the place of a leaver on its own machine where there is one: so the owners are on distinct
 * machines at every stage if they are before and after. Each N has its own moves: the first owner
 * of a row is the only one of a bucket with N = 1. Where the cluster grows to N machines, a filler
 * comes without a leaver; where it shrinks, a leaver goes without a filler.
 *
 * Of two stages of one table the one with more moves done is newer, and of two tables the winner's:
 * members that meet know which of them is ahead.
 *
 * An N that comes into use under a table that does not name it has no moves there: its owners are
 * those that the table leads to. That it is in use is kept and told with the stages, so that the
 * next table begins it with these owners, whether or not its operator knew of it.
 *
 * Source: docs/design.md, moves of places; test/model/ownership.
 */
import { assert } from '../../base/assert.ts'
import { u64 } from '../../base/u64.ts'
import type { NodeId } from '../names.ts'
import { type Owner, type OwnerRow, type OwnerRows, rowsFrom } from './owner-rows.ts'
import { ownersOf } from './preference-list.ts'
import type { Ring, RingDigest } from './ring.ts'
import { compareTables, firstTable, type Table } from './table.ts'

/** One partition for one N. It never changes: the next move makes another one. */
export interface Stage {
  readonly table: Table
  /** Moves that are done. */
  readonly done: number
  /** The same of this table and all before it, modulo 2^32: how often the owners have changed. */
  readonly moved: number
  /** In order of preference. */
  readonly owners: readonly NodeId[]
  /** Gives its place to the filler; undefined where a filler comes in addition, or after all. */
  readonly leaver: NodeId | undefined
  /** Is being filled, and counts for nothing; undefined where a leaver just goes, or after all. */
  readonly filler: NodeId | undefined
  /** The last leaver was whole when it closed: the new owner has all that it held. */
  readonly isFilled: boolean
}

/** Of a byte of `done`: the count, and whether the last move filled the new owner. */
const DONE_MASK = 0x7f
const FILLED = 0x80

/** In the digest of all: shifted by an N that the table does not name. */
const USED = 0x10000

/** FNV-1a in 32 bits. */
const FNV_PRIME = 0x01000193

/** The moves of one N. */
interface Moves {
  readonly base: OwnerRows
  /** Of each partition, once that was asked for: copies share them. */
  readonly pairs: (readonly Pair[] | undefined)[]
  readonly done: Uint8Array
  readonly stages: (Stage | undefined)[]
}

export class Stages {
  readonly table: Table
  readonly #byN = new Map<number, Moves>()
  readonly #owners = new Map<NodeId, Owner>()
  /** All but what is done, as bytes, once ring-bytes.ts was asked for them. */
  fixedBytes: Uint8Array | undefined

  /** `table` is in effect, and no move is done. `bases` has its N; the first table has none. */
  constructor(table: Table, bases: Iterable<OwnerRows>) {
    this.table = table
    for (const { id, machine, zone } of table.ring.members) {
      this.#owners.set(id, { id, machine, zone })
    }
    for (const base of bases) {
      for (const owner of base.owners) this.#owners.set(owner.id, owner)
      assert(base.partitions === table.ring.partitionCount, 'the base has the same partitions')
      this.#byN.set(base.n, movesFrom(base))
    }
  }

  /** The N that have moves, or came into use since. */
  get ns(): readonly number[] {
    return [...this.#byN.keys()]
  }

  /** The members of the ring, and owners that are none any more. */
  get owners(): Iterable<Owner> {
    return this.#owners.values()
  }

  /** One of them. */
  ownerOf(id: NodeId): Owner | undefined {
    return this.#owners.get(id)
  }

  /** Names the stages of these partitions, in this order: what those who move places agree on. */
  digestOf(partitions: Iterable<readonly [partition: number, n: number]>): RingDigest {
    let hash = 0
    let place = 0
    for (const [partition, n] of partitions) hash = mixed(hash, place++, this.of(partition, n).done)
    const { hi, lo } = this.table.digest
    return u64((hi ^ hash) >>> 0, lo)
  }

  /** The same of all partitions for all N, and of the N that came into use since. */
  get digest(): RingDigest {
    let hash = 0
    let place = 0
    for (const n of this.#byN.keys()) if (!this.table.ns.includes(n)) hash ^= USED << n
    for (const { done } of this.#byN.values()) {
      for (const byte of done) hash = mixed(hash, place++, byte & DONE_MASK)
    }
    const { hi, lo } = this.table.digest
    return u64((hi ^ hash) >>> 0, lo)
  }

  /** Notes that an N is in use. Returns false where it was known. */
  use(n: number): boolean {
    if (this.#byN.has(n)) return false
    const { partitionCount } = this.table.ring
    const base = rowsFrom(n, partitionCount, (partition) => this.rowOf(partition, n))
    this.#byN.set(n, movesFrom(base))
    this.fixedBytes = undefined
    return true
  }

  /** One partition. An N that came into use since has no data to move. */
  of(partition: number, n: number): Stage {
    const moves = this.#byN.get(n)
    if (moves === undefined) return this.#last(partition, n)
    const known = moves.stages[partition]
    if (known !== undefined) return known
    const stage = this.#stageOf(moves, partition)
    moves.stages[partition] = stage
    return stage
  }

  /** The owners of a partition now, with their machines, and how often they have changed. */
  rowOf(partition: number, n: number): OwnerRow {
    const { owners, moved } = this.of(partition, n)
    return { owners: owners.map((id) => this.#owners.get(id) as Owner), moved }
  }

  /** The next move of a partition is done. Returns false where it was known. */
  advance(partition: number, n: number, done: number, isFilled: boolean): boolean {
    const moves = this.#byN.get(n)
    if (moves === undefined || done <= doneIn(moves, partition)) return false
    assert(done <= this.#movesOf(moves, partition).length, 'no more moves are done than there are')
    moves.done[partition] = done | (isFilled ? FILLED : 0)
    moves.stages[partition] = undefined
    return true
  }

  /** What is done, a byte for each partition, to be kept or sent. */
  doneOf(n: number): Uint8Array {
    return (this.#byN.get(n)?.done ?? new Uint8Array()).slice()
  }

  baseOf(n: number): OwnerRows | undefined {
    return this.#byN.get(n)?.base
  }

  /** Takes what another member knows to be done. Requires: of the same table. True if news. */
  take(n: number, done: Uint8Array): boolean {
    let isNews = false
    done.forEach((byte, partition) => {
      if (this.advance(partition, n, byte & DONE_MASK, isSet(byte))) isNews = true
    })
    return isNews
  }

  /** Whether these may be done, of this table: no partition has more than its moves. */
  mayTake(n: number, done: Uint8Array): boolean {
    const moves = this.#byN.get(n)
    if (moves === undefined || done.length !== moves.base.partitions) return false
    return done.every((byte, partition) => {
      const count = byte & DONE_MASK
      return byte === 0 || (count >= 1 && count <= this.#movesOf(moves, partition).length)
    })
  }

  /** The same of all N: where one came into use since, nothing moves. */
  mayTakeAll(other: Stages): boolean {
    return other.ns.every((n) => {
      const done = other.doneOf(n)
      return this.#byN.has(n) ? this.mayTake(n, done) : done.every((byte) => byte === 0)
    })
  }

  /** Takes what is done of all N that are in use. Requires: it may be done. */
  takeAll(other: Stages): boolean {
    let isNews = false
    for (const n of other.ns) {
      if (this.use(n)) isNews = true
      if (this.take(n, other.doneOf(n))) isNews = true
    }
    return isNews
  }

  /** As it is now: what is done later changes one of the two. */
  copy(): Stages {
    const copy = this.begun()
    for (const [n, moves] of this.#byN) {
      const { done, stages } = moves
      copy.#byN.set(n, { ...moves, done: done.slice(), stages: stages.slice() })
    }
    return copy
  }

  /** As it was when the table took effect: no move is done. */
  begun(): Stages {
    const copy = new Stages(this.table, [])
    for (const [n, { base, pairs }] of this.#byN) {
      copy.#byN.set(n, { ...movesFrom(base), pairs })
    }
    for (const [id, owner] of this.#owners) copy.#owners.set(id, owner)
    copy.fixedBytes = this.fixedBytes
    return copy
  }

  /** Moves that are left, of all partitions and N. */
  get left(): number {
    let left = 0
    for (const moves of this.#byN.values()) {
      for (let partition = 0; partition < moves.base.partitions; partition++) {
        left += this.#movesOf(moves, partition).length - doneIn(moves, partition)
      }
    }
    return left
  }

  #stageOf(moves: Moves, partition: number): Stage {
    const { base } = moves
    const done = doneIn(moves, partition)
    const pairs = this.#movesOf(moves, partition)
    const moved = ((base.moved[partition] as number) + done) >>> 0
    const now = { done, moved, isFilled: isSet(moves.done[partition] as number) }
    if (done === pairs.length) return { ...this.#last(partition, base.n), ...now }
    const owners = pairs.slice(0, done).reduce(ownersAfter, base.of(partition))
    return { table: this.table, owners, ...(pairs[done] as Pair), ...now }
  }

  #movesOf({ base, pairs }: Moves, partition: number): readonly Pair[] {
    pairs[partition] ??= pairsOf(base.of(partition), this.#target(partition, base.n), this.#owners)
    return pairs[partition]
  }

  #last(partition: number, n: number): Stage {
    const owners = this.#target(partition, n)
    const none = { leaver: undefined, filler: undefined }
    return { table: this.table, done: 0, moved: 0, owners, ...none, isFilled: false }
  }

  #target(partition: number, n: number): readonly NodeId[] {
    return ownersOf(this.table.ring, partition, n).map(({ id }) => id)
  }
}

/** None is done. */
function movesFrom(base: OwnerRows): Moves {
  return { base, pairs: [], done: new Uint8Array(base.partitions), stages: [] }
}

function doneIn({ done }: Moves, partition: number): number {
  return (done[partition] as number) & DONE_MASK
}

/** A table that has just taken effect, from where its predecessor's moves had come to. */
export function stagesAfter(before: Stages, table: Table): Stages {
  const split = table.ring.bits - before.table.ring.bits
  assert(split >= 0, 'partitions never become fewer')
  const count = table.ring.partitionCount
  const unnamed = before.ns.filter((n) => !table.ns.includes(n)).toSorted((a, b) => a - b)
  const bases = [...table.ns, ...unnamed].map((n) =>
    rowsFrom(n, count, (p) => before.rowOf(p >>> split, n)),
  )
  return new Stages(table, bases)
}

/** What is newer, partition by partition. */
export function newerStages(a: Stages | undefined, b: Stages): Stages {
  const order = a === undefined ? -1 : compareTables(a.table, b.table)
  if (a === undefined || order < 0) return b.copy()
  if (order === 0) a.takeAll(b)
  return a
}

/** The first table of a cluster: nothing has to move. */
export function firstStages(ring: Ring): Stages {
  return new Stages(firstTable(ring), [])
}

type Pair = Pick<Stage, 'leaver' | 'filler'>

/** Those that leave, in order of preference, each with one that comes. */
function pairsOf(
  base: readonly NodeId[],
  target: readonly NodeId[],
  owners: ReadonlyMap<NodeId, Owner>,
): readonly Pair[] {
  const leavers = base.filter((id) => !target.includes(id))
  const left = new Set(target.filter((id) => !base.includes(id)))
  const fillers = new Map<NodeId, NodeId>()
  const suits = (a: NodeId, b: NodeId, what: 'machine' | 'zone'): boolean =>
    owners.get(a)?.[what] === owners.get(b)?.[what]
  for (const what of ['machine', 'zone', undefined] as const) {
    for (const leaver of leavers) {
      if (fillers.has(leaver)) continue
      const filler = [...left].find((id) => what === undefined || suits(leaver, id, what))
      if (filler === undefined) continue
      fillers.set(leaver, filler)
      left.delete(filler)
    }
  }
  const pairs = leavers.map((leaver): Pair => ({ leaver, filler: fillers.get(leaver) }))
  return [...pairs, ...[...left].map((filler): Pair => ({ leaver: undefined, filler }))]
}

/** The filler gets the place of the leaver. */
function ownersAfter(owners: readonly NodeId[], { leaver, filler }: Pair): readonly NodeId[] {
  if (leaver === undefined) return filler === undefined ? owners : [...owners, filler]
  return owners.flatMap((id) => {
    if (id !== leaver) return [id]
    return filler === undefined ? [] : [filler]
  })
}

/** Changes nothing as long as no move is done. */
function mixed(hash: number, place: number, done: number): number {
  if (done === 0) return hash
  return Math.imul(Math.imul(hash ^ (place + 1), FNV_PRIME) ^ done, FNV_PRIME)
}

function isSet(byte: number): boolean {
  return (byte & FILLED) !== 0
}
