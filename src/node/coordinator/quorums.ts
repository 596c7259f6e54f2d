/**
 * Who owns a key, and how many of the owners must answer.
 *
 * The one place where a request learns its owners and where R and W are checked, and where it is
 * told that too few owners can serve it. All of a placement comes from one stage.
 */
import { equalBytes } from '../../base/bytes.ts'
import { isFailure } from '../../base/deliver.ts'
import { OperatingError } from '../../base/errors.ts'
import { type CopyId, type KeyName, type NodeId, OWN } from '../../dynamo/names.ts'
import { OVERLOAD_RETRY_MS } from '../../limits.ts'
import { type OwnerFailure, reasonOf, type ShortCode } from '../../dynamo/quorum/shortfall.ts'
import type { Fallbacks } from '../../dynamo/quorum/fallbacks.ts'
import type { MachineOf } from '../../dynamo/ring/machines.ts'
import type { RingDigest } from '../../dynamo/ring/ring.ts'
import type { StagedLists } from '../../dynamo/ring/staged-lists.ts'
import { type Token, tokenOf } from '../../native/digest.ts'
import type { BucketProperties } from '../cluster/named-buckets.ts'
import type { PeerCalls } from '../cluster/peer-calls.ts'
import type { Topology } from '../cluster/topology.ts'

/** The owners of a partition, for one bucket. */
export interface Placement {
  /** In order of preference: N, or all members where they are fewer. */
  readonly owners: readonly NodeId[]
  /** All other members, in the order in which they stand for owners that are away. */
  readonly others: readonly NodeId[]
  readonly machineOf: MachineOf
  /** Of the stage that names these owners; every question to them carries it. */
  readonly ring: RingDigest
  readonly bucket: BucketProperties
}

/** The key that a client names, as its copies have it, and where it is. */
export interface Located {
  readonly copy: CopyId
  readonly placement: Placement
}

/** Fails with `bucket-unknown`, `replica-rebuilding` or `ring-differs`. */
export function locate(
  topology: Topology,
  { name, token }: Pick<CopyId, 'name' | 'token'>,
): Located | OperatingError {
  const bucket = topology.named.ofName(name.bucket)
  if (isFailure(bucket)) return bucket
  if (!topology.serves(bucket.id)) return notServed(bucket)
  const { bytes } = bucket
  if (bytes === undefined || equalBytes(bytes, name.bucket)) {
    const copy = ownCopy(token, name, bucket)
    return { copy, placement: placementOf(topology, token, bucket) }
  }
  const own = { bucket: bytes, key: name.key }
  const ownToken = tokenOf(bytes, name.key)
  const copy = ownCopy(ownToken, own, bucket)
  return { copy, placement: placementOf(topology, ownToken, bucket) }
}

/** Why a bucket is not served now, whose N is new to this node. */
export function notServed({ n }: BucketProperties): OperatingError {
  return new OperatingError(
    'ring-differs',
    `a table is being adopted that may not know of buckets with N = ${n}: this node serves them` +
      ' once it is in effect (everwrite cluster status); ask another node, or again later',
  )
}

export function placementOfCopy(
  topology: Topology,
  copy: Pick<CopyId, 'token' | 'name' | 'bucketId'>,
): Placement {
  return placementOf(topology, copy.token, topology.named.ofCopy(copy))
}

export function placementOf(topology: Topology, token: Token, bucket: BucketProperties): Placement {
  const { lists } = topology
  const placement = placementIn(lists, lists.ring.partitionOf(token), bucket)
  const { id } = topology.self
  const isThere = placement.owners.includes(id) || placement.others.includes(id)
  return isThere ? placement : besides(topology, placement)
}

/** A node outside of the ring is the last fallback: no other node asks it. */
function besides({ lists, self }: Topology, placement: Placement): Placement {
  const { others, machineOf, bucket } = placement
  const machines = new Set(lists.ring.members.map(({ machine }) => machine))
  // With too few of them each node counts as a machine, as in machines.ts.
  const own = machines.size >= bucket.n ? self.machine : self.id
  return {
    ...placement,
    others: [...others, self.id],
    machineOf: (node) => (node === self.id ? own : machineOf(node)),
  }
}

/** The copy of a key that each owner has. */
export function ownCopy(token: Token, name: KeyName, { id }: BucketProperties): CopyId {
  return { place: OWN, bucketId: id, token, name }
}

export function placementIn(
  lists: StagedLists,
  partition: number,
  bucket: BucketProperties,
): Placement {
  const { ownerIds, fallbackIds, machineOf, digest } = lists.ofPartition(partition, bucket.n)
  return { owners: ownerIds, others: fallbackIds, machineOf, ring: digest, bucket }
}

/** The members that may stand for owners of a key. */
export function fallbacksOf(
  { others, machineOf }: Pick<Placement, 'others' | 'machineOf'>,
  canAsk: (member: NodeId) => boolean,
): Fallbacks {
  return { members: others, machineOf, canAsk }
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
    const details = { needed: required, answered: 0 }
    return new OperatingError('replicas-short', sentence, { details })
  }
  return required
}

/** How far a request came that too few owners can serve. */
export interface Shortfall {
  /** R or W. */
  readonly needed: number
  /** Owners that have answered, or are ready to hold the write. */
  readonly answered: number
  readonly owners: readonly NodeId[]
  /** Owners that cannot serve the request; more than `owners.length - needed`. */
  readonly failures: readonly OwnerFailure[]
}

/** The failure of such a request. It is certain that nothing was applied. */
export function tooFew({ needed, answered, owners, failures }: Shortfall): OperatingError {
  const code = reasonOf(failures, needed - (owners.length - failures.length))
  const known = { needed, answered, nodes: failures }
  const isOverload = code === 'overloaded'
  const details = isOverload ? { ...known, retryAfterMs: OVERLOAD_RETRY_MS } : known
  const sentence = `${answered} of the ${needed} owners needed: ${ADVICE[code]}`
  return new OperatingError(code, sentence, { details })
}

const ADVICE: Readonly<Record<ShortCode, string>> = {
  overloaded: 'others have too much in progress; try again after a pause',
  'deadline-passed': 'others did not answer in time; try again, with more time',
  'record-rotten': 'the copy of another has rotted and is being mended; try again',
  'replicas-short': 'others are away; try again, or ask for fewer',
  'replica-rebuilding': 'others are still reading their copies back; try again later',
  'ring-differs': 'others have another ring: give all nodes one list of members',
}

type Nearness = Pick<PeerCalls, 'obstacleTo' | 'slownessOf'>

/** This node, then those that can be asked now, those that are slow behind, then the rest. */
export function nearestFirst(
  owners: readonly NodeId[],
  self: NodeId,
  peers: Nearness,
): readonly NodeId[] {
  const ranked = owners.map((node) => ({ node, rank: node === self ? -1 : rankOf(node, peers) }))
  return ranked.toSorted((a, b) => a.rank - b.rank).map(({ node }) => node)
}

function rankOf(node: NodeId, peers: Nearness): number {
  return peers.obstacleTo(node) === undefined ? peers.slownessOf(node) : Number.MAX_VALUE
}
