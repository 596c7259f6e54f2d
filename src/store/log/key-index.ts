/**
 * Where each key's newest record is.
 *
 * The key directory knows tokens, not keys: only the record tells whose it is. So to replace a
 * key's entry its present record has to be looked at. Nearly always it is in memory (whoever puts a
 * key has just read it), and the entry is replaced within the append. Where only the disk knows,
 * the append does not wait: the new place is added beside the old one, readers choose the newest of
 * the key they ask for, and a read in the background then takes the old place out ("settling").
 *
 * An erasure takes the key's entry out. Where an old place is not settled yet, the erasure's own
 * place is added, and is newer; it goes when settling is done.
 *
 * Invariants:
 *   - Of the entries of a token that belong to one key, the one with the highest sequence is right.
 *   - An entry whose head has rotted belongs to whichever key of its token is written next.
 */
import { u64 } from '../../base/u64.ts'
import type { KeyName } from '../../dynamo/names.ts'
import type { Token } from '../../native/digest.ts'
import { KeyDirectory } from '../../native/key-directory.ts'
import type { MaybePromise } from '../../base/deliver.ts'
import { RecordKind } from './record-kinds.ts'
import type { Question, Reading, RecordReader } from './record-reader.ts'

/** Old places that wait to be settled; above it the store is overloaded. */
const UNSETTLED_MAX = 65_536
const SETTLING_MAX = 16

export interface Place {
  readonly segment: number
  readonly offset: number
}

interface Unsettled {
  readonly token: Token
  readonly name: KeyName
  readonly places: readonly Place[]
  /** To be taken out at the end. */
  readonly erasure: Place | undefined
}

export class KeyIndex {
  readonly directory: KeyDirectory = new KeyDirectory()
  readonly #reader: RecordReader
  #found = new Uint32Array(16)
  readonly #unsettled: Unsettled[] = []
  #settling = 0
  #idle: (() => void) | undefined

  constructor(reader: RecordReader) {
    this.#reader = reader
  }

  get size(): number {
    return this.directory.size
  }

  /** At most so many entries of the directory stand beside another one of the same key. */
  get surplusMax(): number {
    // An old place, and an erasure's own.
    return 2 * (this.#unsettled.length + this.#settling)
  }

  /** True while no more can be appended without knowing what it replaces. */
  get isBehind(): boolean {
    return this.#unsettled.length >= UNSETTLED_MAX
  }

  /** The newest record of the key: undefined where there is none. May be rotten. */
  newest(token: Token, name: KeyName, isHeadOnly: boolean): MaybePromise<Reading | undefined> {
    const count = this.#find(token)
    if (count === 0) return undefined
    if (count === 1) {
      const segment = this.#found[0] as number
      const offset = this.#found[1] as number
      const question = { segment, offset, name, isHeadOnly }
      const reading = this.#reader.read(question)
      return reading instanceof Promise ? reading.then(onlyIfAsked) : onlyIfAsked(reading)
    }
    return this.#newestOf(this.places(token), name, isHeadOnly)
  }

  /** All places of the token, in no order that means anything. */
  places(token: Token): readonly Place[] {
    const count = this.#find(token)
    const places: Place[] = []
    for (let i = 0; i < count; i++) {
      places.push({
        segment: this.#found[2 * i] as number,
        offset: this.#found[2 * i + 1] as number,
      })
    }
    return places
  }

  /** From now on the key's newest record is here; or nowhere, where it is an erasure. */
  put(token: Token, name: KeyName, segment: number, offset: number, isErasure: boolean): void {
    const { hi, lo } = token
    const count = this.#find(token)
    let isPlaced = false
    let unknown: Place[] | undefined
    for (let i = 0; i < count; i++) {
      const oldSegment = this.#found[2 * i] as number
      const oldOffset = this.#found[2 * i + 1] as number
      const isOf = this.#reader.isOfNow(oldSegment, oldOffset, name)
      if (isOf === undefined) (unknown ??= []).push({ segment: oldSegment, offset: oldOffset })
      if (isOf !== true) continue
      if (isErasure || isPlaced) this.directory.remove(hi, lo, oldSegment, oldOffset)
      else this.directory.replace(hi, lo, oldSegment, oldOffset, segment, offset)
      isPlaced = true
    }
    const isInserted = isErasure ? unknown !== undefined : !isPlaced
    if (isInserted) this.directory.insert(hi, lo, segment, offset)
    if (unknown === undefined) return
    const erasure = isErasure ? { segment, offset } : undefined
    const copied = { bucket: name.bucket.slice(), key: name.key.slice() }
    this.#unsettled.push({ token: u64(hi, lo), name: copied, places: unknown, erasure })
    if (this.#settling < SETTLING_MAX) void this.#settle()
  }

  /** Resolves when nothing is left to settle. */
  async settled(): Promise<void> {
    while (this.#settling > 0) {
      await new Promise<void>((resolve) => {
        this.#idle = resolve
      })
    }
  }

  #find(token: Token): number {
    for (;;) {
      const count = this.directory.find(token.hi, token.lo, this.#found)
      if (2 * count < this.#found.length) return count
      this.#found = new Uint32Array(2 * this.#found.length)
    }
  }

  async #newestOf(
    places: readonly Place[],
    name: KeyName,
    isHeadOnly: boolean,
  ): Promise<Reading | undefined> {
    let newest: Reading | undefined
    for (const { segment, offset } of places) {
      const reading = await this.#reader.read({ segment, offset, name, isHeadOnly })
      if (reading.rot === 'head') return reading
      if (!reading.isAsked) continue
      if (newest === undefined || reading.sequence > newest.sequence) newest = reading
    }
    return newest === undefined ? undefined : onlyIfAsked(newest)
  }

  async #settle(): Promise<void> {
    this.#settling += 1
    for (let next = this.#unsettled.shift(); next !== undefined; next = this.#unsettled.shift()) {
      const { token, name, places, erasure } = next
      for (const { segment, offset } of places) {
        const isOf = await this.#isOf({ segment, offset, name, isHeadOnly: true })
        if (isOf) this.directory.remove(token.hi, token.lo, segment, offset)
      }
      if (erasure === undefined) continue
      this.directory.remove(token.hi, token.lo, erasure.segment, erasure.offset)
    }
    this.#settling -= 1
    if (this.#settling === 0) this.#idle?.()
  }

  async #isOf(question: Question): Promise<boolean> {
    try {
      const reading = await this.#reader.read(question)
      return reading.rot === 'head' || reading.isAsked
    } catch {
      // The disk does not give it: as good as rotten.
      return true
    }
  }
}

function onlyIfAsked(reading: Reading): Reading | undefined {
  if (reading.rot === 'head') return reading
  return reading.isAsked && reading.kind !== RecordKind.erasure ? reading : undefined
}
