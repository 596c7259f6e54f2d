/**
 * Applies a client's put to the coordinator's copy. (Other replicas merge and never put.)
 *
 * A put replaces exactly the dots that its context covers. Without a context it replaces nothing
 * and its value becomes a sibling. With an old context its value becomes a sibling of the writes
 * made since. A delete is a put of a tombstone.
 *
 * The new dot continues the line that this copy writes (`note.ts`), or opens a new line.
 *
 * A further attempt of a request that finds no sibling of an earlier one makes a second dot. It
 * names the request in the context (`context.ts`), so that what replaces the write replaces the
 * dots of all attempts, wherever they are.
 *
 * Where the last write wins, a put replaces the whole copy, whatever its client saw, unless it is a
 * further attempt that comes late (`last-write.ts`).
 *
 * Invariants:
 *   - No context here or of the client covered the new dot before.
 *   - Each sibling keeps the dots that `seen` does not cover.
 *   - A bound refuses a put that makes an object larger. A put that makes an object over the bound
 *     smaller is accepted.
 *
 * Source: dotted version vectors (Preguiça et al. 2010), 5, `update`; Almeida et al. 2014, 5.
 */
import { assert } from '../../base/assert.ts'
import { U48_MAX } from '../../base/bytes.ts'
import { OBJECT_BYTES_MAX, RANGES_MAX, RANGES_PER_PUT_MAX, SIBLINGS_MAX } from '../../limits.ts'
import { type NodeId, Policy, type Start } from '../names.ts'
import { Context, type Range, rangeOn } from './context.ts'
import { type Dot, dotOn } from './dot.ts'
import { lastOf, timeOfWrite } from './last-write.ts'
import { withDots } from './merge.ts'
import { type Note, openTail } from './note.ts'
import {
  compareSiblings,
  equalValues,
  NOTHING,
  type Sibling,
  valueBytes,
  type VersionedObject,
} from './object.ts'
import type { Receipt } from './receipt.ts'
import type { RequestId } from './request-id.ts'

export interface PutRequest {
  /** Of the bucket. */
  readonly policy: Policy
  readonly node: NodeId
  /** The node's present start. */
  readonly start: Start
  /** The next number of this start, for all keys one sequence; at least 1, used only once. */
  readonly counter: number
  readonly requestId: RequestId
  /** An earlier attempt may have been taken, here or elsewhere. */
  readonly isRepeat: boolean
  /** Now, by the coordinator's wall clock, in ms since 1970. */
  readonly time: number
  /** Undefined writes a tombstone. */
  readonly value: Uint8Array | undefined
  /** The client's context; `Context.empty` replaces nothing. */
  readonly seen: Context
}

/** The coordinator appends the object and the note in one record. */
export interface Written {
  readonly kind: 'written'
  readonly object: VersionedObject
  readonly note: Note
  readonly dot: Dot
  readonly sibling: Sibling
  /** The dot, and the counters since the line's last dot, which belong to other keys. */
  readonly fresh: Range
  /** Writes that gave way to a later one unseen, where the last write wins; this one among them. */
  readonly losers: number
}

/** An earlier attempt was applied: the coordinator sends and acknowledges the object as it is. */
export interface Repeated {
  readonly kind: 'repeated'
  readonly object: VersionedObject
  readonly sibling: Sibling
}

/** An earlier attempt was applied, and has been replaced since: acknowledged as it is, too. */
export interface Replaced {
  readonly kind: 'replaced'
  /** Undefined where the context names the request instead. */
  readonly dot: Dot | undefined
}

export interface RefusedPut {
  readonly kind: 'refused'
  readonly code: 'context-full' | 'siblings-full' | 'object-too-large' | 'request-id-wrong'
  /** The ranges, siblings or bytes that the object would have, and the bound. */
  readonly count: number
  readonly limit: number
}

/**
 * The object or the client's context already covers this start's next dot: a peer invented it, or
 * another process has the same start. The caller draws a new start and puts again.
 */
export interface StartSpent {
  readonly kind: 'start-spent'
}

export type PutOutcome = Written | Repeated | Replaced | RefusedPut | StartSpent

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
  if (before.context.names(requestId)) return { kind: 'replaced', dot: undefined }

  const known = before.context.join(seen)
  const tail = openTail(note, before.context, request)
  const fresh = freshRange(tail, request)
  const dot = dotOn(fresh, request.counter)
  if (known.covers(dot)) return { kind: 'start-spent' }

  const covered = known.with(fresh)
  const context = request.isRepeat ? covered.withRequest(requestId) : covered
  const isLastOnly = request.policy === Policy.lastWriteWins
  const time = isLastOnly ? timeOfWrite(request, dot, before.siblings) : request.time
  const sibling: Sibling = { requestId, dots: [dot], time, value }
  const all = [...withoutSeen(before.siblings, seen), sibling].sort(compareSiblings)
  const siblings = isLastOnly ? [lastOf(all) as Sibling] : all
  const object = { context, siblings }
  const refused = refusal(before, object, tail === undefined)
  if (refused !== undefined) return refused
  const opened = { start: fresh.start, opened: fresh.opened }
  // Writes that name nothing seen overwrite each other, as is usual where the last one wins.
  const isOverwrite = seen.isEmpty && siblings[0] === sibling
  const losers = isOverwrite ? 0 : all.length - siblings.length
  return { kind: 'written', object, note: opened, dot, sibling, fresh, losers }
}

/**
 * What the answer to a put covers: what the client saw, the dots of its write, and after a repeat
 * all other attempts of it.
 */
export function coveredBy(
  { seen, requestId, isRepeat }: Pick<PutRequest, 'seen' | 'requestId' | 'isRepeat'>,
  outcome: Written | Repeated | Replaced,
): Context {
  const known = isRepeat ? seen.withRequest(requestId) : seen
  switch (outcome.kind) {
    case 'written':
      return known.with(outcome.fresh)
    case 'repeated':
      return known.join(Context.of(outcome.sibling.dots.map(rangeAt)))
    case 'replaced':
      return known
  }
}

/**
 * The write alone, as its client made it: it replaces what the client saw, and knows of nothing
 * else. A copy that must not take older writes can take this one (docs/design.md 3.6).
 */
export function writeAlone(
  request: Pick<PutRequest, 'seen' | 'requestId' | 'isRepeat'>,
  outcome: Written | Repeated,
): VersionedObject {
  return { context: coveredBy(request, outcome), siblings: [outcome.sibling] }
}

/** The receipt of the write that the put made, or found made. */
export function receiptOfPut(
  requestId: RequestId,
  outcome: Written | Repeated | Replaced,
): Receipt {
  const dot = outcome.kind === 'repeated' ? outcome.sibling.dots[0] : outcome.dot
  return dot === undefined ? { kind: 'request', requestId } : { kind: 'dots', dots: [dot] }
}

function rangeAt(dot: Dot): Range {
  return rangeOn(dot, dot.counter, dot.counter)
}

/** Continues the line after its last dot, or opens a line. */
function freshRange(tail: Range | undefined, { node, start, counter }: PutRequest): Range {
  if (tail !== undefined) return rangeOn(tail, tail.last + 1, counter)
  return rangeOn({ node, start, opened: counter }, counter, counter)
}

function withoutSeen(siblings: readonly Sibling[], seen: Context): readonly Sibling[] {
  if (seen.isEmpty) return siblings
  const kept: Sibling[] = []
  for (const sibling of siblings) {
    if (seen.names(sibling.requestId)) continue
    const left = withDots(
      sibling,
      sibling.dots.filter((dot) => !seen.covers(dot)),
    )
    if (left !== undefined) kept.push(left)
  }
  return kept
}

/** An object that a put made must fit one answer and one message. */
function refusal(
  before: VersionedObject,
  after: VersionedObject,
  opensLine: boolean,
): RefusedPut | undefined {
  const tooMany = (code: RefusedPut['code'], was: number, count: number, limit: number) =>
    count > limit && count > was ? ({ kind: 'refused', code, count, limit } as const) : undefined
  const { siblings } = after
  // A copy that has a line may continue it, so that some coordinator can always write.
  const rangesMax = opensLine ? RANGES_PER_PUT_MAX : RANGES_MAX
  return (
    tooMany('context-full', before.context.count, after.context.count, rangesMax) ??
    tooMany('siblings-full', before.siblings.length, siblings.length, SIBLINGS_MAX) ??
    tooMany('object-too-large', valueBytes(before.siblings), valueBytes(siblings), OBJECT_BYTES_MAX)
  )
}
