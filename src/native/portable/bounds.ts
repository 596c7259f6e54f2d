/** Checks arguments as native/args.h does for the addon: a part must lie in its array. */

/** Throws `RangeError` unless bytes[start, start + length) is inside `bytes`. */
export function requirePart(bytes: Uint8Array, start: number, length: number): void {
  requireCount(start, bytes.length)
  requireCount(length, bytes.length - start)
}

/** Throws `RangeError` unless `value` is a whole number of 0 to `max`. */
export function requireCount(value: number, max: number): void {
  if (Number.isInteger(value) && value >= 0 && value <= max) return
  throw new RangeError(`${value} is out of range: 0 to ${max}`)
}
