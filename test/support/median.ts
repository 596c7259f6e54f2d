/** The middle of some values: a figure that one disturbed run does not move. */

/** Of an even number of values the higher of the two in the middle; NaN where there is none. */
export function median(values: readonly number[]): number {
  return values.toSorted((a, b) => a - b)[values.length >>> 1] ?? Number.NaN
}
