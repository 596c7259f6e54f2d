/**
 * The starts that the copies of one process name, or have named of late (docs/design.md 3.6).
 *
 * A message may carry a start that no copy names any more. So a process keeps for each start the
 * round that it had opened last when a copy named it.
 */
import type { Start } from '../../../src/dynamo/names.ts'
import type { Copy } from './member.ts'

/** What a member says of them when it opens a round. */
export interface Naming {
  /** The round that its process opened first: it has forgotten what was named before. */
  readonly firstOpened: number
  /** For each start the round that it had opened last when a copy named it, or `NOW`. */
  readonly namedIn: ReadonlyMap<Start, number>
}

/** A copy names the start as the round opens. */
export const NOW: number = Number.POSITIVE_INFINITY
const NONE = Number.POSITIVE_INFINITY

export class NamedStarts {
  #firstOpened = NONE
  #lastOpened = 0
  readonly #namedIn = new Map<Start, number>()

  /** A copy is replaced: it named its starts up to now. */
  onReplaced(copy: Copy | undefined): void {
    for (const { start } of copy?.object.context.ranges ?? []) {
      this.#namedIn.set(start, this.#lastOpened)
    }
  }

  open(round: number, copies: readonly (Copy | undefined)[]): Naming {
    const namedIn = new Map(this.#namedIn)
    for (const copy of copies) {
      for (const { start } of copy?.object.context.ranges ?? []) namedIn.set(start, NOW)
    }
    const firstOpened = this.#firstOpened
    this.#firstOpened = Math.min(firstOpened, round)
    this.#lastOpened = round
    return { firstOpened, namedIn }
  }

  clear(): void {
    this.#firstOpened = NONE
    this.#lastOpened = 0
    this.#namedIn.clear()
  }
}

/** Whether the process knows all that it named since it opened that round. */
export function isKnownSince({ firstOpened }: Naming, round: number): boolean {
  return firstOpened <= round
}

/** The starts that the process named since it opened that round, or since it began. */
export function namedSince(naming: Naming, round: number): readonly Start[] {
  const isKnown = isKnownSince(naming, round)
  const named: Start[] = []
  for (const [start, namedIn] of naming.namedIn) {
    if (namedIn >= round || !isKnown) named.push(start)
  }
  return named
}
