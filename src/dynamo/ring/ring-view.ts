/**
 * What one member knows of the ring: the table in effect and how far its moves are, the table that
 * it has adopted since, and who else has adopted that.
 *
 *     commit ─► adopted by one after another ─► seen by a member that all have ─► in effect
 *
 * A member that adopts a table says once, durably, how far the moves of the one in effect were: its
 * *statement*. It ends none of them from then on. So the newest statement of all that are needed
 * tells from which owners the table begins, and each member that sees them all finds the same ones.
 *
 * A member whose disk was lost since a table was made may have stated something on the old disk,
 * or ended moves: it states nothing of that table and ends no move of it. So what waits for that
 * waits until an operator commits again, and the member counts for nothing until then where it may
 * have given its place away.
 *
 * An N comes into use before a table is adopted, and stands in the statement then; or after it is
 * in effect. A bucket with an N that is not in use is not served. So where a write of it was
 * acknowledged under the older table, the newer one begins with the owners that have it.
 *
 * Source: docs/design.md, a ring is a table; test/model/ownership.
 */
import { assert } from '../../base/assert.ts'
import { CounterCeiling } from '../counter-ceiling.ts'
import type { NodeId } from '../names.ts'
import { ownersOf } from './preference-list.ts'
import { newerStages, type Stages, stagesAfter } from './stages.ts'
import { compareTables, type Table } from './table.ts'

/** What members tell each other. */
export interface RingNews {
  readonly stages: Stages
  readonly adopted: Table
  /** Members that have durably adopted it. */
  readonly seen: readonly NodeId[]
  /** The newest of what these have stated; undefined while there are none. */
  readonly stated: Stages | undefined
}

/** What a member writes down before it tells of it. */
export interface KeptRing {
  readonly stages: Stages
  readonly adopted: Table
  /** How far the moves were when it adopted the table; undefined for the table in effect. */
  readonly stated: Stages | undefined
}

/**
 * Whether a member may know this: the adopted table is the newest, and none has more partitions.
 */
export function isKnowledge({ stages, adopted, stated }: KeptRing): boolean {
  const known = stated === undefined ? [stages] : [stages, stated]
  const isFit = known.every(({ table }) => {
    return compareTables(table, adopted) <= 0 && table.ring.bits <= adopted.ring.bits
  })
  return isFit && (stated === undefined || compareTables(stated.table, adopted) < 0)
}

/** Whether a member may have written this down: it states how far it was while a table waits. */
export function isKeptRing(kept: KeptRing): boolean {
  const { stages, adopted, stated } = kept
  return isKnowledge(kept) && (stated !== undefined) === compareTables(adopted, stages.table) > 0
}

export interface RingViewOptions {
  readonly self: NodeId
  /** The id of this member's data directory. */
  readonly directory: string
  readonly kept: KeptRing
}

export class RingView {
  readonly #options: RingViewOptions
  #stages: Stages
  #adopted: Table
  #stated: Stages | undefined
  readonly #seen = new Set<NodeId>()
  #newest: Stages | undefined
  readonly #ceiling = new CounterCeiling()

  constructor(options: RingViewOptions) {
    this.#options = options
    this.#stages = options.kept.stages
    this.#adopted = options.kept.adopted
    this.#stated = options.kept.stated
    this.onDurable(this.#adopted)
  }

  /** Of the table in effect. */
  get stages(): Stages {
    return this.#stages
  }

  /** The newest table that this member knows, in effect or not. */
  get adopted(): Table {
    return this.#adopted
  }

  /** A newer table is under way: no move of the one in effect may end. */
  get isFrozen(): boolean {
    return compareTables(this.#adopted, this.#stages.table) > 0
  }

  /** The table in effect was made for a disk that this member has no more. */
  get isOnOtherDisk(): boolean {
    return !this.#isMadeForDisk(this.#stages.table)
  }

  /**
   * On the disk that it lost, this member may have given away its place in one of the partitions
   * from `first` to `last`: by a move of the table in effect, or of a newer one.
   */
  mayHaveGiven(n: number, first: number, last = first): boolean {
    if (!this.isOnOtherDisk) return false
    if (this.isFrozen) return true
    const { ring } = this.#stages.table
    for (let partition = first; partition <= last; partition++) {
      if (!ownersOf(ring, partition, n).some(({ id }) => id === this.#options.self)) return true
    }
    return false
  }

  /** Members that the adopted table waits for. */
  get missing(): readonly NodeId[] {
    return this.isFrozen ? [...this.#adopted.needed.keys()].filter((id) => !this.#seen.has(id)) : []
  }

  get kept(): KeptRing {
    return { stages: this.#stages, adopted: this.#adopted, stated: this.#stated }
  }

  get news(): RingNews {
    const seen = [...this.#seen].toSorted()
    return { stages: this.#stages, adopted: this.#adopted, seen, stated: this.#newest }
  }

  /** An operator commits this table here. Requires: its parent is the adopted one. */
  commit(table: Table): void {
    assert(compareTables(table, this.#adopted) > 0, 'a table is committed on the newest one')
    this.#adopt(table)
  }

  /** An N is in use from now on. False where it may not be now: a newer table is under way. */
  use(n: number): boolean {
    if (this.isFrozen) return this.#stated?.ns.includes(n) === true
    this.#stages.use(n)
    return true
  }

  /** Whether tables of these numbers, which another member tells, are to be taken now. */
  admits({ stages, adopted }: RingNews): boolean {
    const told = Math.max(stages.table.number, adopted.number)
    return this.#ceiling.admits(told, this.#adopted.number)
  }

  /**
   * Whether no table that is known here began with other owners, as these news have it, and none
   * has fewer partitions than one before it: such tables cannot be of this member's cluster.
   */
  mayHear({ stages, adopted, stated }: RingNews): boolean {
    const newest = compareTables(adopted, this.#adopted) > 0 ? adopted : this.#adopted
    const [least, most] = [this.#stages.table.ring.bits, newest.ring.bits]
    if (stages.table.ring.bits < least || adopted.ring.bits < least) return false
    if ([stages, stated].some((told) => told && told.table.ring.bits > most)) return false
    return [stages, stated].every((told) => {
      const known = [this.#stages, this.#newest].filter((one) => one !== undefined)
      const ofTable = known.filter(({ table }) => told && compareTables(table, told.table) === 0)
      return ofTable.every((one) => one.mayTakeAll(told as Stages))
    })
  }

  /**
   * Another member tells what it knows. Returns whether something of that was new. Requires:
   * `mayHear`.
   */
  hear({ stages, adopted, seen, stated }: RingNews): boolean {
    let isNews = false
    if (compareTables(adopted, this.#adopted) > 0) {
      this.#adopt(adopted)
      isNews = true
    }
    if (compareTables(adopted, this.#adopted) === 0 && this.#see(seen, stated)) isNews = true
    if (this.#hearStages(stages)) isNews = true
    return this.#settle() || isNews
  }

  /**
   * What `kept` said is durable, with this table as the adopted one: from now on this member tells
   * that it has adopted that.
   */
  onDurable(adopted: Table): void {
    if (compareTables(adopted, this.#adopted) !== 0) return
    if (this.isFrozen && this.#mayState) this.#see([this.#options.self], this.#stated)
    this.#settle()
  }

  /** It states once what it adopted: on the disk that the table was made for. */
  get #mayState(): boolean {
    return this.#adopted.needed.has(this.#options.self) && this.#isMadeForDisk(this.#adopted)
  }

  /** One that does not need this member was made before it joined, or names it as dead. */
  #isMadeForDisk({ needed }: Table): boolean {
    const { self, directory } = this.#options
    return !needed.has(self) || needed.get(self) === directory
  }

  #adopt(table: Table): void {
    this.#adopted = table
    this.#stated = this.#stages.copy()
    this.#seen.clear()
    this.#newest = undefined
  }

  #see(members: readonly NodeId[], stated: Stages | undefined): boolean {
    const before = this.#seen.size
    for (const id of members) this.#seen.add(id)
    if (stated !== undefined) this.#newest = newerStages(this.#newest, stated)
    return this.#seen.size > before
  }

  /**
   * The newer table was made since a member lost the disk of the one in effect. On that it may have
   * ended a move that the newer table does not know of: it is not heard any more.
   */
  get #isForNewDisk(): boolean {
    if (!this.isFrozen) return false
    const { needed } = this.#stages.table
    return [...this.#adopted.needed].some(
      ([id, directory]) => needed.has(id) && needed.get(id) !== directory,
    )
  }

  #hearStages(stages: Stages): boolean {
    const order = compareTables(stages.table, this.#stages.table)
    if (order < 0) return false
    if (order === 0) return !this.#isForNewDisk && this.#stages.takeAll(stages)
    this.#begin(stages.copy())
    return true
  }

  /** A table is in effect. */
  #begin(stages: Stages): void {
    this.#stages = stages
    if (compareTables(stages.table, this.#adopted) < 0) return
    this.#adopted = stages.table
    this.#stated = undefined
    this.#seen.clear()
    this.#newest = undefined
  }

  /** A member that sees that all have adopted says that the table is in effect. */
  #settle(): boolean {
    if (!this.isFrozen || this.missing.length > 0 || this.#newest === undefined) return false
    this.#begin(stagesAfter(this.#newest, this.#adopted))
    return true
  }
}
