/**
 * Tells what this member holds of a key, and where it stands with it: the round that it adopted,
 * the part of that floor which concerns the key, and what comparisons with the other owners have
 * found.
 *
 * Nothing is asked of another member. The part of the floor has the starts alone that the copies
 * name: a whole floor may have tens of thousands.
 */
import { type CopyId, OWN, type Start } from '../../dynamo/names.ts'
import { type Floor, isDeleted, isUnder, replacedRanges } from '../../dynamo/repair/floor.ts'
import type { ComparedWith, KeyStanding } from '../../dynamo/repair/key-standing.ts'
import { decodeOutline } from '../../dynamo/version/object-bytes.ts'
import type { VersionedObject } from '../../dynamo/version/object.ts'
import type { Clock } from '../../world/clock.ts'
import type { Topology } from '../cluster/topology.ts'
import type { Floors } from '../replica/floors.ts'
import type { Replica } from '../replica/replica.ts'
import type { Trees } from '../replica/trees.ts'
import type { OutlinedCopy, Teller, ToldKey } from '../requests.ts'
import type { Equalities } from './equalities.ts'
import { msSince } from './ranges.ts'
import type { RoundOpener } from './round-opener.ts'

export interface KeyTellerDependencies {
  readonly clock: Clock
  readonly topology: Topology
  readonly replica: Pick<Replica, 'copies' | 'isRemembered' | 'isKept'>
  readonly trees: Pick<Trees, 'isBuilt' | 'sum'>
  readonly floors: Pick<Floors, 'adopted'>
  readonly equalities: Pick<Equalities, 'of'>
  readonly opener: Pick<RoundOpener, 'ageMs' | 'holdup'>
  readonly roundMs: number
}

export class KeyTeller implements Teller {
  readonly #node: KeyTellerDependencies

  constructor(dependencies: KeyTellerDependencies) {
    this.#node = dependencies
  }

  /** Rejects as `Replica.copies` does. */
  async tell(copy: CopyId): Promise<ToldKey> {
    const copies = await this.#node.replica.copies(copy)
    return { copies, standing: this.#standingOf(copy, copies) }
  }

  #standingOf(copy: CopyId, copies: readonly OutlinedCopy[]): KeyStanding {
    const { floors, opener, roundMs } = this.#node
    const { number: round, floor } = floors.adopted
    const objects = copies.map(({ outline }) => decodeOutline(outline))
    const own = objects.find((_, i) => copies[i]?.place === OWN)
    return {
      round,
      roundAgeMs: Math.floor(opener.ageMs),
      roundMs,
      obstacle: opener.holdup ?? '',
      floor: partOf(floor, objects),
      isRemembered: own !== undefined && this.#isRemembered(own, floor),
      ...this.#comparisonsOf(copy),
    }
  }

  /** As the cleaner asks: a deleted key goes whole, of another one the ranges that are replaced. */
  #isRemembered(object: VersionedObject, floor: Floor): boolean {
    const { replica } = this.#node
    if (isDeleted(object)) return replica.isKept(object)
    const ranges = replacedRanges(object)
    return replica.isRemembered(
      ranges.filter(({ start, last }) => isUnder(floor, { start, counter: last })),
    )
  }

  #comparisonsOf({ token, bucketId: { n } }: CopyId): Pick<KeyStanding, 'root' | 'compared'> {
    const { clock, topology, trees, equalities } = this.#node
    const { lists, ring, self } = topology
    const partition = ring.partitionOf(token)
    const isOwner = lists.ofPartition(partition, n).ownerIds.includes(self.id)
    if (!isOwner || !trees.isBuilt) return { root: undefined, compared: [] }
    const now = clock.now()
    const compared = equalities.of(n, partition).map(({ node, equal, differsSinceMs }) => {
      const equalMs = equal && msSince(equal.foundMs, now)
      const differsMs = differsSinceMs === undefined ? undefined : msSince(differsSinceMs, now)
      return { node, equalMs, differsMs } satisfies ComparedWith
    })
    return { root: trees.sum(n, ring.bits, partition), compared }
  }
}

/** Of the floor what the objects name. */
function partOf(floor: Floor, objects: readonly (VersionedObject | undefined)[]): Floor {
  const part = new Map<Start, number>()
  for (const object of objects) {
    for (const { start } of object?.context.ranges ?? []) {
      const counter = floor.get(start)
      if (counter !== undefined) part.set(start, counter)
    }
  }
  return part
}
