/**
 * Write facts as lines of JSON to standard error.
 *
 *     {"level":"warn","time":"2026-01-01T00:00:00.000Z","event":"peer-away","member":3}
 *
 * Lines are written at once and in order, so that the last one before an abrupt end is there; what
 * the reader does not take waits, within a bound (`line-output.ts`).
 * A fact that occurs too often within one second is left out for the rest of it, and one line then
 * gives the count: a flood of warnings must not become a second failure.
 */
import { pino, stdTimeFunctions, type DestinationStream, type Logger } from 'pino'
import { FACTS, type Fact, type Fields, type Trace, type Weight } from '../world/trace.ts'
import { LineOutput } from './line-output.ts'

/** Facts of this weight and above are written. */
export type TraceLevel = 'debug' | 'info' | 'warn' | 'error' | 'silent'

const LEVEL_OF_WEIGHT: Readonly<Record<Weight, Exclude<TraceLevel, 'silent'>>> = {
  detail: 'debug',
  notice: 'info',
  warning: 'warn',
  failure: 'error',
}

/** One for all traces of this process. */
const standardError = new LineOutput()
/** Lines of one fact in one second, if it is a warning or a failure. */
const REPEATS_MAX = 10
const WINDOW_MS = 1000

export interface TraceOptions {
  readonly level: TraceLevel
  /** Fields of every line: which node of several in this process, say. */
  readonly fields?: Fields
  /** Where lines go; standard error unless told. */
  readonly stream?: DestinationStream
}

export class HostTrace implements Trace {
  readonly #logger: Logger
  /** Lines of each fact in its present second, those unwritten included. */
  readonly #repeats = new Map<Fact, number>()

  constructor(options: TraceOptions) {
    this.#logger = pino(
      {
        level: options.level,
        base: options.fields ?? {},
        timestamp: stdTimeFunctions.isoTime,
        formatters: { level: (level) => ({ level }) },
      },
      options.stream ?? standardError,
    )
  }

  record(fact: Fact, fields: Fields = {}): void {
    const weight: Weight = FACTS[fact]
    const level = LEVEL_OF_WEIGHT[weight]
    if (!this.#logger.isLevelEnabled(level)) return
    const isLimited = weight === 'warning' || weight === 'failure'
    if (isLimited && !this.#mayRepeat(fact)) return
    this.#logger[level]({ event: fact, ...fields })
  }

  #mayRepeat(fact: Fact): boolean {
    const before = this.#repeats.get(fact)
    this.#repeats.set(fact, (before ?? 0) + 1)
    if (before === undefined) setTimeout(() => this.#endWindow(fact), WINDOW_MS).unref()
    return before === undefined || before < REPEATS_MAX
  }

  #endWindow(fact: Fact): void {
    const suppressed = (this.#repeats.get(fact) ?? 0) - REPEATS_MAX
    this.#repeats.delete(fact)
    if (suppressed > 0) this.#logger[LEVEL_OF_WEIGHT[FACTS[fact]]]({ event: fact, suppressed })
  }
}
