/**
 * The key index of each place: the node's own copies, and the hints for each other member.
 *
 * What is done for one place never looks at the records of another, so a node that keeps hints for
 * a member is as fast with its own copies as before, and a place's keys are counted as they come.
 */
import type { CopyId, Place } from '../../dynamo/names.ts'
import { OWN } from '../../dynamo/names.ts'
import type { Token } from '../../native/digest.ts'
import type { PlaceReport } from '../engine.ts'
import { readDrop } from './drop.ts'
import { KeyIndex } from './key-index.ts'
import type { Location } from './location.ts'
import { kindOf, RecordKind } from './record-kinds.ts'
import type { Reading, RecordReader } from './record-reader.ts'

/** A record that is kept, and where. */
export interface Kept extends Omit<Location, 'tag'> {
  readonly kind: number
  readonly token: Token
  readonly sequence: number
  readonly bytes: number
}

export class PlaceIndexes {
  readonly own: KeyIndex
  readonly #reader: RecordReader
  readonly #byPlace = new Map<Place, KeyIndex>()

  constructor(reader: RecordReader) {
    this.#reader = reader
    this.own = new KeyIndex(reader)
    this.#byPlace.set(OWN, this.own)
  }

  /** The index of a place, which has none before its first copy. */
  find(place: Place): KeyIndex | undefined {
    return place === OWN ? this.own : this.#byPlace.get(place)
  }

  of(place: Place): KeyIndex {
    const found = this.find(place)
    if (found !== undefined) return found
    const index = new KeyIndex(this.#reader)
    this.#byPlace.set(place, index)
    return index
  }

  get size(): number {
    return this.#sum((index) => index.size)
  }

  /** At most so many entries stand beside another one of the same key. */
  get surplusMax(): number {
    return this.#sum((index) => index.surplusMax)
  }

  /** True while no append may add to the keys that wait to be pruned. */
  get isBehind(): boolean {
    for (const index of this.#byPlace.values()) if (index.isBehind) return true
    return false
  }

  get reports(): readonly PlaceReport[] {
    return [...this.#byPlace]
      .filter(([, { size }]) => size > 0)
      .map(([place, { size, bytes }]) => ({ place, keys: size, bytes }))
  }

  /** Points a copy at its newest record, or at none; `kept` has its place in the log. */
  put(copy: CopyId, kept: Kept): void {
    this.of(copy.place).put(copy, kept, kindOf(kept.kind) === RecordKind.erasure)
  }

  /** Applies a record that was read: of a key, or a drop. Requires: sound, its prefix read. */
  apply(kept: Kept, { copy, object }: Reading): void {
    if (copy === undefined) return
    const { token } = kept
    if (kindOf(kept.kind) !== RecordKind.drop) return this.put({ token, ...copy }, kept)
    const range = readDrop(object)
    if (range !== undefined) this.find(copy.place)?.drop(range)
  }

  /** Resolves when no stale entry is left. */
  async pruned(): Promise<void> {
    for (const index of this.#byPlace.values()) await index.pruned()
  }

  #sum(of: (index: KeyIndex) => number): number {
    let sum = 0
    for (const index of this.#byPlace.values()) sum += of(index)
    return sum
  }
}
