/**
 * Judge the gets of one session: each shows all that the session has put and been shown of the key,
 * or what replaced it.
 *
 * The *floor* of a key is a list for each receipt that the session keeps of it: the writes that the
 * receipt stands for. A get is answered under all of them, so each of these writes must be shown,
 * or be in the past of what is shown. The past comes from the history: whatever the client of a
 * write had been shown.
 *
 * A get that shows tombstones may have any delete of the key in its past, as may a write whose
 * client was shown some: the history does not tell which. A write that replaced what it found just
 * before (`replace: seen`) may have replaced anything. The judge lets both pass.
 */
import { RECEIPTS_PER_GET_MAX } from '../../limits.ts'
import type { History } from '../history/history.ts'

export class SessionFloor {
  readonly #history: History
  /** By key: the writes of each receipt, oldest first. */
  readonly #floors = new Map<string, readonly (readonly number[])[]>()
  /** Gets that had receipts to cover. */
  judged = 0

  constructor(history: History) {
    this.#history = history
  }

  /** A put was acknowledged, and gave a receipt. */
  onPut(key: string, id: number): void {
    const floor = [...(this.#floors.get(key) ?? []), [id]]
    this.#floors.set(key, floor.slice(-RECEIPTS_PER_GET_MAX))
  }

  /**
   * A get was answered; what it should have shown. `hasReceipt`: what it showed has one, which
   * takes the place of the others.
   */
  onGet(
    key: string,
    shown: readonly number[],
    tombstones: number,
    hasReceipt: boolean,
  ): readonly number[] {
    const wanted = (this.#floors.get(key) ?? []).flat()
    if (wanted.length > 0) this.judged += 1
    const left = this.#without(wanted, shown)
    if (hasReceipt) this.#floors.set(key, [[...shown, ...left]])
    if (left.length === 0 || tombstones === 0) return left
    const deletes = this.#deletesOf(key, 0, this.#history.writes.length)
    return this.#without(left, [...shown, ...deletes])
  }

  /**
   * Those of the wanted that are neither among these writes nor in their past. A write follows
   * older ones alone: what is older than all wanted need not be looked at.
   */
  #without(wanted: readonly number[], ids: readonly number[]): readonly number[] {
    const { keys, writes } = this.#history
    const left = new Set(wanted)
    const oldest = Math.min(...wanted)
    const past = new Set(ids)
    for (const id of past) {
      left.delete(id)
      if (left.size === 0 || writes.replacesSeen(id)) return []
      for (let i = writes.follows.from(id); i < writes.follows.to(id); i++) {
        const before = writes.follows.item(i)
        if (before >= oldest) past.add(before)
      }
      const below = writes.deletesBelow(id)
      if (below <= oldest) continue
      for (const one of this.#deletesOf(keys.at(writes.key(id)), oldest, below)) past.add(one)
    }
    return wanted.filter((id) => left.has(id))
  }

  /** Deletes of the key from one number on, below another, that may have been taken. */
  #deletesOf(key: string, from: number, below: number): readonly number[] {
    const { keys, writes } = this.#history
    const number = keys.add(key)
    const deletes: number[] = []
    for (let id = from; id < below; id++) {
      const isOne = writes.isDelete(id) && writes.isOf(id, number)
      if (isOne && writes.outcome(id) !== 'refused') deletes.push(id)
    }
    return deletes
  }
}
