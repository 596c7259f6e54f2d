/**
 * This node's own record: it takes what operators change elsewhere, and corrects what no one but
 * this node may state.
 *
 *     heard: facts as this node states them    ─► an operator's change: taken if it wins
 *            other facts, and it would win     ─► one version above, with this node's own facts
 *            gone                              ─► final: this node is no member any more
 *
 * A version far ahead is thus no harm: the next one is above it (counter-ceiling.ts). Other facts
 * alone are no lie of the sender: it may pass on what it heard, or an operator's change crossed one
 * of these facts. It lies for certain where it made the record itself and this node never stated
 * such facts.
 */
import type { NodeId } from '../names.ts'
import type { Member } from '../ring/ring.ts'
import { type MemberRecord, MemberState, nextRecord, sameFacts, wins } from './member-record.ts'

/** Facts of this member from before, newest first: those of its disk, and of this process. */
export const EARLIER_FACTS_MAX = 8

export type Heard =
  | { readonly kind: 'older' }
  | { readonly kind: 'gone'; readonly record: MemberRecord }
  /** To be taken, and spread where it is this node's correction. */
  | { readonly kind: 'changed'; readonly record: MemberRecord; readonly isLie: boolean }

export class OwnRecord {
  #record: MemberRecord
  /** What this node states, whatever its record says. */
  readonly #facts: Member
  readonly #earlier: readonly Member[]

  /** `facts` from the configuration; `record` as it was last written down. */
  constructor(record: MemberRecord, facts: Member = record, earlier: readonly Member[] = []) {
    this.#facts = facts
    this.#earlier = [record, ...earlier].slice(0, EARLIER_FACTS_MAX)
    this.#record = sameFacts(record, facts) ? record : this.#above(record)
  }

  get record(): MemberRecord {
    return this.#record
  }

  get id(): NodeId {
    return this.#record.id
  }

  /** `from` sent a record of this node. */
  onHeard(heard: MemberRecord, from: NodeId): Heard {
    if (!wins(heard, this.#record)) return { kind: 'older' }
    if (heard.state === MemberState.gone) {
      this.#record = heard
      return { kind: 'gone', record: heard }
    }
    const isOwn = sameFacts(heard, this.#facts)
    this.#record = isOwn ? heard : this.#above(heard)
    const isLie = !isOwn && from === heard.by && !this.#everStated(heard)
    return { kind: 'changed', record: this.#record, isLie }
  }

  #above(heard: MemberRecord): MemberRecord {
    const { name, host, clientPort, peerPort, machine } = this.#facts
    return nextRecord(heard, { name, host, clientPort, peerPort, machine, by: heard.id })
  }

  #everStated(facts: Member): boolean {
    return this.#earlier.some((one) => sameFacts(one, facts))
  }
}
