/**
 * A proof: a program that measures one claim, judges it by a bar and prints its figure last.
 *
 * Exit codes of `npm run prove -- NAME`: 0 met, 1 missed, 3 cannot run here (the reason says what
 * to install).
 */

export interface Verdict {
  readonly isMet: boolean
  /** The last line printed: the measured figure beside its bar. */
  readonly figure: string
}

export interface Proof {
  readonly name: string
  /** One line for the list: what it shows. */
  readonly shows: string
  /** Usage of its arguments, if it takes any: `FILE`, `[--seeds N]`. */
  readonly usage?: string
  run(args: readonly string[]): Promise<Verdict>
}

/** Thrown where this machine lacks what a proof needs; the message says what to install. */
export class CannotRun extends Error {
  override readonly name = 'CannotRun'
}
