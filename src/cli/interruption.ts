/**
 * Signals that end a command early: it puts in order what it holds, then says how far it came.
 *
 * A command that holds nothing needs none of this: the signal ends it, and its shell reports the
 * same exit code.
 */
import { OperatingError } from '../base/errors.ts'

/** The exit codes of shells: 128 and the signal's number. */
const EXIT_OF_SIGNAL = { SIGHUP: 129, SIGINT: 130, SIGTERM: 143 } as const
/** A second signal within this time is the same one, passed on by npm. */
const ECHO_MS = 500

export type EndSignal = keyof typeof EXIT_OF_SIGNAL

const END_SIGNALS = Object.keys(EXIT_OF_SIGNAL) as readonly EndSignal[]

/** A signal ended the command. `message` says how far it came. */
export class Interrupted extends OperatingError {
  readonly exitCode: number

  constructor(signal: EndSignal, sentence: string) {
    super('aborted', sentence)
    this.exitCode = EXIT_OF_SIGNAL[signal]
  }
}

/** Ends the process at the first signal, by its event `exit`: progress and part files end there. */
export function exitOnInterruption(): void {
  onInterruption((signal) => process.exit(EXIT_OF_SIGNAL[signal]))
}

/**
 * Calls `act` at the first signal, in the place of ending the process; a second one ends it at
 * once. The function that is returned ends this.
 */
export function onInterruption(act: (signal: EndSignal) => void): () => void {
  let askedAt: number | undefined
  const hear = (signal: NodeJS.Signals): void => {
    const name = signal as EndSignal
    if (askedAt === undefined) {
      askedAt = performance.now()
      act(name)
    } else if (performance.now() - askedAt > ECHO_MS) {
      process.exit(EXIT_OF_SIGNAL[name])
    }
  }
  for (const signal of END_SIGNALS) process.on(signal, hear)
  return () => {
    for (const signal of END_SIGNALS) process.off(signal, hear)
  }
}
