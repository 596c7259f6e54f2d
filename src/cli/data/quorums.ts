/** `--r` and `--w` of writes, and what is said where fewer replicas were read than asked for. */
import type { PutResult } from '../../client/bucket.ts'

/** The counts as given; the client checks them. */
export function quorumsOf(options: { readonly r?: string; readonly w?: string }): {
  readonly r?: number
  readonly w?: number
} {
  return {
    ...(options.r === undefined ? {} : { r: Number(options.r) }),
    ...(options.w === undefined ? {} : { w: Number(options.w) }),
  }
}

export function tellFewer(read: PutResult['read']): void {
  if (read === undefined || read.answered >= read.needed) return
  process.stderr.write(
    `everwrite: ${read.answered} of ${read.needed} copies could be read before: siblings that` +
      ' only the others hold were not replaced\n',
  )
}
