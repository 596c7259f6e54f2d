/** `--r` and `--w`, and what is said where fewer replicas were read than asked for. */
import { OperatingError } from '../../base/errors.ts'
import type { PutResult } from '../../client/bucket-options.ts'
import { REPLICAS_MAX } from '../../limits.ts'

interface QuorumOptions {
  readonly r?: string
  readonly w?: string
  readonly strict?: true
}

interface Quorums {
  readonly r?: number
  readonly w?: number
  readonly strict?: true
}

/** The counts that were given. Throws `quorum-wrong`. */
export function quorumsOf({ r, w, strict }: QuorumOptions): Quorums {
  return {
    ...(strict === undefined ? {} : { strict }),
    ...(r === undefined ? {} : { r: quorumOf('--r', r) }),
    ...(w === undefined ? {} : { w: quorumOf('--w', w) }),
  }
}

function quorumOf(option: string, text: string): number {
  const count = Number(text)
  if (/^\d+$/.test(text) && count >= 1 && count <= REPLICAS_MAX) return count
  const sentence = `${option} is a whole number from 1 to ${REPLICAS_MAX}, not ${text}`
  throw new OperatingError('quorum-wrong', sentence)
}

export function tellFewer(read: PutResult['read']): void {
  if (read === undefined || read.answered >= read.needed) return
  process.stderr.write(
    `everwrite: ${read.answered} of ${read.needed} copies could be read before: siblings that` +
      ' only the others hold were not replaced\n',
  )
}
