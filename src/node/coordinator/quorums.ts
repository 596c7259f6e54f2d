/**
 * Who owns a key, and how many of the owners must answer.
 *
 * The one place where a request learns its owners and where R and W are checked. All of a placement
 * comes from one ring.
 */
import { OperatingError } from '../../base/errors.ts'
import type { NodeId } from '../../dynamo/names.ts'
import type { PreferenceLists } from '../../dynamo/ring/preference-list.ts'
import type { RingDigest } from '../../dynamo/ring/ring.ts'
import type { Token } from '../../native/digest.ts'
import type { BucketProperties, Topology } from '../cluster/topology.ts'

/** The owners of a partition, for one bucket. */
export interface Placement {
  /** In order of preference: N, or all members where they are fewer. */
  readonly owners: readonly NodeId[]
  /** Of the ring that names these owners; every question to them carries it. */
  readonly ring: RingDigest
  readonly bucket: BucketProperties
}

export function placementOf(topology: Topology, token: Token, bucket: Uint8Array): Placement {
  const { lists } = topology
  return placementIn(lists, lists.ring.partitionOf(token), topology.propertiesOf(bucket))
}

export function placementIn(
  lists: PreferenceLists,
  partition: number,
  bucket: BucketProperties,
): Placement {
  const owners = lists.ofPartition(partition, bucket.n).owners.map(({ id }) => id)
  return { owners, ring: lists.ring.digest, bucket }
}

/**
 * R or W of a request: `asked`, or the bucket's own where that is 0. `quorum-wrong` where the
 * bucket has fewer copies, `replicas-short` where the cluster has fewer members.
 */
export function requiredOf(
  quorum: 'r' | 'w',
  asked: number,
  { owners, bucket }: Placement,
): number | OperatingError {
  const required = asked === 0 ? bucket[quorum] : asked
  if (required > bucket.n) {
    const sentence = `${quorum} is ${required}; the bucket keeps ${bucket.n} copies`
    return new OperatingError('quorum-wrong', sentence)
  }
  if (required > owners.length) {
    const sentence = `${quorum} is ${required}; the cluster has only ${owners.length} members`
    return new OperatingError('replicas-short', sentence)
  }
  return required
}

/** This node, then those it is connected to, then the rest. */
export function nearestFirst(
  owners: readonly NodeId[],
  self: NodeId,
  isConnected: (node: NodeId) => boolean,
): readonly NodeId[] {
  const rank = (node: NodeId): number => (node === self ? 0 : isConnected(node) ? 1 : 2)
  return owners.toSorted((a, b) => rank(a) - rank(b))
}
