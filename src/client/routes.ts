/**
 * The owners of a key, computed by the client from a topology.
 *
 * The client derives the same preference lists as the nodes, with the same code, so that it can
 * ask an owner directly. Old routes are harmless: any node answers any request, by asking the
 * owners itself. So no call waits for a newer topology.
 */
import { hexOf, readU16, utf8Bytes } from '../base/bytes.ts'
import { OperatingError } from '../base/errors.ts'
import { exactName } from '../dynamo/buckets/bucket-names.ts'
import { type PreferenceList, PreferenceLists } from '../dynamo/ring/preference-list.ts'
import { ID_BYTES, nodeIdOf } from '../dynamo/names.ts'
import { PARTITION_BITS_MAX } from '../dynamo/ring/partition.ts'
import { type Member, Ring } from '../dynamo/ring/ring.ts'
import { MEMBERS_MAX, REPLICAS_MAX } from '../limits.ts'
import { tokenOf } from '../native/digest.ts'
import type { Topology, TopologyBucket } from '../wire/message/client.ts'

interface RoutedBucket {
  readonly n: number
  readonly r: number
  /** Of its keys; undefined: its name. */
  readonly bytes?: Uint8Array
}

export class Routes {
  readonly topology: Topology
  readonly members: readonly Member[]
  readonly ring: Ring
  readonly #lists: PreferenceLists
  readonly #byName: ReadonlyMap<string, RoutedBucket>
  readonly #others: RoutedBucket

  /** Throws `message-garbled` if the topology contradicts itself. */
  constructor(topology: Topology) {
    const fault = faultOf(topology)
    if (fault !== undefined) {
      throw new OperatingError('message-garbled', `a node sent a topology in which ${fault}`)
    }
    this.topology = topology
    this.members = topology.members.map((member) => ({
      id: nodeIdOf(member.node),
      name: member.name,
      host: member.host,
      clientPort: member.clientPort,
      peerPort: member.peerPort,
      machine: member.machine,
      zone: member.zone,
      // Weights decide ownership, and the topology already lists the owners.
      weight: 1,
    }))
    const owners = Uint16Array.from({ length: topology.owners.length / 2 }, (_, at) =>
      readU16(topology.owners, 2 * at),
    )
    this.ring = new Ring(topology.partitionBits, this.members, owners)
    this.#lists = new PreferenceLists(this.ring)
    this.#byName = new Map(topology.buckets.flatMap(routed))
    const { n, r } = topology.buckets[0] as TopologyBucket
    this.#others = { n, r }
  }

  /** R of a bucket. */
  rOf(bucket: string): number {
    return (this.#byName.get(bucket) ?? this.#others).r
  }

  /** The owners and fallbacks of a key, the same as every node computes. */
  of(bucket: string, bucketBytes: Uint8Array, key: Uint8Array): PreferenceList {
    const { n, bytes = bucketBytes } = this.#byName.get(bucket) ?? this.#others
    return this.#lists.of(tokenOf(bytes, key), n)
  }
}

/** One that was created is found by its exact name too, and its keys are under its first name. */
function routed({ name, n, r, created }: TopologyBucket): [string, RoutedBucket][] {
  if (created === undefined) return [[name, { n, r }]]
  const bucket = { n, r, bytes: utf8Bytes(created.createdAs) }
  return [
    [name, bucket],
    [exactName(created), bucket],
  ]
}

/** What is wrong with a topology, as the end of a sentence; a node may send anything. */
function faultOf(topology: Topology): string | undefined {
  const { members, owners, partitionBits, buckets } = topology
  if (members.length < 1 || members.length > MEMBERS_MAX) return 'there are no members or too many'
  if (!(partitionBits >= 0 && partitionBits <= PARTITION_BITS_MAX)) {
    return 'there are too many partitions'
  }
  const width = owners.length / 2 / 2 ** partitionBits
  if (!Number.isInteger(width) || width < 1 || width > REPLICAS_MAX) {
    return 'not every partition has its owners'
  }
  for (let at = 0; at < owners.length; at += 2) {
    const owner = readU16(owners, at)
    if (owner >= members.length) return 'an owner is no member'
    for (let other = at - (at % (2 * width)); other < at; other += 2) {
      if (readU16(owners, other) === owner) return 'a partition has one owner twice'
    }
  }
  const ids = members.map((member) => hexOf(member.node))
  if (ids.some((id, i) => id.length !== 2 * ID_BYTES || (i > 0 && (ids[i - 1] as string) >= id))) {
    return 'the members are not sorted by id'
  }
  if (buckets.length === 0) return 'no bucket gives the defaults'
  if (buckets.some(({ n }) => !(n >= 1 && n <= REPLICAS_MAX)))
    return 'the N of a bucket is out of range'
  return undefined
}
