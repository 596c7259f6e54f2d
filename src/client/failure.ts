/**
 * The error of a failed call: the error of its last attempt, and how many were made.
 *
 * A call that may have been applied by any of its attempts is in doubt, even if the last attempt
 * was refused. A read applies nothing, so a failed read is never in doubt.
 */
import { type Certainty, type FailureDetails, OperatingError } from '../base/errors.ts'
import { CALLS_PER_RETRY, RETRIES_FREE_MAX } from '../limits.ts'

const BUDGET_SPENT: string =
  'The retry budget of this client is spent: in 10 s it tries one of ' +
  `${CALLS_PER_RETRY} calls again, and ${RETRIES_FREE_MAX} more.`

/** How far a call came that failed. */
export interface CallProgress {
  readonly certainty: Certainty
  readonly attempts: number
  readonly node: string | undefined
  readonly isBudgetSpent: boolean
  readonly details: FailureDetails | undefined
}

/** The last failure of a call, and how far the call came. */
export class CallError extends OperatingError {
  /** Attempts that were sent to a node. */
  readonly attempts: number
  /** The node of the last attempt, as `host:port`. */
  readonly node: string | undefined
  /** No further attempt was made because the client's retry budget is spent. */
  readonly isBudgetSpent: boolean

  constructor(last: OperatingError, progress: CallProgress) {
    const { certainty, attempts, node, isBudgetSpent, details } = progress
    super(last.code, sentenceOf(last, progress), { cause: last, certainty, details })
    this.attempts = attempts
    this.node = node
    this.isBudgetSpent = isBudgetSpent
  }
}

function sentenceOf(last: OperatingError, progress: CallProgress): string {
  const { certainty, attempts, node, isBudgetSpent } = progress
  const tries = attempts === 1 ? '' : `${attempts} attempts, the last `
  const where = node === undefined ? '' : ` (${tries}at ${node})`
  const doubt = certainty === 'in-doubt' ? ' The write may have been applied.' : ''
  const spent = isBudgetSpent ? ` ${BUDGET_SPENT}` : ''
  const stop = doubt === '' && spent === '' ? '' : '.'
  return `${last.message}${where}${stop}${doubt}${spent}`
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
