/**
 * What other members have told of their cluster keys, and which key may sign by that.
 *
 * A key signs once every member that is not gone has told that it has written the key down, and
 * has told so while it knew the same members. A member that was let in meanwhile got its keys from
 * one that knows it: so either that one's word came later and counts the new member, or the new
 * member got the key as it was let in.
 */
import { equalU64, type U64, u64 } from '../../base/u64.ts'
import type { NodeId } from '../names.ts'
import { compareKeys, type KeyPlace, type KeyRing, type RingKey } from './key-ring.ts'

/** What a member tells of its ring of keys, as it has written it down. */
export interface KeyStanding {
  /** The ids of its keys. */
  readonly has: readonly number[]
  /** The id of the one that signs. */
  readonly signer: number
  /** Of the ring. */
  readonly digest: U64
  /** The mark of the members that it knows: see `membersMark`. */
  readonly members: U64
}

/** Equal for equal sets of members: ids are random. */
export function membersMark(ids: Iterable<NodeId>): U64 {
  let [hi, lo] = [0, 0]
  for (const id of ids) {
    hi ^= Number.parseInt(id.slice(0, 8), 16)
    lo ^= Number.parseInt(id.slice(8), 16)
  }
  return u64(hi >>> 0, lo >>> 0)
}

export class KeyStandings {
  readonly #told = new Map<NodeId, KeyStanding>()

  hear(member: NodeId, standing: KeyStanding): void {
    this.#told.set(member, standing)
  }

  /** What it told counts no more: it may have lost its disk. */
  forget(member: NodeId): void {
    this.#told.delete(member)
  }

  /** Forgets all that are no member any more. */
  keep(members: readonly NodeId[]): void {
    const kept = new Set(members)
    for (const id of this.#told.keys()) if (!kept.has(id)) this.#told.delete(id)
  }

  of(member: NodeId): KeyStanding | undefined {
    return this.#told.get(member)
  }

  /** Which of `others` a key waits for; `mark` is of the members that are known here. */
  waitedFor({ id }: Pick<KeyPlace, 'id'>, others: readonly NodeId[], mark: U64): NodeId[] {
    return others.filter((member) => {
      const told = this.#told.get(member)
      return told === undefined || !told.has.includes(id) || !equalU64(told.members, mark)
    })
  }

  /** The newest key that waits for no member; the present signer, or a newer one. */
  signerOf(ring: KeyRing, others: readonly NodeId[], mark: U64): RingKey {
    const ready = ring.keys.findLast(
      (key) => compareKeys(key, ring.signer) > 0 && this.waitedFor(key, others, mark).length === 0,
    )
    return ready ?? ring.signer
  }

  /** Which of `others` may still sign with a key: an older one signs there, or it did not tell. */
  signing(key: KeyPlace, ring: KeyRing, others: readonly NodeId[]): NodeId[] {
    return others.filter((member) => {
      const signer = ring.find(this.#told.get(member)?.signer ?? 0)
      return signer === undefined || compareKeys(signer, key) <= 0
    })
  }
}
