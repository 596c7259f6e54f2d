/**
 * Add a client's write to a copy: what a coordinator does, and a replica never.
 *
 * A put replaces exactly what its client saw: the dots of the context that came with it, one by
 * one. Without a context it replaces nothing and becomes a sibling; so does a put whose context
 * is old, beside whatever was written since. Deleting is putting a tombstone.
 *
 * The new dot continues the line that this copy writes (`note.ts`), or opens a line of its own.
 *
 * Invariants:
 *   - The new dot was covered by nothing before.
 *   - Only what the client saw disappears: each sibling keeps the dots that `seen` does not cover.
 *   - Limits refuse a put that would make things worse; one that makes an object over the limit
 *     smaller is the way out, and is welcome.
 *
 * Source: dotted version vectors (Preguiça et al. 2010), 5, `update`; Almeida et al. 2014, 5.
 */
import { assert } from '../../base/assert.ts'
import { U48_MAX } from '../../base/bytes.ts'
import { OBJECT_BYTES_MAX, RANGES_MAX, RANGES_PER_PUT_MAX, SIBLINGS_MAX } from '../../limits.ts'
import type { NodeId, Start } from '../names.ts'
import { type Context, type Range, rangeOn } from './context.ts'
import { type Dot, dotOn } from './dot.ts'
import { withDots } from './merge.ts'
import { type Note, openTail } from './note.ts'
import {
  compareSiblings,
  equalValues,
  NOTHING,
  type RequestId,
  type Sibling,
  valueBytes,
  type VersionedObject,
} from './object.ts'

export interface PutRequest {
  readonly node: NodeId
  /** The node's present start. */
  readonly start: Start
  /** The next number of this start, for all keys one sequence; at least 1, used only once. */
  readonly counter: number
  readonly requestId: RequestId
  /** Undefined writes a tombstone. */
  readonly value: Uint8Array | undefined
  /** What the client was shown; `Context.empty` replaces nothing. */
  readonly seen: Context
}

/** What the coordinator now appends, object and note in one record. */
export interface Written {
  readonly kind: 'written'
  readonly object: VersionedObject
  readonly note: Note
  readonly dot: Dot
  readonly sibling: Sibling
  /** The dot, and the counters since the line's last one that will never be a dot of this line. */
  readonly fresh: Range
}

/** An earlier attempt is already here: send the object as it is, and acknowledge that. */
export interface Repeated {
  readonly kind: 'repeated'
  readonly object: VersionedObject
  readonly sibling: Sibling
}

export interface RefusedPut {
  readonly kind: 'refused'
  readonly code: 'context-full' | 'siblings-full' | 'object-too-large' | 'request-id-wrong'
  /** Ranges, siblings or bytes that the object would have, and how many it may. */
  readonly count: number
  readonly limit: number
}

/**
 * What is held or was seen already covers this start's next dot: some peer invented it, or the
 * start is not ours alone. Draw a new start and put again.
 */
export interface StartSpent {
  readonly kind: 'start-spent'
}

export type PutOutcome = Written | Repeated | RefusedPut | StartSpent

export function put(
  held: VersionedObject | undefined,
  note: Note | undefined,
  request: PutRequest,
): PutOutcome {
  const before = held ?? NOTHING
  const { requestId, value, seen } = request
  assert(request.counter >= 1 && request.counter <= U48_MAX, 'a counter fits 48 bits')

  const earlier = before.siblings.filter((sibling) => sibling.requestId === requestId)
  if (earlier.length > 0) {
    const same = earlier.find((sibling) => equalValues(sibling.value, value))
    if (same !== undefined) return { kind: 'repeated', object: before, sibling: same }
    return { kind: 'refused', code: 'request-id-wrong', count: earlier.length + 1, limit: 1 }
  }

  const known = before.context.join(seen)
  const tail = openTail(note, before.context, request)
  const fresh = freshRange(tail, request)
  const dot = dotOn(fresh, request.counter)
  if (known.covers(dot)) return { kind: 'start-spent' }

  const context = known.with(fresh)
  const sibling: Sibling = { requestId, dots: [dot], value }
  const siblings = [...withoutSeen(before.siblings, seen), sibling].sort(compareSiblings)
  const object = { context, siblings }
  const refused = refusal(before, object, tail === undefined)
  if (refused !== undefined) return refused
  const opened = { start: fresh.start, opened: fresh.opened }
  return { kind: 'written', object, note: opened, dot, sibling, fresh }
}

/**
 * The new sibling alone, with the *client's* context: what may travel in place of the object.
 *
 * Why not the new sibling with the coordinator's context: it covers the other siblings here, which
 * the receiver may hold and nobody replaced; it would drop them.
 */
export function deltaOf(written: Written, seen: Context): VersionedObject {
  return { context: seen.with(written.fresh), siblings: [written.sibling] }
}

/** From the line's last dot on, or a line of its own. */
function freshRange(tail: Range | undefined, { node, start, counter }: PutRequest): Range {
  if (tail !== undefined) return rangeOn(tail, tail.last + 1, counter)
  return rangeOn({ node, start, opened: counter }, counter, counter)
}

function withoutSeen(siblings: readonly Sibling[], seen: Context): readonly Sibling[] {
  if (seen.isEmpty) return siblings
  const kept: Sibling[] = []
  for (const sibling of siblings) {
    const left = withDots(
      sibling,
      sibling.dots.filter((dot) => !seen.covers(dot)),
    )
    if (left !== undefined) kept.push(left)
  }
  return kept
}

/** What a put makes of an object must stay readable in one answer and movable in one message. */
function refusal(
  before: VersionedObject,
  after: VersionedObject,
  opensLine: boolean,
): RefusedPut | undefined {
  const tooMany = (code: RefusedPut['code'], was: number, count: number, limit: number) =>
    count > limit && count > was ? ({ kind: 'refused', code, count, limit } as const) : undefined
  const { siblings } = after
  // A copy that has a line may go on, so that someone can always write.
  const rangesMax = opensLine ? RANGES_PER_PUT_MAX : RANGES_MAX
  return (
    tooMany('context-full', before.context.count, after.context.count, rangesMax) ??
    tooMany('siblings-full', before.siblings.length, siblings.length, SIBLINGS_MAX) ??
    tooMany('object-too-large', valueBytes(before.siblings), valueBytes(siblings), OBJECT_BYTES_MAX)
  )
}
