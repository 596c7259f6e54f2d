/** Replies about the cluster, from the node's own types to the wire's. */
import { assert } from '../../base/assert.ts'
import { bytesOfHex, writeU16 } from '../../base/bytes.ts'
import { u64 } from '../../base/u64.ts'
import { ID_BYTES, type NodeId } from '../../dynamo/names.ts'
import type { RingDigest } from '../../dynamo/ring/ring.ts'
import type { Status, Topology as TopologyReply } from '../../wire/message/client.ts'
import type { Topology } from '../cluster/topology.ts'
import type { NodeStatus } from '../report.ts'

/** Of all that clients find keys by: owners and buckets. */
export function toldDigest({ digest, named }: Topology): RingDigest {
  const { hi, lo } = digest
  return u64((hi ^ named.digest.hi) >>> 0, (lo ^ named.digest.lo) >>> 0)
}

/** The owners as they are now: clients go to them, and ask again when the digest changes. */
export function topologyReply(topology: Topology): TopologyReply {
  const { cluster, ring, stages, buckets } = topology
  const { width } = ring
  const rows = Array.from({ length: ring.partitionCount }, (_, partition) => {
    const { owners } = stages.of(partition, width)
    const later = ring.rowOf(partition).map(({ id }) => id)
    return [...new Set([...owners, ...later])].slice(0, width)
  }).flat()
  const ids = [...new Set([...ring.members.map(({ id }) => id), ...rows])].toSorted()
  const indexes = new Map(ids.map((id, i) => [id, i]))
  const owners = new Uint8Array(2 * rows.length)
  rows.forEach((id, at) => writeU16(owners, 2 * at, indexes.get(id) as number))
  return {
    cluster,
    ring: toldDigest(topology),
    partitionBits: ring.bits,
    members: ids.map((id) => ({ ...topology.memberOf(id), node: idBytes(id) })),
    owners,
    buckets,
  }
}

export function statusReply(status: NodeStatus): Status {
  const peers = status.peers.map((peer) => ({ ...peer, node: idBytes(peer.node) }))
  const hints = status.hints.map((one) => ({ ...one, node: idBytes(one.node) }))
  const members = status.members.map((one) => ({ ...one, node: idBytes(one.node) }))
  return { ...status, node: idBytes(status.node), peers, hints, members }
}

function idBytes(id: NodeId): Uint8Array {
  const bytes = bytesOfHex(id)
  assert(bytes !== undefined && bytes.length === ID_BYTES, 'an id is sixteen hexadecimal digits')
  return bytes
}
