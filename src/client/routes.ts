/**
 * The owners of a key, computed by the client from a topology.
 *
 * The client derives the same preference lists as the nodes, with the same code, so that it can
 * ask an owner directly. Old routes are harmless: any node answers any request, by asking the
 * owners itself. So no call waits for a newer topology.
 */
import { hexOf, readU16 } from '../base/bytes.ts'
import { OperatingError } from '../base/errors.ts'
import { type PreferenceList, PreferenceLists } from '../dynamo/ring/preference-list.ts'
import { ID_BYTES, nodeIdOf } from '../dynamo/names.ts'
import { PARTITION_BITS_MAX } from '../dynamo/ring/partition.ts'
import { type Member, Ring } from '../dynamo/ring/ring.ts'
import { MEMBERS_MAX, REPLICAS_MAX } from '../limits.ts'
import { tokenOf } from '../native/digest.ts'
import type { Topology } from '../wire/message/client.ts'

export class Routes {
  readonly topology: Topology
  readonly members: readonly Member[]
  readonly ring: Ring
  readonly #lists: PreferenceLists
  readonly #nByBucket: ReadonlyMap<string, number>
  readonly #rByBucket: ReadonlyMap<string, number>
  readonly #nOfOthers: number

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
    this.#nByBucket = new Map(topology.buckets.map((bucket) => [bucket.name, bucket.n]))
    this.#rByBucket = new Map(topology.buckets.map((bucket) => [bucket.name, bucket.r]))
    this.#nOfOthers = (topology.buckets[0] as { n: number }).n
  }

  /** R of a bucket. */
  rOf(bucket: string): number {
    return this.#rByBucket.get(bucket) ?? (this.topology.buckets[0] as { r: number }).r
  }

  /** The owners and fallbacks of a key, the same as every node computes. */
  of(bucket: string, bucketBytes: Uint8Array, key: Uint8Array): PreferenceList {
    const n = this.#nByBucket.get(bucket) ?? this.#nOfOthers
    return this.#lists.of(tokenOf(bucketBytes, key), n)
  }
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
