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
    const past = this.#pastOf(shown)
    const left = past === 'anything' ? [] : wanted.filter((id) => !past.has(id))
    if (hasReceipt) this.#floors.set(key, [[...shown, ...left]])
    if (left.length === 0 || tombstones === 0) return left
    const whole = this.#pastOf([...shown, ...this.#deletesOf(key, this.#history.writes.length)])
    return whole === 'anything' ? [] : left.filter((id) => !whole.has(id))
  }

  /** These writes and all in their past. */
  #pastOf(ids: readonly number[]): ReadonlySet<number> | 'anything' {
    const { keys, writes } = this.#history
    const past = new Set(ids)
    for (const id of past) {
      if (writes.replacesSeen(id)) return 'anything'
      for (let i = writes.follows.from(id); i < writes.follows.to(id); i++) {
        past.add(writes.follows.item(i))
      }
      const below = writes.deletesBelow(id)
      if (below === 0) continue
      for (const other of this.#deletesOf(keys.at(writes.key(id)), below)) past.add(other)
    }
    return past
  }

  /** Deletes of the key with numbers below this one that may have been taken. */
  #deletesOf(key: string, below: number): readonly number[] {
    const { keys, writes } = this.#history
    const number = keys.add(key)
    const deletes: number[] = []
    for (let id = 0; id < below; id++) {
      const isOne = writes.isDelete(id) && writes.isOf(id, number)
      if (isOne && writes.outcome(id) !== 'refused') deletes.push(id)
    }
    return deletes
  }
}
