/**
 * What a member tells beside its copies of a key: where it stands in rounds, and how the key's
 * partition compares with those of the other owners. `removal.ts` makes of it what a deleted key
 * waits for.
 */
import type { U64 } from '../../base/u64.ts'
import type { NodeId } from '../names.ts'
import type { Floor } from './floor.ts'

/** Where a member stands in rounds, and what it has found of the copies in a key's partition. */
export interface KeyStanding {
  /** The round that it adopted last; 0: none. */
  readonly round: number
  /** Milliseconds since it adopted that, or since it started. */
  readonly roundAgeMs: number
  /** How old it lets a round become. */
  readonly roundMs: number
  /** Why no round ends, in a sentence; empty: nothing holds one up. */
  readonly obstacle: string
  /** Of the floor that it adopted the starts that its copies of the key name. */
  readonly floor: Floor
  /** A request that may be repeated, here or at another owner, wrote what would go of its copy. */
  readonly isRemembered: boolean
  /** The sum of its copies in the partition; undefined: it is no owner, or still reads them. */
  readonly root: U64 | undefined
  readonly compared: readonly ComparedWith[]
}

/** What comparisons with another owner have found, in milliseconds before now. */
export interface ComparedWith {
  readonly node: NodeId
  /** Undefined: they were never found equal. */
  readonly equalMs: number | undefined
  /** Undefined: the last comparison found no difference. */
  readonly differsMs: number | undefined
}
