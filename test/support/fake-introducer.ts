/** Keeps records of joiners in memory, as the worker of membership does durably. */
import { utf8Bytes } from '../../src/base/bytes.ts'
import type { OperatingError } from '../../src/base/errors.ts'
import type { NodeId } from '../../src/dynamo/names.ts'
import type { Member } from '../../src/dynamo/ring/ring.ts'
import type { Introducer, Introduction } from '../../src/node/cluster/introducer.ts'
import { memberGone } from '../../src/node/cluster/kept-members.ts'

export class FakeIntroducer implements Introducer {
  readonly joined = new Map<NodeId, Member>()
  readonly gone = new Set<NodeId>()
  /** How often it was asked. */
  asked = 0
  /** Thrown in the place of the next introduction. */
  failure: OperatingError | undefined
  /** Resolves before an introduction is made. */
  before: () => Promise<void> = () => Promise.resolve()

  async introduce(joiner: Member): Promise<Introduction> {
    this.asked += 1
    await this.before()
    const { failure } = this
    this.failure = undefined
    if (failure !== undefined) throw failure
    if (this.isGone(joiner.id)) throw memberGone(joiner.id)
    this.joined.set(joiner.id, joiner)
    return { records: [...this.joined.keys()].map(utf8Bytes), ring: 7 }
  }

  isGone(node: NodeId): boolean {
    return this.gone.has(node)
  }
}
