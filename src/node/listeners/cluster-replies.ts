/** Replies about the cluster, from the node's own types to the wire's. */
import { assert } from '../../base/assert.ts'
import { bytesOfHex, writeU16 } from '../../base/bytes.ts'
import { ID_BYTES, type NodeId } from '../../dynamo/names.ts'
import type { Status, Topology as TopologyReply } from '../../wire/message/client.ts'
import type { Topology } from '../cluster/topology.ts'
import type { NodeStatus } from '../report.ts'

export function topologyReply({ cluster, ring, members, buckets }: Topology): TopologyReply {
  const owners = new Uint8Array(ring.owners.length * 2)
  ring.owners.forEach((owner, at) => writeU16(owners, 2 * at, owner))
  return {
    cluster,
    ring: ring.digest,
    partitionBits: ring.bits,
    members: members.map((member) => ({ ...member, node: idBytes(member.id) })),
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
