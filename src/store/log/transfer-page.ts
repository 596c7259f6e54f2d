/** Gathers the records of one page of a bulk transfer while segments are scanned. */
import { u64 } from '../../base/u64.ts'
import type { Token } from '../../native/digest.ts'
import { RECORD_SCAN_WORDS, RecordScanWord } from '../../native/record.ts'
import type { TransferQuery } from '../engine.ts'
import type { KeyIndex } from './key-index.ts'
import { recordN } from './record-head.ts'
import { kindOf, RecordKind } from './record-kinds.ts'
import { type ScanEvents, scanWord } from './segment-scan.ts'

const NO_BYTES = new Uint8Array(0)

export class TransferPageEvents implements ScanEvents {
  readonly #index: KeyIndex
  readonly #query: TransferQuery
  #bytes = NO_BYTES
  #filled = 0
  /** That is being scanned. */
  segment = 0
  /** The offset of the first record that did not fit any more. */
  stoppedAt: number | undefined
  rotten = 0
  /** Bytes of segments that were scanned for it. */
  lookedAt = 0

  constructor(index: KeyIndex, query: TransferQuery) {
    this.#index = index
    this.#query = query
  }

  get isFull(): boolean {
    return this.stoppedAt !== undefined
  }

  get records(): Uint8Array {
    return this.#bytes.subarray(0, this.#filled)
  }

  onRecords(words: Uint32Array, count: number, base: number, bytes: Uint8Array): Promise<void> {
    const { bytesMax } = this.#query
    const tokens = { words, from: RecordScanWord.tokenHi, stride: RECORD_SCAN_WORDS, count }
    const soles = this.#index.soles(tokens)
    // Records that stand side by side are copied together.
    let from = 0
    let to = 0
    for (let i = 0; i < count && !this.isFull; i++) {
      const start = scanWord(words, i, RecordScanWord.start)
      const total = scanWord(words, i, RecordScanWord.totalBytes)
      if (total > bytesMax || !this.#isWanted(words, i, bytes)) continue
      // It is replaced or gone, or of a token of which another record may be stale.
      if (!soles.isAt(i, this.segment, base + start)) continue
      if (this.#filled + (to - from) + total > bytesMax) {
        this.stoppedAt = base + start
      } else if (start === to) {
        to += total
      } else {
        this.#add(bytes, from, to)
        from = start
        to = start + total
      }
    }
    this.#add(bytes, from, to)
    return DONE
  }

  onDamage(): void {
    this.rotten += 1
  }

  onRottenRecord(): void {
    this.rotten += 1
  }

  #isWanted(words: Uint32Array, i: number, bytes: Uint8Array): boolean {
    const word = (at: number): number => scanWord(words, i, at)
    if (kindOf(word(RecordScanWord.kind)) !== RecordKind.object) return false
    const token: Token = u64(word(RecordScanWord.tokenHi), word(RecordScanWord.tokenLo))
    return this.#query.isWanted(token, recordN(bytes, word(RecordScanWord.start)))
  }

  #add(bytes: Uint8Array, from: number, to: number): void {
    if (to === from) return
    if (this.#bytes.length === 0) this.#bytes = new Uint8Array(this.#query.bytesMax)
    this.#bytes.set(bytes.subarray(from, to), this.#filled)
    this.#filled += to - from
  }
}

const DONE: Promise<void> = Promise.resolve()
