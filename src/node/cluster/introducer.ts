/** Makes a joiner known to the cluster: what letting it in asks of the worker of membership. */
import { canonicalBytes, memberRecord, MemberState } from '../../dynamo/membership/member-record.ts'
import type { NodeId } from '../../dynamo/names.ts'
import type { Member } from '../../dynamo/ring/ring.ts'
import type { Membership } from './membership.ts'

/** No table has another number yet. */
const FIRST_RING = 1

/** What a joiner is told beside the cluster key. */
export interface Introduction {
  /** What this node knows of the members, the joiner among them: each record encoded. */
  readonly records: readonly Uint8Array[]
  /** The number of the ring in force. */
  readonly ring: number
}

export interface Introducer {
  /**
   * Resolves once the joiner's record is durable here, and may spread. The same joiner may come
   * again, with the same facts. Fails, with nothing kept, with `member-gone` or `node-id-taken`.
   */
  introduce(joiner: Member): Promise<Introduction>
}

/** By this node's view of the cluster. */
export class Introducing implements Introducer {
  readonly #membership: Membership
  readonly #self: NodeId

  constructor(membership: Membership, self: NodeId) {
    this.#membership = membership
    this.#self = self
  }

  async introduce(joiner: Member): Promise<Introduction> {
    const [by, sponsor] = [this.#self, this.#self]
    const fields = { ...joiner, state: MemberState.joined, version: 1, by, sponsor }
    await this.#membership.introduce(memberRecord(fields))
    const records = this.#membership.present.map((record) => canonicalBytes(record))
    return { records, ring: FIRST_RING }
  }
}
