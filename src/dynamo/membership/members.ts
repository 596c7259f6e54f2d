/**
 * The set of all records: it grows by records that win, and two sets that have taken the same
 * records are equal, whatever the order.
 *
 * A member that is down stays in it. Only an operator makes a member gone, and a record that is
 * gone stays too, so that an old copy of the disk cannot come back.
 *
 * A record of an id that is not here is taken from a member that is here alone, and not from the
 * newcomer itself: a member saw its invitation proved, or heard of it from one that did. The
 * sponsor in the record is for people, and not compared with the sender.
 *
 * A record whose version is far ahead is taken as well, and counted: a guard would shut its member
 * out, since all that it says later would be far ahead too. Only a version with hardly any above it
 * is refused at first (counter-ceiling.ts), and counted too.
 *
 * Invariant: at most MEMBERS_MAX records are not gone, and GONE_MEMBERS_MAX are. More are refused,
 * so sets agree in any order only below these bounds.
 */
import { OperatingError } from '../../base/errors.ts'
import { GONE_MEMBERS_MAX, MEMBERS_MAX } from '../../limits.ts'
import { CounterCeiling } from '../counter-ceiling.ts'
import type { NodeId } from '../names.ts'
import { type MemberRecord, MemberState, wins } from './member-record.ts'
import { SetDigest } from './set-digest.ts'

/** No member changes so often between two of its records that reach this node. */
export const VERSION_LEAP = 2 ** 20

/** What an operator may change of a member. */
export type OperatorChange = Partial<Pick<MemberRecord, 'weight' | 'zone' | 'state'>>

export type Taken = 'taken' | 'known' | 'not-introduced' | 'full'

export class Members {
  readonly digest = new SetDigest()
  /**
   * Records that were far ahead of the one before, taken or not; and those that were refused since
   * the set was full.
   */
  readonly counts = { farAhead: 0, full: 0, notIntroduced: 0 }
  readonly #records = new Map<NodeId, MemberRecord>()
  readonly #ceiling = new CounterCeiling()
  #size = 0

  /** Members that are not gone. */
  get size(): number {
    return this.#size
  }

  get(id: NodeId): MemberRecord | undefined {
    return this.#records.get(id)
  }

  /** Whether this is a member and not gone. */
  has(id: NodeId): boolean {
    const record = this.#records.get(id)
    return record !== undefined && record.state !== MemberState.gone
  }

  /** All records, also those that are gone. */
  all(): Iterable<MemberRecord> {
    return this.#records.values()
  }

  /** Whether the version of a record that another member sent is to be taken now. */
  admits({ id, version }: MemberRecord): boolean {
    if (this.#ceiling.admits(version, this.#records.get(id)?.version ?? 0)) return true
    this.counts.farAhead += 1
    return false
  }

  /** Takes a record that `from` sent. */
  takeFrom(record: MemberRecord, from: NodeId): Taken {
    const known = this.#records.get(record.id)
    if (known === undefined && (from === record.id || !this.has(from))) {
      this.counts.notIntroduced += 1
      return 'not-introduced'
    }
    return this.take(record)
  }

  /** Takes a record from this node's disk, its configuration or its operator. */
  take(record: MemberRecord): Taken {
    const { id } = record
    const known = this.#records.get(id)
    if (known !== undefined && !wins(record, known)) return 'known'
    const wasMember = known !== undefined && known.state !== MemberState.gone
    const isMember = record.state !== MemberState.gone
    if (!this.#hasRoom(wasMember, isMember, known !== undefined)) {
      this.counts.full += 1
      return 'full'
    }
    if (record.version > (known?.version ?? 0) + VERSION_LEAP) this.counts.farAhead += 1
    if (known !== undefined) this.digest.remove(id, known.digest)
    this.digest.add(id, record.digest)
    this.#records.set(id, record)
    this.#size += (isMember ? 1 : 0) - (wasMember ? 1 : 0)
    return 'taken'
  }

  /** Why an operator cannot add one more member now; undefined if there is room. */
  whyFull(): OperatingError | undefined {
    if (this.#hasRoom(false, true, false)) return undefined
    return new OperatingError(
      'members-full',
      `the cluster has ${this.#size} members, of ${MEMBERS_MAX} at most: remove one first`,
      { details: { limit: { name: 'MEMBERS_MAX', value: MEMBERS_MAX } } },
    )
  }

  /** One more of a kind is bounded; a change of a record that stays of its kind is not. */
  #hasRoom(wasMember: boolean, isMember: boolean, isKnown: boolean): boolean {
    if (isMember) return wasMember || this.#size < MEMBERS_MAX
    return isKnown || this.#records.size - this.#size < GONE_MEMBERS_MAX
  }
}
