/**
 * The error of a failed call: the error of its last attempt, and how many were made.
 *
 * A call that may have been applied by any of its attempts is in doubt, even if the last attempt
 * was refused. A read applies nothing, so a failed read is never in doubt.
 */
import { type Certainty, OperatingError } from '../base/errors.ts'

/** The last failure of a call, the number of attempts, and the last node. */
export class CallError extends OperatingError {
  /** Attempts that were sent to a node. */
  readonly attempts: number
  /** The node of the last attempt, as `host:port`. */
  readonly node: string | undefined

  constructor(last: OperatingError, certainty: Certainty, attempts: number, node?: string) {
    const { code, details } = last
    super(code, sentenceOf(last, certainty, attempts, node), { cause: last, certainty, details })
    this.attempts = attempts
    this.node = node
  }
}

function sentenceOf(
  last: OperatingError,
  certainty: Certainty,
  attempts: number,
  node: string | undefined,
): string {
  const tries = attempts === 1 ? '' : `${attempts} attempts, the last `
  const where = node === undefined ? '' : ` (${tries}at ${node})`
  const doubt = certainty === 'in-doubt' ? ' The write may have been applied.' : ''
  return `${last.message}${where}${doubt}`
}

/** A failure before anything was sent. */
export function unsent(code: OperatingError['code'], message: string): OperatingError {
  return new OperatingError(code, message, { certainty: 'refused' })
}

/** The failure of a call or connect whose signal is aborted, before anything was sent. */
export function aborted(signal: AbortSignal): OperatingError {
  return new OperatingError('aborted', "the call's signal was aborted", {
    cause: signal.reason,
    certainty: 'refused',
  })
}

/** What a value of a wrong type is, in a sentence. */
export function kindOf(value: unknown): string {
  if (value === null) return 'null'
  if (Array.isArray(value)) return 'an array'
  if (value instanceof Uint8Array) return 'bytes'
  if (typeof value === 'object') return 'an object'
  return value === undefined ? 'undefined' : `a ${typeof value}`
}
