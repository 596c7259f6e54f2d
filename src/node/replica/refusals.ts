/** Why a replica does not do what it was asked. */
import { OperatingError } from '../../base/errors.ts'

export function handedOver(): OperatingError {
  const sentence = 'this node hands its place over to another owner: try again'
  return new OperatingError('ring-differs', sentence)
}

export function diskFailed(cause: unknown): OperatingError {
  return new OperatingError('disk-failed', 'the disk did not take the write', { cause })
}
