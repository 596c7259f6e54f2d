/**
 * Keeps one write of a key, in buckets whose policy is `last-write-wins`.
 *
 * Causality decides first, as everywhere: what a client has seen gives way to what it writes then.
 * Of writes that did not know of each other the one with the later time stays. The context covers
 * the others as if a client had replaced them, so they do not come back.
 *
 * The time of a write is that of its coordinator's wall clock, and later than the copy there. A
 * further attempt has the time at which its request was drawn: if it comes late, or twice, it does
 * not hide what was written meanwhile. So which of two writes is last is as good as the clocks are.
 *
 * Invariants:
 *   - The merge has one sibling where an operand has any. (Where each copy covers the write of the
 *     other, which a third write with a time between theirs can bring about, the later one stays.)
 *   - Commutative and idempotent; where times follow causality, associative too. Otherwise copies
 *     that go on merging still become equal: contexts only grow, and of copies with one context the
 *     later write stays.
 *
 * Source: Dynamo 4.4 and 6 ("timestamp based reconciliation"); a last-writer-wins register (Shapiro
 * et al. 2011, 3.2.1) above dots.
 */
import { U48_MAX } from '../../base/bytes.ts'
import { Policy } from '../names.ts'
import { compareDots, type Dot } from './dot.ts'
import { merge } from './merge.ts'
import { compareSiblings, type Sibling, type VersionedObject } from './object.ts'
import { drawnAt, type RequestId } from './request-id.ts'

/** The merge in a bucket of this policy; `a` or `b` itself if the merge equals it. */
export function mergeUnder(
  policy: Policy,
  a: VersionedObject,
  b: VersionedObject,
): VersionedObject {
  const merged = merge(a, b)
  const { context, siblings } = merged
  if (policy !== Policy.lastWriteWins || siblings.length === 1) return merged
  const last = lastOf(siblings.length > 0 ? siblings : [...a.siblings, ...b.siblings])
  if (last === undefined) return merged
  if (isAlone(last, a) && context === a.context) return a
  if (isAlone(last, b) && b.context.includes(context)) return b
  return { context, siblings: [last] }
}

/** What a bucket of this policy keeps of an object. */
export function keptUnder(policy: Policy, object: VersionedObject): VersionedObject {
  const { context, siblings } = object
  if (policy !== Policy.lastWriteWins || siblings.length <= 1) return object
  return { context, siblings: [lastOf(siblings) as Sibling] }
}

/** Writes of two copies that did not know of each other, and of which a later one stays alone. */
export function losersOf(
  policy: Policy,
  a: VersionedObject | undefined,
  b: VersionedObject | undefined,
): number {
  if (policy !== Policy.lastWriteWins || a === undefined || b === undefined) return 0
  return Math.max(0, merge(a, b).siblings.length - 1)
}

/** The one with the latest time; of two with one time that with the higher dot. */
export function lastOf(siblings: readonly Sibling[]): Sibling | undefined {
  let last: Sibling | undefined
  for (const sibling of siblings) if (last === undefined || isLater(sibling, last)) last = sibling
  return last
}

function isLater(a: Sibling, b: Sibling): boolean {
  return a.time === b.time ? compareSiblings(a, b) > 0 : a.time > b.time
}

function isAlone(sibling: Sibling, { siblings }: VersionedObject): boolean {
  return siblings.length === 1 && siblings[0] === sibling
}

interface Attempt {
  readonly requestId: RequestId
  readonly isRepeat: boolean
  /** Now, by the coordinator's wall clock, in ms since 1970. */
  readonly time: number
}

/**
 * The time of a write with this dot over a copy with these siblings, in ms since 1970: at most what
 * 48 bits hold.
 */
export function timeOfWrite(attempt: Attempt, dot: Dot, held: readonly Sibling[]): number {
  const { requestId, isRepeat, time: now } = attempt
  if (isRepeat) return Math.min(now, drawnAt(requestId))
  let time = now
  for (const { time: other, dots } of held) {
    const isAfter = time === other ? compareDots(dot, dots[0] as Dot) > 0 : time > other
    if (!isAfter) time = Math.min(other + 1, U48_MAX)
  }
  return time
}
