/** Keeps records of joiners in memory, as the worker of membership does durably. */
import type { OperatingError } from '../../src/base/errors.ts'
import { canonicalBytes, MemberState } from '../../src/dynamo/membership/member-record.ts'
import type { NodeId } from '../../src/dynamo/names.ts'
import type { Member } from '../../src/dynamo/ring/ring.ts'
import type { Introducer } from '../../src/node/cluster/introducer.ts'

export class FakeIntroducer implements Introducer {
  readonly joined = new Map<NodeId, Member>()
  /** How often it was asked. */
  asked = 0
  /** Thrown in the place of the next introduction. */
  failure: OperatingError | undefined
  /** Resolves before an introduction is made. */
  before: () => Promise<void> = () => Promise.resolve()

  async introduce(joiner: Member): Promise<readonly Uint8Array[]> {
    this.asked += 1
    await this.before()
    const { failure } = this
    this.failure = undefined
    if (failure !== undefined) throw failure
    this.joined.set(joiner.id, joiner)
    const written = { by: joiner.id, sponsor: joiner.id, version: 1, state: MemberState.joined }
    return [...this.joined.values()].map((one) => canonicalBytes({ ...one, ...written }))
  }
}
