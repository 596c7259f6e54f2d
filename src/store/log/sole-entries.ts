/** Of many tokens, looked up by one native call: which have no entry, and where the only one is. */
import { DIRECTORY_WORDS, type KeyDirectory } from '../../native/key-directory.ts'
import { locationOf } from './location.ts'

/** Of the first word, where there is no only entry; the second one says whether there is none. */
const NO_SEGMENT = 0xffff_ffff
const NONE = 0
/** Segment and offset. */
const LOCATION_WORDS: number = DIRECTORY_WORDS / 2

/** Where the tokens stand: hi and lo, every `stride` words from `from` on. */
export interface TokenWords {
  readonly words: Uint32Array
  readonly from: number
  readonly stride: number
  readonly count: number
}

export class SoleEntries {
  readonly #found: Uint32Array

  constructor(directory: KeyDirectory, { words, from, stride, count }: TokenWords) {
    this.#found = new Uint32Array(LOCATION_WORDS * count)
    directory.soles(words, from, stride, this.#found)
  }

  /** Whether token `i` has no entry. */
  isNone(i: number): boolean {
    return this.#word(i, 0) === NO_SEGMENT && this.#word(i, 1) === NONE
  }

  /** Whether its entry is the only one, and there. */
  isAt(i: number, segment: number, offset: number): boolean {
    if (this.#word(i, 0) === NO_SEGMENT) return false
    const sole = locationOf(this.#word(i, 0), this.#word(i, 1))
    return sole.segment === segment && sole.offset === offset
  }

  #word(i: number, word: number): number {
    return this.#found[LOCATION_WORDS * i + word] as number
  }
}
