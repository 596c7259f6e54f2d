/**
 * 64-bit numbers as two unsigned halves, since a JavaScript number is exact to 53 bits only.
 *
 * Tokens and digests are such numbers. Why not `bigint`: each is an allocation and a slow
 * comparison, on the path of every request.
 */
import { U32_MAX } from './bytes.ts'

export interface U64 {
  /** The upper 32 bits, unsigned; they order first. */
  readonly hi: number
  /** The lower 32 bits, unsigned. */
  readonly lo: number
}

/** Requires: both halves are integers from 0 to 2^32 - 1. */
export function u64<T extends U64>(hi: number, lo: number): T {
  return { hi, lo } as T
}

/** Negative, zero or positive, by size. */
export function compareU64<T extends U64>(a: T, b: T): number {
  return a.hi === b.hi ? a.lo - b.lo : a.hi - b.hi
}

export function equalU64<T extends U64>(a: T, b: T): boolean {
  return a.hi === b.hi && a.lo === b.lo
}

/** The number above, or undefined above the largest. */
export function nextU64<T extends U64>(value: T): T | undefined {
  if (value.lo < U32_MAX) return u64<T>(value.hi, value.lo + 1)
  return value.hi < U32_MAX ? u64<T>(value.hi + 1, 0) : undefined
}
