/** Makes a joiner known to the cluster: what letting it in asks of the worker of membership. */
import { OperatingError } from '../../base/errors.ts'
import { canonicalBytes, memberRecord, MemberState } from '../../dynamo/membership/member-record.ts'
import type { NodeId } from '../../dynamo/names.ts'
import type { Member } from '../../dynamo/ring/ring.ts'
import type { Membership } from './membership.ts'
import type { PeerCalls } from './peer-calls.ts'

export interface Introducer {
  /**
   * Resolves once the joiner's record is durable here, and may spread: with the records of all
   * members that this node knows, each encoded. The same joiner may come again, with the same
   * facts. Fails, with nothing kept, with `member-gone`, `node-id-taken`, or `name-taken`: another
   * member that is connected has its name.
   */
  introduce(joiner: Member): Promise<readonly Uint8Array[]>
}

/** By this node's view of the cluster. */
export class Introducing implements Introducer {
  readonly #membership: Pick<Membership, 'present' | 'isGone' | 'introduce'>
  readonly #self: NodeId
  readonly #peers: Pick<PeerCalls, 'isConnected'>

  constructor(
    membership: Pick<Membership, 'present' | 'isGone' | 'introduce'>,
    self: NodeId,
    peers: Pick<PeerCalls, 'isConnected'>,
  ) {
    this.#membership = membership
    this.#self = self
    this.#peers = peers
  }

  async introduce(joiner: Member): Promise<readonly Uint8Array[]> {
    if (!this.#membership.isGone(joiner.id)) this.#checkName(joiner)
    const [by, sponsor] = [this.#self, this.#self]
    const fields = { ...joiner, state: MemberState.joined, version: 1, by, sponsor }
    await this.#membership.introduce(memberRecord(fields))
    return this.#membership.present.map((record) => canonicalBytes(record))
  }

  /**
   * One that has lost its disk joins anew under its old name: so a member that is away, whose
   * record is left until an operator removes it, does not keep the name.
   */
  #checkName({ id, name }: Member): void {
    const lives = (one: NodeId): boolean => one === this.#self || this.#peers.isConnected(one)
    const { present } = this.#membership
    const other = present.find((one) => one.name === name && one.id !== id && lives(one.id))
    if (other === undefined) return
    throw new OperatingError(
      'name-taken',
      `member ${other.id}, which is connected, has the name ${name}; give this node another name`,
    )
  }
}
