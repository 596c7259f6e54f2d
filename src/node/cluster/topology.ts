/**
 * The ring in force, this member's place in it, and the properties of buckets.
 *
 * The first ring comes from the configuration: each node claims the same ring from the same list of
 * members. `adopt` replaces it while the node runs. Every peer request names the ring that its
 * sender used, so that two nodes with different rings refuse each other instead of disagreeing in
 * silence.
 *
 * Invariant: a ring never changes. A request takes `lists` once and uses no other ring, whatever is
 * adopted meanwhile.
 */
import { assert } from '../../base/assert.ts'
import { latin1Of, utf8Bytes } from '../../base/bytes.ts'
import type { BucketConfig, Config } from '../../config.ts'
import { type BucketId, NEVER_CREATED, type NodeId, nodeIdOf, Policy } from '../../dynamo/names.ts'
import { claim } from '../../dynamo/ring/claim.ts'
import { PreferenceLists } from '../../dynamo/ring/preference-list.ts'
import type { Member, Ring } from '../../dynamo/ring/ring.ts'
import { md5Into } from '../../native/digest.ts'

/** N of a bucket, and what a request gets that names no R, W or deadline. */
export interface BucketProperties {
  /** Goes along with each copy. Buckets of a configuration were never created. */
  readonly id: BucketId
  readonly n: number
  readonly r: number
  readonly w: number
  readonly deadlineMs: number
}

/** The id of a configured member: the same on every node, at every start. */
export function memberIdOf(cluster: string, name: string): NodeId {
  const bytes = utf8Bytes(`member\0${cluster}\0${name}`)
  const digest = new Uint8Array(16)
  md5Into(bytes, 0, bytes.length, digest, 0)
  return nodeIdOf(digest)
}

/** The first ring of a cluster. */
export function ringOf(
  config: Pick<Config, 'cluster' | 'members' | 'partitions' | 'defaults'>,
): Ring {
  const { cluster, partitions, defaults } = config
  const members = config.members.map((member): Member => {
    return { id: memberIdOf(cluster, member.name), ...member }
  })
  return claim(members, Math.log2(partitions), defaults.n).ring
}

function idOf(n: number): BucketId {
  return { creation: NEVER_CREATED, policy: Policy.siblings, n }
}

export class Topology {
  readonly cluster: string
  /** The default's, under the empty name, then those that the configuration names. */
  readonly buckets: readonly BucketConfig[]
  readonly #defaults: BucketProperties
  readonly #properties: ReadonlyMap<string, BucketProperties>
  #lists: PreferenceLists
  #self: Member

  constructor(config: Config) {
    const { cluster, defaults, buckets, deadlineMs } = config
    this.cluster = cluster
    this.buckets = [{ name: '', ...defaults }, ...buckets]
    this.#defaults = { id: idOf(defaults.n), ...defaults, deadlineMs }
    this.#properties = new Map(
      buckets.map(({ name, n, r, w, deadlineMs: own }) => [
        latin1Of(utf8Bytes(name)),
        { id: idOf(n), n, r, w, deadlineMs: own ?? deadlineMs },
      ]),
    )
    const ring = ringOf(config)
    const self = ring.member(memberIdOf(cluster, config.name))
    assert(self !== undefined, 'a checked configuration names its own node among the members')
    this.#self = self
    this.#lists = new PreferenceLists(ring)
  }

  get ring(): Ring {
    return this.#lists.ring
  }

  /** The ring and the preference lists on it: one value for the whole of a request. */
  get lists(): PreferenceLists {
    return this.#lists
  }

  /** This node's own entry. Its id never changes. */
  get self(): Member {
    return this.#self
  }

  /** Uses `ring` from now on. Requires: newer than the one in force, with this node in it. */
  adopt(ring: Ring): void {
    const self = ring.member(this.#self.id)
    assert(self !== undefined, 'a node adopts only rings that it is a member of')
    this.#self = self
    this.#lists = new PreferenceLists(ring)
  }

  propertiesOf(bucket: Uint8Array): BucketProperties {
    if (this.#properties.size === 0) return this.#defaults
    return this.#properties.get(latin1Of(bucket)) ?? this.#defaults
  }

  /** Of the default bucket and of each that is named. */
  allProperties(): readonly BucketProperties[] {
    return [this.#defaults, ...this.#properties.values()]
  }

  /** Partitions of buckets with this N that this node and the other one own. */
  sharedPartitions(other: NodeId, n: number): readonly number[] {
    const { lists, self } = this
    const partitions = Array.from({ length: this.ring.partitionCount }, (_, i) => i)
    return partitions.filter((partition) => {
      const { ownerIds } = lists.ofPartition(partition, n)
      return ownerIds.includes(other) && ownerIds.includes(self.id)
    })
  }

  /** The other members that own something that this node owns. */
  otherOwners(): readonly NodeId[] {
    const ns = new Set(this.allProperties().map(({ n }) => n))
    return this.ring.members.flatMap(({ id }) => {
      const isOther = id !== this.self.id
      return isOther && [...ns].some((n) => this.sharedPartitions(id, n).length > 0) ? [id] : []
    })
  }

  /** Losses that this cluster would not survive, in sentences for the operator. */
  warnings(): readonly string[] {
    const machines = new Set(this.ring.members.map((member) => member.machine))
    const { n } = this.#defaults
    if (machines.size >= n) return []
    const held = machines.size === 1 ? 'one machine' : `${machines.size} machines`
    const survives = machines.size === 1 ? 'no lost disk' : `the loss of ${machines.size - 1} disk`
    return [
      `the ${n} copies of a key lie on ${held}: this cluster survives ${survives}; ` +
        `give it members on ${n} machines`,
    ]
  }
}
