/** Requests of operators about cluster keys: they see ids alone. */
import { MemberState } from '../../dynamo/membership/member-record.ts'
import type { NodeId } from '../../dynamo/names.ts'
import { type ClusterKeyReply, type ClusterKeyRequest, KeyAct } from '../../wire/message/keys.ts'
import type { ClusterKeys } from '../cluster/cluster-keys.ts'
import type { Membership } from '../cluster/membership.ts'
import type { PeerCalls } from '../cluster/peer-calls.ts'

export interface KeyRequestsDependencies {
  readonly topology: { readonly self: { readonly id: NodeId } }
  readonly clusterKeys: ClusterKeys
  readonly membership: Pick<Membership, 'recordOf'>
  readonly peers: Pick<PeerCalls, 'isConnected'>
}

export class KeyRequests {
  readonly #node: KeyRequestsDependencies

  constructor(dependencies: KeyRequestsDependencies) {
    this.#node = dependencies
  }

  /** Fails as `ClusterKeys` does. */
  async ask({ act, key }: ClusterKeyRequest): Promise<ClusterKeyReply> {
    const { clusterKeys } = this.#node
    if (act === KeyAct.rotate) await clusterKeys.rotate(key)
    if (act === KeyAct.drop) await clusterKeys.drop(key, (id) => this.#nameOf(id))
    return this.#reply()
  }

  #reply(): ClusterKeyReply {
    const { topology, clusterKeys, peers } = this.#node
    const { ring, standings } = clusterKeys
    const members = standings.map(({ member, isWaitedFor, signer }) => {
      const isConnected = peers.isConnected(member)
      return { node: member, name: this.#nameOf(member), isConnected, isWaitedFor, signer }
    })
    return {
      node: topology.self.id,
      keys: ring.keys.map(({ id, number }) => ({ id, number })),
      signer: ring.signer.id,
      members: members.toSorted((a, b) => (a.name < b.name ? -1 : 1)),
    }
  }

  #nameOf(id: NodeId): string {
    const record = this.#node.membership.recordOf(id)
    return record === undefined || record.state === MemberState.gone ? id : record.name
  }
}
