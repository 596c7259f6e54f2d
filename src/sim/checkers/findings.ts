/**
 * The violations that a checker found: sentences, each beginning with its kind.
 *
 * Bounded: only the first `SENTENCES_MAX` are kept, and the rest are counted.
 */

/** Every kind of sentence that a checker says; `test/README.md` explains them. */
export const KINDS = [
  'lost',
  'unread',
  'came back',
  'phantom',
  'early',
  'refused and seen',
  'refused and kept',
  'twice',
  'side by side',
  'not one',
  'no answer',
  'late',
  'not live',
  'over a limit',
  'went back',
  'keys missing',
  'not scanned',
  'rot',
  'members differ',
  'held for dead',
  'declared dead',
  'key forgotten',
  'key signs early',
  'owners missing',
  'one machine',
  'and more',
] as const

export type Kind = (typeof KINDS)[number]

export const SENTENCES_MAX = 1_000

export class Findings {
  readonly #sentences: string[] = []
  #untold = 0

  say(kind: Kind, sentence: string): void {
    if (this.#sentences.length < SENTENCES_MAX) this.#sentences.push(`${kind}: ${sentence}`)
    else this.#untold += 1
  }

  /** In the order in which they were found; the last says how many were left out. */
  get sentences(): readonly string[] {
    const more: Kind = 'and more'
    if (this.#untold === 0) return [...this.#sentences]
    return [...this.#sentences, `${more}: ${this.#untold} sentences were left out`]
  }
}
