/**
 * The object of a record that drops a range: its first token, then its last, eight bytes each, hi
 * before lo, little-endian. The place is in the record's header.
 */
import { readU32, writeU32 } from '../../base/bytes.ts'
import { u64 } from '../../base/u64.ts'
import type { Token } from '../../native/digest.ts'

/** Both ends belong to it. */
export interface TokenRange {
  readonly from: Token
  readonly to: Token
}

export const DROP_BYTES = 16

export function writeDrop({ from, to }: TokenRange): Uint8Array {
  const bytes = new Uint8Array(DROP_BYTES)
  for (const [i, word] of [from.hi, from.lo, to.hi, to.lo].entries()) writeU32(bytes, 4 * i, word)
  return bytes
}

export function readDrop(bytes: Uint8Array): TokenRange | undefined {
  if (bytes.length !== DROP_BYTES) return undefined
  return {
    from: u64(readU32(bytes, 0), readU32(bytes, 4)),
    to: u64(readU32(bytes, 8), readU32(bytes, 12)),
  }
}
