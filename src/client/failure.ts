/**
 * What a failed call throws: an operating error that also says what was tried.
 *
 * A call is one or more attempts. The error of the last one speaks for all, with one correction:
 * once any attempt of a write may have been applied, the call as a whole is in doubt, however
 * certain the last refusal was. A read applies nothing, so a failed read is never in doubt.
 */
import { type Certainty, OperatingError } from '../base/errors.ts'

/** The last failure of a call, with how often it was tried and where it failed last. */
export class CallError extends OperatingError {
  /** Attempts that were sent to a node; 0 where it never got so far. */
  readonly attempts: number
  /** The node that was asked last, as `host:port`. */
  readonly node: string | undefined

  constructor(last: OperatingError, certainty: Certainty, attempts: number, node?: string) {
    super(last.code, sentenceOf(last, certainty, attempts, node), { cause: last, certainty })
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

/** A failure of this process alone: nothing was sent. */
export function unsent(code: OperatingError['code'], message: string): OperatingError {
  return new OperatingError(code, message, { certainty: 'refused' })
}
