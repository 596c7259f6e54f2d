/**
 * The owners of every partition for one N, as a table that is in effect began with them, and how
 * often they had changed by then.
 */
import { assert } from '../../base/assert.ts'
import type { NodeId } from '../names.ts'
import type { Member } from './ring.ts'

/** There are fewer owners than N. */
const NONE = 0xffff

/** An owner, also one that no later table knows. */
export type Owner = Pick<Member, 'id' | 'machine' | 'zone'>

export class OwnerRows {
  readonly n: number
  /** Each once, in the order in which the rows name them first. */
  readonly owners: readonly Owner[]
  /** N to a partition: indexes into `owners`, and NONE behind the last owner. */
  readonly rows: Uint16Array
  /** Moves of each partition that earlier tables made, modulo 2^32. */
  readonly moved: Uint32Array

  /** Requires: what `rowsFrom` makes, or the same read from a file or the wire. */
  constructor(n: number, owners: readonly Owner[], rows: Uint16Array, moved: Uint32Array) {
    assert(rows.length === n * moved.length, 'each partition has a row')
    assert(
      rows.every((index) => index === NONE || index < owners.length),
      'rows name owners',
    )
    this.n = n
    this.owners = owners
    this.rows = rows
    this.moved = moved
  }

  get partitions(): number {
    return this.moved.length
  }

  of(partition: number): readonly NodeId[] {
    const ids: NodeId[] = []
    const end = (partition + 1) * this.n
    for (let at = partition * this.n; at < end; at++) {
      const owner = this.owners[this.rows[at] as number]
      if (owner !== undefined) ids.push(owner.id)
    }
    return ids
  }
}

/**
 * Whether these may be the owners and rows of `n` owners that `rowsFrom` makes: a row has one owner
 * or more, each once.
 */
export function areRows(n: number, owners: readonly Owner[], rows: Uint16Array): boolean {
  let named = 0
  const areSound = rows.every((index, at) => {
    const before = rows.subarray(at - (at % n), at)
    if (index === NONE) return before.length > 0
    if (index === named) named += 1
    return index < named && before.at(-1) !== NONE && !before.includes(index)
  })
  return areSound && named === owners.length && new Set(owners.map(({ id }) => id)).size === named
}

/** Owners of one partition, and how often they have changed. */
export interface OwnerRow {
  readonly owners: readonly Owner[]
  readonly moved: number
}

/** Requires: at most N owners of each partition, each once. */
export function rowsFrom(
  n: number,
  partitions: number,
  rowOf: (partition: number) => OwnerRow,
): OwnerRows {
  const indexes = new Map<NodeId, number>()
  const all: Owner[] = []
  const rows = new Uint16Array(n * partitions).fill(NONE)
  const changes = new Uint32Array(partitions)
  for (let partition = 0; partition < partitions; partition++) {
    const { owners, moved } = rowOf(partition)
    changes[partition] = moved
    assert(owners.length <= n, 'a row has at most N owners')
    for (const [i, { id, machine, zone }] of owners.entries()) {
      const index = indexes.get(id) ?? all.length
      if (index === all.length) all.push({ id, machine, zone })
      indexes.set(id, index)
      rows[n * partition + i] = index
    }
  }
  return new OwnerRows(n, all, rows, changes)
}
