/** Where a bulk transfer has come to in the log of the member that gives (Dynamo 6.2). */

/** The byte of a segment at which a record begins. */
export interface LogPoint {
  readonly segment: number
  readonly offset: number
}

/** Whether a pass that was at `from` and goes on at `next` has come further; undefined: an end. */
export function isFurther(next: LogPoint | undefined, from: LogPoint | undefined): boolean {
  if (next === undefined || from === undefined) return true
  return next.segment > from.segment || (next.segment === from.segment && next.offset > from.offset)
}

/** Undefined is the beginning, or an end. */
export function isSamePoint(a: LogPoint | undefined, b: LogPoint | undefined): boolean {
  return a?.segment === b?.segment && a?.offset === b?.offset
}
