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
  readonly #replacements: Replacements
  /** By key: the writes of each receipt, oldest first. */
  readonly #floors = new Map<string, readonly (readonly number[])[]>()
  /** Gets that had receipts to cover. */
  judged = 0

  constructor(history: History) {
    this.#history = history
    this.#replacements = new Replacements(history)
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
   * older ones alone: of what is older than all wanted it counts only whether it replaced what it
   * found, for that may have been after the wanted were there.
   */
  #without(wanted: readonly number[], ids: readonly number[]): readonly number[] {
    const { keys, writes } = this.#history
    const left = new Set(wanted)
    const oldest = Math.min(...wanted)
    const past = new Set(ids)
    for (const id of past) {
      left.delete(id)
      if (left.size === 0 || this.#replacements.isReplacingIn(id)) return []
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

/** Which writes replaced what they found just before, or have such a write in their past. */
class Replacements {
  readonly #history: History
  /** By write, as far as it was looked at. */
  readonly #isIn: boolean[] = []
  /** By the number of a key, the first delete of it that is one. */
  readonly #firstDeletes = new Map<number, number>()

  constructor(history: History) {
    this.#history = history
  }

  isReplacingIn(id: number): boolean {
    while (this.#isIn.length <= id) this.#add(this.#isIn.length)
    return this.#isIn[id] === true
  }

  /** All that it follows is older, and was looked at. */
  #add(id: number): void {
    const { writes } = this.#history
    const key = writes.key(id)
    const firstDelete = this.#firstDeletes.get(key) ?? Number.POSITIVE_INFINITY
    let isIn = writes.replacesSeen(id) || firstDelete < writes.deletesBelow(id)
    for (let i = writes.follows.from(id); i < writes.follows.to(id) && !isIn; i++) {
      isIn = this.#isIn[writes.follows.item(i)] === true
    }
    this.#isIn.push(isIn)
    const isFirst = isIn && writes.isDelete(id) && id < firstDelete
    if (isFirst && writes.outcome(id) !== 'refused') this.#firstDeletes.set(key, id)
  }
}
