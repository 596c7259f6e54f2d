/**
 * A planted bug: one piece of the source replaced by a wrong one, and what must catch it.
 *
 * A plant names no file, class or line: its text is searched for in all of `src` and `native`, as
 * built, and must stand there exactly once. White space, semicolons and trailing commas do not
 * count, so formatting does not matter either. A plant has to follow the code only where the
 * expression that it spoils is itself rewritten.
 */
export interface Plant {
  readonly name: string
  /** Text of the source without its types, as short as it can be and still stand there once. */
  readonly find: string
  /** JavaScript, or C++ where the text stands in `native`: the addon is then built anew. */
  readonly replace: string
  /** What is wrong with it. */
  readonly why: string
  /** The test file that must fail. Without it the simulator must find the bug. */
  readonly caughtBy?: string
}

/** Plants of one subject. */
export interface PlantGroup {
  readonly name: string
  readonly plants: readonly Plant[]
  /** How many there are at least, so that none is dropped unnoticed. */
  readonly plantsMin: number
}
