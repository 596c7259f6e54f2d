/** Tells a copy that has rotted from every other failure of a read. */
import { isOperatingError } from '../../base/errors.ts'

export function isRot(error: unknown): boolean {
  return isOperatingError(error) && error.code === 'record-rotten'
}

/** Throws every other error. */
export function rottenOr(error: unknown): 'rotten' {
  if (isRot(error)) return 'rotten'
  throw error
}
