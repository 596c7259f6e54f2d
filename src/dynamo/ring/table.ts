/**
 * A table: the ring that an operator committed, and who has to adopt it before it is in effect.
 *
 *     parent ─► committed ─► adopted by all that are needed ─► in effect ─► moves ─► done
 *
 * Of two tables the one with the higher (number, digest) wins everywhere. A table that is taken
 * back is replaced by a newer one, which leads to the owners from before.
 *
 * Invariant: a table never changes. What has happened under it is in stages.ts.
 *
 * Source: docs/design.md, moves of places; test/model/ownership finds what is lost otherwise.
 */
import type { Brand } from '../../base/brand.ts'
import { readU32, utf8Bytes } from '../../base/bytes.ts'
import { compareU64, type U64, u64 } from '../../base/u64.ts'
import { md5Into } from '../../native/digest.ts'
import type { NodeId } from '../names.ts'
import type { Ring } from './ring.ts'

/** First 64 bits of an MD5 over all of a table. */
export type TableDigest = Brand<U64, 'TableDigest'>

/** All of a table but its digest. */
export interface TableFields {
  /** 1 for the first of a cluster; one more than that of its parent. */
  readonly number: number
  /** Undefined for the first. */
  readonly parent: TableDigest | undefined
  /** The members that its operator knew, and the owners that it leads to. */
  readonly ring: Ring
  /** The N of all buckets that its operator knew, ascending: each has moves of its own. */
  readonly ns: readonly number[]
  /** Named as dead: from its effect on they count for nothing. Ascending. */
  readonly without: readonly NodeId[]
  /**
   * Those that have to adopt it: members that were neither gone by then nor named as dead. Each
   * with the data directory that it had: on another one it may have adopted the table before, and
   * lost what it stated.
   */
  readonly needed: ReadonlyMap<NodeId, string>
}

export interface Table extends TableFields {
  readonly digest: TableDigest
}

/** Requires: `ns` and `without` ascending, each once. */
export function tableOf(fields: TableFields): Table {
  const { number, parent, ring, ns, without } = fields
  const needed = [...fields.needed].toSorted(([a], [b]) => (a < b ? -1 : 1))
  const text = JSON.stringify([number, parent ?? null, ring.digest, ns, without, needed])
  const bytes = utf8Bytes(`table\0${text}`)
  const digest = new Uint8Array(16)
  md5Into(bytes, 0, bytes.length, digest, 0)
  return {
    ...fields,
    needed: new Map(needed),
    digest: u64<TableDigest>(readU32(digest, 0), readU32(digest, 4)),
  }
}

/** The first table of a cluster: in effect from the beginning, and needs no one. */
export function firstTable(ring: Ring): Table {
  const nothing = { ns: [], without: [], needed: new Map<NodeId, string>() }
  return tableOf({ number: 1, parent: undefined, ring, ...nothing })
}

/** Above zero where `a` wins. */
export function compareTables(a: Table, b: Table): number {
  return a.number - b.number || compareU64(a.digest, b.digest)
}
