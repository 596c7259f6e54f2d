/**
 * Preference lists while the moves of a table are under way: the owners of each partition are those
 * of its stage, and the fallbacks all other members of the table's ring.
 *
 * Invariant: lists never change. A request takes one value for the whole of its life.
 */
import { equalU64 } from '../../base/u64.ts'
import type { Token } from '../../native/digest.ts'
import type { NodeId } from '../names.ts'
import { type MachineOf, Machines } from './machines.ts'
import { joinedDigest, ownersDigest } from './owners-digest.ts'
import { clockwiseFrom } from './preference-list.ts'
import type { Ring, RingDigest } from './ring.ts'
import type { Stages } from './stages.ts'

/** The owners of a partition now, then the fallbacks. */
export interface StagedList {
  /** In order of preference. */
  readonly ownerIds: readonly NodeId[]
  /** All other members of the ring, in the order in which they replace an owner that is away. */
  readonly fallbackIds: readonly NodeId[]
  /** Is being filled, and counts for nothing. */
  readonly filler: NodeId | undefined
  readonly machineOf: MachineOf
  /** Moves that are done. */
  readonly done: number
  /** Names the owners and their moves: a request says by it on what its sender counts. */
  readonly digest: RingDigest
}

export class StagedLists {
  readonly stages: Stages
  readonly #byN = new Map<number, (StagedList | undefined)[]>()
  readonly #machinesByN = new Map<number, Machines>()

  /** `before`: lists that are taken over as far as their stages have not changed. */
  constructor(stages: Stages, before?: StagedLists) {
    this.stages = stages
    if (before === undefined || !isSameTable(stages, before.stages)) return
    for (const [n, lists] of before.#byN) this.#byN.set(n, [...lists])
  }

  get ring(): Ring {
    return this.stages.table.ring
  }

  of(token: Token, n: number): StagedList {
    return this.ofPartition(this.ring.partitionOf(token), n)
  }

  ofPartition(partition: number, n: number): StagedList {
    let lists = this.#byN.get(n)
    if (lists === undefined) {
      lists = Array.from({ length: this.ring.partitionCount })
      this.#byN.set(n, lists)
    }
    const list = lists[partition]
    const { owners, filler, done, moved } = this.stages.of(partition, n)
    if (list?.done === done) return list
    const met = clockwiseFrom(this.ring, partition).map(({ id }) => id)
    const fallbackIds = met.filter((id) => !owners.includes(id))
    const machineOf = this.#machinesOf(n).beside(owners)
    const digest = ownersDigest(owners, moved, this.stages.table.without)
    const made = { ownerIds: owners, fallbackIds, filler, machineOf, done, digest }
    lists[partition] = made
    return made
  }

  /** Names the owners of these partitions, for a request about all of them in this order. */
  digestOf(partitions: readonly (readonly [partition: number, n: number])[]): RingDigest {
    const digests = partitions.map(([partition, n]) => this.ofPartition(partition, n).digest)
    return joinedDigest(this.ring.bits, digests)
  }

  /** The same of all keys from a token to another one, in buckets with this N. */
  digestOfRange({ from, to, n }: { from: Token; to: Token; n: number }): RingDigest {
    const [first, last] = [this.ring.partitionOf(from), this.ring.partitionOf(to)]
    const partitions = Array.from({ length: Math.max(0, last - first + 1) }, (_, i) => first + i)
    return this.digestOf(partitions.map((one) => [one, n]))
  }

  #machinesOf(n: number): Machines {
    let machines = this.#machinesByN.get(n)
    if (machines === undefined) {
      machines = new Machines(this.stages, n)
      this.#machinesByN.set(n, machines)
    }
    return machines
  }
}

function isSameTable(a: Stages, b: Stages): boolean {
  return equalU64(a.table.digest, b.table.digest)
}
