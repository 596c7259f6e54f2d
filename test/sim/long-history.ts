/**
 * A long history of a store that does everything right, from a seed: what the checkers must accept.
 * And wrong things of every kind, each told under a key of its own in the middle of it.
 *
 * The store is a list of what stands under each key. A put replaces what its client was shown, as
 * far as that is still there, and stands beside the rest; what was refused never gets there; what
 * is in doubt gets there, does not, or does when its client has long given up; of what was retried
 * an earlier attempt may surface after it was replaced.
 */
import { Prng } from '../../src/base/prng.ts'
import type { Kind } from '../../src/sim/checkers/findings.ts'
import { History } from '../../src/sim/history/history.ts'

export const DEADLINE_MS = 100
const STEP_MS = 0.01
const OPERATIONS_PER_KEY = 50
/** More siblings than this and a client merges them. */
const SIBLINGS_MAX = 6

/** What can be told wrongly, and the kind of sentence that it must provoke. */
export const PLANTS = {
  dropped: 'lost',
  forgotten: 'unread',
  changed: 'phantom',
  'phantom in the end': 'phantom',
  'of another key': 'phantom',
  duplicated: 'twice',
  'came back': 'came back',
  'read before': 'early',
  'refused and seen': 'refused and seen',
  'seen and refused': 'refused and seen',
  'refused and kept': 'refused and kept',
  'beside what replaced it': 'side by side',
  'no answer': 'no answer',
  'late write': 'late',
  'late read': 'late',
  'failed in quiet': 'not live',
} as const satisfies Record<string, Kind>

export type Plant = keyof typeof PLANTS

interface Shown {
  readonly ids: readonly number[]
  /** All that stood there, tombstones among them. */
  readonly all: readonly number[]
  readonly deletesBelow: number
}

const NOTHING: Shown = { ids: [], all: [], deletesBelow: 0 }

export class LongHistory {
  readonly history = new History()
  readonly #prng: Prng
  readonly #standing = new Map<string, number[]>()
  /** Attempts that arrive later: the write, and what it replaces. */
  readonly #late = new Map<string, { readonly id: number; readonly shown: Shown }>()
  readonly #known = new Map<string, Shown>()
  #nowMs = 0

  /** Tells so many operations, with what is `planted` in the middle. */
  constructor(seed: number, operations: number, planted: readonly Plant[] = []) {
    this.#prng = Prng.of(seed, 'long history')
    const keys = Math.max(1, Math.floor(operations / OPERATIONS_PER_KEY))
    const { writes, reads } = this.history
    let left = [...planted]
    while (writes.length + reads.length < operations) {
      this.#nowMs += STEP_MS
      this.#act(`key-${this.#prng.chance(0.01) ? 0 : this.#prng.below(keys)}`)
      if (2 * (writes.length + reads.length) < operations) continue
      for (const plant of left) this.#plant(plant, `planted ${plant}`)
      left = []
    }
  }

  /** What stands under each key in the end. */
  get final(): ReadonlyMap<string, readonly number[]> {
    return this.#standing
  }

  /** From here on nothing may fail: nothing of the legal history began later. */
  get quietMs(): number {
    return this.#nowMs + 1
  }

  #act(key: string): void {
    const late = this.#late.get(key)
    if (late !== undefined && this.#prng.chance(0.3)) {
      this.#late.delete(key)
      this.#apply(key, late.id, late.shown)
    }
    const choice = this.#prng.unit()
    const isCrowded = (this.#standing.get(key)?.length ?? 0) > SIBLINGS_MAX
    if (isCrowded || choice < 0.45) this.#write(key, this.#read(key), isCrowded ? 0 : choice)
    else if (choice < 0.65) this.#read(key)
    else if (choice < 0.72) this.#write(key, NOTHING, choice)
    else if (choice < 0.9) this.#write(key, this.#known.get(key) ?? NOTHING, choice)
    else if (choice < 0.92) this.#put(key, this.#shownOf(key), { replacesSeen: true })
    else if (choice < 0.97) this.#put(key, this.#read(key), { isDelete: true })
    else this.#failRead(key)
  }

  #shownOf(key: string): Shown {
    const all = [...(this.#standing.get(key) ?? [])]
    const { writes } = this.history
    const ids = all.filter((id) => !writes.isDelete(id))
    return { ids, all, deletesBelow: ids.length < all.length ? writes.length : 0 }
  }

  #read(key: string): Shown {
    const shown = this.#shownOf(key)
    this.#show(key, shown.ids)
    this.#known.set(key, shown)
    return shown
  }

  #show(key: string, shown: readonly number[], startedMs = this.#nowMs, tookMs = 1): void {
    this.history.read({ key, startedMs, endedMs: startedMs + tookMs, shown, code: '' })
  }

  #failRead(key: string): void {
    const startedMs = this.#nowMs
    const code = 'too-few-replicas'
    this.history.read({ key, startedMs, endedMs: startedMs + 5, shown: undefined, code })
  }

  /** Mostly acknowledged; some are refused, in doubt or retried. */
  #write(key: string, shown: Shown, choice: number): void {
    const fate = choice === 0 ? 1 : this.#prng.unit()
    if (fate < 0.03) this.#end(this.#begin(key, shown), 'refused')
    else if (fate < 0.06) {
      const id = this.#begin(key, shown)
      this.history.markRetried(id)
      this.#end(id, 'in-doubt')
      const chance = this.#prng.unit()
      if (chance < 0.3) this.#apply(key, id, shown)
      else if (chance < 0.6) this.#late.set(key, { id, shown })
    } else if (fate < 0.1) {
      const id = this.#put(key, shown)
      this.history.markRetried(id)
      if (this.#prng.chance(0.5)) this.#late.set(key, { id, shown: NOTHING })
    } else this.#put(key, shown)
  }

  #put(key: string, shown: Shown, kind: Partial<{ isDelete: true; replacesSeen: true }> = {}) {
    const id = this.#begin(key, shown, kind)
    this.#apply(key, id, shown)
    this.#end(id, 'ok')
    return id
  }

  #begin(key: string, shown: Shown, kind: Partial<{ isDelete: true; replacesSeen: true }> = {}) {
    const { isDelete = false, replacesSeen = false } = kind
    const told = replacesSeen ? NOTHING : shown
    const startedMs = this.#nowMs
    const event = { key, isDelete, replacesSeen, follows: told.ids, startedMs }
    return this.history.begin({ ...event, deletesBelow: told.deletesBelow })
  }

  #end(id: number, outcome: 'ok' | 'refused' | 'in-doubt'): void {
    this.history.end(id, outcome, this.#nowMs + 1, outcome === 'ok' ? '' : 'overloaded')
  }

  #apply(key: string, id: number, { all }: Shown): void {
    const standing = this.#standing.get(key) ?? []
    this.#standing.set(key, [...standing.filter((other) => !all.includes(other)), id])
  }

  /** Tells something wrong of `key`, of which a sentence must speak. */
  #plant(plant: Plant, key: string): void {
    const { history } = this
    const stand = (...ids: readonly number[]): unknown => this.#standing.set(key, [...ids])
    const first = this.#put(key, NOTHING)
    switch (plant) {
      case 'dropped':
        return void stand()
      case 'forgotten':
        return void this.#standing.delete(key)
      case 'changed':
        return this.#show(key, [-1])
      case 'phantom in the end':
        return void stand(first, 2 ** 30)
      case 'of another key':
        return this.#show(key, [0])
      case 'duplicated':
        return this.#show(key, [first, first])
      case 'came back':
        return void stand(first, this.#put(key, this.#shownOf(key)))
      case 'read before':
        return this.#show(key, [first], this.#nowMs - 10)
      case 'refused and seen':
      case 'seen and refused':
      case 'refused and kept': {
        const id = this.#begin(key, NOTHING)
        if (plant === 'seen and refused') this.#show(key, [id])
        this.#end(id, 'refused')
        if (plant === 'refused and seen') this.#show(key, [id])
        if (plant === 'refused and kept') stand(first, id)
        return
      }
      case 'beside what replaced it':
        return this.#show(key, [first, this.#put(key, this.#shownOf(key))])
      case 'no answer':
        return void this.#begin(key, NOTHING)
      case 'late write':
        return history.end(this.#begin(key, NOTHING), 'in-doubt', this.#nowMs + 101, 'overloaded')
      case 'late read':
        return this.#show(key, [first], this.#nowMs, DEADLINE_MS + 1)
      case 'failed in quiet': {
        const startedMs = Number.MAX_SAFE_INTEGER - 8
        const event = { key, startedMs, endedMs: startedMs + 1, shown: undefined }
        return history.read({ ...event, code: 'overloaded' })
      }
    }
  }
}
