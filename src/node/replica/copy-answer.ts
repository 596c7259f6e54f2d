/** What a copy is to a quorum read, at its owner and behind a reply. */
import type { OperatingError } from '../../base/errors.ts'
import type { CopyAnswer } from '../../dynamo/quorum/answers.ts'
import { decodeObject } from '../../dynamo/version/object-bytes.ts'
import type { Digest } from '../../native/digest.ts'

export const ABSENT: CopyAnswer = { kind: 'absent' }

/** The answer that a copy is. `failed` where the bytes are not an object. */
export function objectAnswer(bytes: Uint8Array, digest: Digest): CopyAnswer {
  const object = decodeObject(bytes)
  if (object === undefined) return { kind: 'failed', code: 'message-garbled' }
  return { kind: 'object', object, digest }
}

/** The answer of an owner that failed. */
export function failedAnswer({ code }: OperatingError): CopyAnswer {
  return { kind: 'failed', code }
}
