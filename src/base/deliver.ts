/**
 * How work hands over its result: to a callback, called once, with a value or an operating error.
 *
 * Why not: promises. A request takes several steps on each replica; a promise and a turn of the
 * microtask queue for each step cost more than the step. `MaybePromise` is for steps that are
 * usually done at once and sometimes wait for the disk.
 */
import { isOperatingError, OperatingError } from './errors.ts'

/** The value itself where it is there at once; a promise where it must be waited for. */
export type MaybePromise<T> = T | Promise<T>

/** To be called once, with the result or with the reason why there is none. */
export type Deliver<T> = (result: T | OperatingError) => void

export function isFailure<T>(result: T | OperatingError): result is OperatingError {
  return result instanceof OperatingError
}

/**
 * Runs `work` and delivers its result: within this call where it is there at once, else when the
 * promise settles. An operating error that `work` throws is delivered; any other error is a bug and
 * is thrown on, to end the process.
 */
export function perform<T>(work: () => MaybePromise<T>, deliver: Deliver<T>): void {
  let result: T | OperatingError
  try {
    const pending = work()
    if (pending instanceof Promise) {
      void pending.then(deliver, (error: unknown) => deliver(operatingErrorOr(error)))
      return
    }
    result = pending
  } catch (error) {
    result = operatingErrorOr(error)
  }
  deliver(result)
}

function operatingErrorOr(error: unknown): OperatingError {
  if (error instanceof OperatingError) return error
  if (!isOperatingError(error)) throw error
  // Of another copy of this package, which an engine was installed with.
  const { code, message, certainty, details } = error
  return new OperatingError(code, message, { certainty, details, cause: error })
}
