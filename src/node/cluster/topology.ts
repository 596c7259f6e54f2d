/**
 * The owners in force, this member's place among them, and the buckets (`named-buckets.ts`).
 *
 * The first ring comes from the configuration: each node claims the same ring from the same list of
 * members, which its data directory keeps. `adopt` brings what has changed since (`rings.ts`).
 * Every peer request names the stage of its partition that its sender knew, so that two nodes that
 * know different owners refuse each other instead of disagreeing in silence.
 *
 * Where members are reached is no matter of the ring: their records say so (`membership.ts`).
 *
 * Invariant: stages that were adopted here never change. A request, or each stretch of a scan,
 * takes `lists` once, asks the owners that they name, and names these, whatever is adopted
 * meanwhile.
 */
import { assert } from '../../base/assert.ts'
import { utf8Bytes } from '../../base/bytes.ts'
import type { Config } from '../../config.ts'
import { exactName } from '../../dynamo/buckets/bucket-names.ts'
import {
  type BucketId,
  type CopyId,
  NEVER_CREATED,
  type NodeId,
  nodeIdOf,
} from '../../dynamo/names.ts'
import type { Branch } from '../../dynamo/repair/branches.ts'
import { claim } from '../../dynamo/ring/claim.ts'
import { type Placement, ringDifferencesOf } from '../../dynamo/ring/placement.ts'
import type { Member, Ring, RingDigest } from '../../dynamo/ring/ring.ts'
import { StagedLists } from '../../dynamo/ring/staged-lists.ts'
import { firstStages, type Stages } from '../../dynamo/ring/stages.ts'
import { md5Into } from '../../native/digest.ts'
import { type BucketProperties, NamedBuckets, type ShownBucket } from './named-buckets.ts'

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

/**
 * The first ring of a cluster, of the members that a data directory was begun with; `records` say
 * where they are reached.
 */
export function keptRingOf(
  config: Parameters<typeof ringOf>[0],
  { members }: Pick<Placement, 'members'>,
  records: Iterable<Member>,
): Ring {
  const known = new Map<NodeId, Member>()
  for (const record of records) known.set(record.id, record)
  const listed = new Map(config.members.map((member) => [member.name, member]))
  const placed = members.map((member) => {
    const record = known.get(memberIdOf(config.cluster, member.name)) ?? listed.get(member.name)
    const { host, clientPort, peerPort } = record ?? UNREACHED
    return { ...member, host, clientPort, peerPort }
  })
  return ringOf({ ...config, members: placed })
}

const UNREACHED = { host: '', clientPort: 0, peerPort: 0 }
const UNKNOWN = { ...UNREACHED, name: '', machine: '', zone: '', weight: 0 }

/** Who is here. */
export interface KnownMembers {
  recordOf(id: NodeId): Member | undefined
  /** Those that are not gone. */
  readonly present: readonly Member[]
}

const NO_RECORDS: KnownMembers = { recordOf: () => undefined, present: [] }

export class Topology {
  readonly cluster: string
  readonly named: NamedBuckets
  /** N that came into use, as far as this node may serve buckets with them (`rings.ts`). */
  usedNs: ReadonlySet<number> = new Set()
  readonly #defaultN: number
  /** Of these stages: every answer to a client tells it. */
  #digest: RingDigest | undefined
  #lists: StagedLists
  /** This node's own record, as its configuration states it; the ring may not have it (yet). */
  readonly self: Member
  #records: KnownMembers = NO_RECORDS
  readonly #configured: Config['members']
  /** What the list in the configuration has otherwise than the ring. */
  #otherList: readonly string[]

  /** Requires: `stages` never change again. */
  constructor(config: Config, stages: Stages = firstStages(ringOf(config))) {
    this.cluster = config.cluster
    this.named = new NamedBuckets(config)
    this.#defaultN = config.defaults.n
    const own = config.members.find(({ name }) => name === config.name)
    assert(own !== undefined, 'a checked configuration names its own node among the members')
    this.self = { id: config.id, ...own }
    this.#lists = new StagedLists(stages)
    this.#configured = config.members
    this.#otherList = this.#differences()
  }

  get ring(): Ring {
    return this.#lists.ring
  }

  /** The owners of each partition now. */
  get stages(): Stages {
    return this.#lists.stages
  }

  /** Names the stages of all partitions. */
  get digest(): RingDigest {
    this.#digest ??= this.stages.digest
    return this.#digest
  }

  /** The ring, the stages and the lists of them: one value for the whole of a request. */
  get lists(): StagedLists {
    return this.#lists
  }

  /** The members of the ring in its order, named and reached as their records say now. */
  get members(): readonly Member[] {
    return this.ring.members.map(({ id }) => this.memberOf(id))
  }

  /** One of them, or an owner that is none any more. */
  memberOf(id: NodeId): Member {
    const placed = this.ring.member(id) ?? { ...UNKNOWN, ...this.stages.ownerOf(id), id }
    const { name, host, clientPort, peerPort } = this.#records.recordOf(id) ?? placed
    return { ...placed, name, host, clientPort, peerPort }
  }

  /** All that are not gone, whether or not they own anything: each may hold copies and hints. */
  get present(): readonly Member[] {
    const records = this.#records
    const isUnknown = ({ id }: Member): boolean => records.recordOf(id) === undefined
    return [...records.present, ...this.ring.members.filter(isUnknown)]
  }

  /** Of a member, or an owner that is none any more. */
  nameOf(id: NodeId): string {
    return (this.#records.recordOf(id) ?? this.ring.member(id))?.name ?? id
  }

  /** From now on members are named and reached as these records say. */
  follow(records: KnownMembers): void {
    this.#records = records
  }

  /** These are in force from now on. Requires: newer, and they never change again. */
  adopt(stages: Stages): void {
    this.#lists = new StagedLists(stages, this.#lists)
    this.#digest = undefined
    this.#otherList = this.#differences()
  }

  /** Whether this member is an owner of the copy's key. */
  owns({ token, bucketId }: Pick<CopyId, 'token' | 'bucketId'>): boolean {
    return this.#lists.of(token, bucketId.n).ownerIds.includes(this.self.id)
  }

  /** Whether it is an owner of all partitions from one to another, for buckets with this N. */
  ownsAll(first: number, last: number, n: number): boolean {
    for (let partition = first; partition <= last; partition++) {
      if (!this.#lists.ofPartition(partition, n).ownerIds.includes(this.self.id)) return false
    }
    return true
  }

  /** Names the owners of these keys, for a question about all of them in this order. */
  digestOfKeys(copies: readonly Pick<CopyId, 'token' | 'bucketId'>[]): RingDigest {
    const { ring, lists } = this
    return lists.digestOf(
      copies.map(({ token, bucketId }) => [ring.partitionOf(token), bucketId.n]),
    )
  }

  /** The same of branches of `bits` bits of the tree of buckets with this N. */
  digestOfBranches(bits: number, branches: readonly Branch[], n: number): RingDigest {
    const { ring, lists } = this
    const shift = bits - ring.bits
    // A branch with fewer bits has several partitions: the first of them stands for it.
    const partitionOf = (one: Branch): number => (shift < 0 ? one << -shift : one >>> shift)
    return lists.digestOf(branches.map((one) => [partitionOf(one), n]))
  }

  /** The default's, under the empty name, then those that have a name of their own. */
  get buckets(): readonly ShownBucket[] {
    return this.named.all
  }

  /** Of the default bucket and of each that is configured or was created. */
  allProperties(): readonly BucketProperties[] {
    return this.named.properties
  }

  /** The N of all buckets that this node or another one of the ring has. */
  get ns(): readonly number[] {
    const own = this.named.properties.map(({ n }) => n)
    return [...new Set([...own, ...this.stages.ns])]
  }

  /**
   * Whether this node may serve the bucket: a member that named other owners of its keys would not
   * be refused otherwise (dynamo/ring/ring-view.ts).
   */
  serves({ n }: Pick<BucketId, 'n'>): boolean {
    return n === this.#defaultN || this.usedNs.has(n)
  }

  /** Partitions of buckets with this N that this node and the other one own. */
  sharedPartitions(other: NodeId, n: number): readonly number[] {
    const { lists, self } = this
    const shared: number[] = []
    for (let partition = 0; partition < this.ring.partitionCount; partition++) {
      const { ownerIds } = lists.ofPartition(partition, n)
      if (ownerIds.includes(other) && ownerIds.includes(self.id)) shared.push(partition)
    }
    return shared
  }

  /** The other members that own something that this node owns. */
  otherOwners(): readonly NodeId[] {
    const { lists, self } = this
    const found = new Set<NodeId>()
    for (const n of this.ns) {
      for (let partition = 0; partition < this.ring.partitionCount; partition++) {
        const { ownerIds } = lists.ofPartition(partition, n)
        if (ownerIds.includes(self.id)) for (const id of ownerIds) found.add(id)
      }
    }
    found.delete(self.id)
    // In the order of the stages, which is the same at each node.
    return [...this.stages.owners].flatMap(({ id }) => (found.has(id) ? [id] : []))
  }

  /** What an operator should know of the ring, and losses that it would not survive. */
  warnings(): readonly string[] {
    return [...this.#listWarnings(), ...this.#machineWarnings(), ...this.#bucketWarnings()]
  }

  #differences(): readonly string[] {
    // The list of a node that has joined is itself alone.
    const isListed = this.self.id === memberIdOf(this.cluster, this.self.name)
    // After the first table an operator's commands say who owns what.
    if (!isListed || this.stages.table.number > 1) return []
    const same = { partitions: this.ring.partitionCount, n: this.#defaultN, buckets: {} }
    const { members } = this.ring
    return ringDifferencesOf({ ...same, members }, { ...same, members: this.#configured })
  }

  #listWarnings(): readonly string[] {
    if (this.#otherList.length === 0) return []
    return [
      `the configuration lists other members than the ring has (${this.#otherList.join('; ')}):` +
        ' it counts only where a cluster begins, and nothing was changed by it',
    ]
  }

  #bucketWarnings(): readonly string[] {
    return this.named.covered.map((name) => {
      const creation = NEVER_CREATED
      const exact = exactName({ createdAs: name, creation })
      return (
        `bucket ${name} was created, and the configuration has one of that name: what was put` +
        ` into that one is in ${exact}`
      )
    })
  }

  #machineWarnings(): readonly string[] {
    const machines = new Set(this.ring.members.map((member) => member.machine))
    const n = this.#defaultN
    if (machines.size >= n) return []
    const held = machines.size === 1 ? 'one machine' : `${machines.size} machines`
    const survives = machines.size === 1 ? 'no lost disk' : `the loss of ${machines.size - 1} disk`
    return [
      `the ${n} copies of a key lie on ${held}: this cluster survives ${survives}; ` +
        `give it members on ${n} machines`,
    ]
  }
}
