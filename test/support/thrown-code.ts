/** Reads the code of the error that a function throws. */
import { isOperatingError } from '../../src/base/errors.ts'

/** `nothing thrown` where `act` returns; the text of any other error. */
export function thrownCode(act: () => unknown): string {
  try {
    act()
    return 'nothing thrown'
  } catch (error) {
    return isOperatingError(error) ? error.code : String(error)
  }
}
