/**
 * The end of a command: its exit code, and a sentence with the reason.
 *
 *     0  done    1  not found; a simulated seed failed; a member did not answer a repair; no round
 *                   was adopted
 *     2  used wrongly
 *     3  unavailable, or failed    4  something needs attention    70  our own bug
 *     129, 130, 143  ended by a signal
 *
 * Scripts may rely on these. With `--json` the reason is one line of JSON on standard error.
 */
import {
  type ErrorCode,
  type FailureDetails,
  isOperatingError,
  OperatingError,
} from '../base/errors.ts'
import { Interrupted } from './interruption.ts'
import { systemError } from './system-error.ts'

export const EXIT = {
  done: 0,
  notFound: 1,
  seedFailed: 1,
  memberSilent: 1,
  notAdopted: 1,
  usage: 2,
  failed: 3,
  attention: 4,
  bug: 70,
} as const

export const EXIT_CODES_HELP: string = `
Exit codes:
  0  done
  1  the key is not there
  2  used wrongly: arguments, options, configuration or input
  3  unavailable or failed; what was in doubt is said so
  70  a bug in everwrite: please report it
  129, 130, 143  ended by SIGHUP, SIGINT (ctrl-C) or SIGTERM`

/** Errors that only the user can correct. */
const USAGE: ReadonlySet<ErrorCode> = new Set<ErrorCode>([
  'config-wrong',
  'bind-insecure',
  'address-wrong',
  'key-file-wrong',
  'invitation-wrong',
  'member-unknown',
  'would-not-survive',
  'nothing-to-commit',
  'keys-full',
  'key-unknown',
  'key-in-use',
  'input-wrong',
  'bucket-wrong',
  'bucket-exists',
  'key-wrong',
  'value-too-long',
  'request-id-wrong',
  'quorum-wrong',
  'deadline-wrong',
  'context-garbled',
  'context-foreign',
  'context-other-cluster',
  'context-forged',
  'contexts-too-many',
  'receipt-garbled',
  'receipt-foreign',
  'receipts-too-many',
])

export function exitCodeOf(thrown: unknown): number {
  if (thrown instanceof Interrupted) return thrown.exitCode
  const error = isOperatingError(thrown) ? thrown : systemError(thrown)
  if (error === undefined) return EXIT.bug
  return USAGE.has(error.code) ? EXIT.usage : EXIT.failed
}

/** Writes the reason to standard error. */
export function tellFailure(thrown: unknown, isJson: boolean): void {
  const error = isOperatingError(thrown) ? thrown : systemError(thrown)
  if (error === undefined) {
    const stack = thrown instanceof Error ? thrown.stack : String(thrown)
    process.stderr.write(`everwrite: this is a bug in everwrite, please report it:\n${stack}\n`)
    return
  }
  const { code, message, certainty, isRetryable, details } = error
  const line = isJson
    ? JSON.stringify({ error: { code, message, certainty, isRetryable, details } })
    : `everwrite: ${message} (${code})${details === undefined ? '' : sentenceOf(details)}`
  process.stderr.write(`${line}\n`)
}

/** What is known about a failure beside its message, as a sentence behind it. */
function sentenceOf({ nodes = [], limit }: FailureDetails): string {
  const parts = nodes.map(({ node, name, code }) => `node ${name ?? node}: ${code}`)
  if (limit !== undefined) parts.push(`limit ${limit.name}: ${limit.value}`)
  return parts.length === 0 ? '' : `; ${parts.join(', ')}`
}

/** Writes a sentence that asks for nothing to standard error. */
export function tellNotice(sentence: string): void {
  process.stderr.write(`everwrite: ${sentence}\n`)
}

/** Writes a sentence that is no failure to standard error. */
export function tellWarning(sentence: string): void {
  process.stderr.write(`everwrite: warning: ${sentence}\n`)
}

/** The error of wrong arguments or input. */
export function misuse(sentence: string, cause?: unknown): OperatingError {
  return new OperatingError('input-wrong', sentence, { cause })
}

/** Writes to standard output and waits if the reader is slow. */
export async function print(data: string | Uint8Array): Promise<void> {
  if (process.stdout.write(data)) return
  await new Promise<void>((resolve) => process.stdout.once('drain', () => resolve()))
}
