/**
 * The functions of broken rules: production code with one thing done otherwise.
 */
import { type Holder } from '../../src/dynamo/quorum/holders.ts'
import { Context, type Range, rangeOn } from '../../src/dynamo/version/context.ts'
import { type Dot, dotOn } from '../../src/dynamo/version/dot.ts'
import { merge } from '../../src/dynamo/version/merge.ts'
import type { Note } from '../../src/dynamo/version/note.ts'
import {
  compareSiblings,
  type Sibling,
  type VersionedObject,
} from '../../src/dynamo/version/object.ts'
import { put, type PutOutcome, type PutRequest } from '../../src/dynamo/version/put.ts'
import { type Remembered, RULES, type Rules } from './rules.ts'

/** Continues any line of the present start that the copy has heard of. */
export function putOnLearned(
  held: VersionedObject | undefined,
  note: Note | undefined,
  request: PutRequest,
): PutOutcome {
  const { node, start } = request
  const heard = held?.context.ranges.findLast((r) => r.node === node && r.start === start)
  return put(held, note ?? (heard && { start, opened: heard.opened }), request)
}

/** Production code, with every object put through `rewrite` afterwards. */
export function rewriting(
  rewrite: (object: VersionedObject, fresh?: Range) => VersionedObject,
): Partial<Rules> {
  return {
    merge: (a, b) => {
      const merged = merge(a, b)
      return merged === a ? a : rewrite(merged)
    },
    put: (held, note, request) => {
      const outcome = put(held, note, request)
      if (outcome.kind !== 'written') return outcome
      const object = rewrite(outcome.object, outcome.fresh)
      const dot = dotOn({ ...outcome.dot, opened: 1 }, outcome.dot.counter)
      const sibling = { ...outcome.sibling, dots: [dot] }
      return { ...outcome, object, sibling, dot, note: { start: request.start, opened: 1 } }
    },
    deltaOf: (written, answered) => rewrite(RULES.deltaOf(written, answered), written.fresh),
  }
}

/** All lines of a start are one: ranges stay as they are, and join where they touch. */
export function joinLines(object: VersionedObject): VersionedObject {
  const ranges = object.context.ranges.map((r) => rangeOn({ ...r, opened: 1 }, r.first, r.last))
  return {
    context: Context.ofCanonical(Context.of(ranges).ranges, object.context.requests),
    siblings: object.siblings.map(onFirstLine).sort(compareSiblings),
  }
}

/** All lines of a start are one, and are known from the first counter on. */
export function flatten(object: VersionedObject): VersionedObject {
  const ranges = object.context.ranges.map((r) => rangeOn({ ...r, opened: 1 }, 1, r.last))
  return {
    context: Context.ofCanonical(Context.of(ranges).ranges, object.context.requests),
    siblings: object.siblings.map(onFirstLine).sort(compareSiblings),
  }
}

function onFirstLine(sibling: Sibling): Sibling {
  return { ...sibling, dots: sibling.dots.map((dot) => ({ ...dot, opened: 1 })) }
}

export function mergeByDots(a: VersionedObject, b: VersionedObject): VersionedObject {
  const unnamed = ({ context, siblings }: VersionedObject): VersionedObject => ({
    context: Context.ofCanonical(context.ranges),
    siblings,
  })
  const { siblings } = merge(unnamed(a), unnamed(b))
  return { context: a.context.join(b.context), siblings }
}

export function keepLast(object: VersionedObject): VersionedObject {
  return { context: object.context, siblings: object.siblings.slice(-1) }
}

export function prune(object: VersionedObject): VersionedObject {
  const { siblings, context } = object
  const isStoodOn = (range: Range): boolean =>
    siblings.some(({ dots }) => dots.some((dot) => Context.ofCanonical([range]).covers(dot)))
  const ranges = context.ranges.filter(isStoodOn)
  return { context: Context.ofCanonical(ranges, context.requests), siblings }
}

/** Names every sibling by its dot as well while production merges, so that none collapse. */
export function mergeApart(a: VersionedObject, b: VersionedObject): VersionedObject {
  const nameOf = ({ node, start, counter }: Dot): string => `${node}${start}${counter}`
  const name = (object: VersionedObject): VersionedObject => ({
    context: object.context,
    siblings: object.siblings.map((s) => ({
      ...s,
      requestId: s.requestId + s.dots.map(nameOf).join(),
    })),
  })
  const merged = merge(name(a), name(b))
  const siblings = merged.siblings.map((s) => ({ ...s, requestId: s.requestId.slice(0, 16) }))
  return { context: merged.context, siblings }
}

/** Takes a request that one side names for replaced, though the other carries it. */
export function mergeNamedAsReplaced(a: VersionedObject, b: VersionedObject): VersionedObject {
  const without = (mine: VersionedObject, theirs: VersionedObject): VersionedObject => {
    const siblings = mine.siblings.filter((s) => !theirs.context.names(s.requestId))
    return siblings.length === mine.siblings.length ? mine : { ...mine, siblings }
  }
  return merge(without(a, b), without(b, a))
}

/** Puts by dots alone: the requests that the client's context names replace nothing. */
export function putUnnamedSeen(
  held: VersionedObject | undefined,
  note: Note | undefined,
  request: PutRequest,
): PutOutcome {
  const { ranges, requests } = request.seen
  const outcome = put(held, note, { ...request, seen: Context.ofCanonical(ranges) })
  return naming(outcome, Context.ofCanonical([], requests))
}

/** Puts as though the copy named no request: a repeat that was replaced is written again. */
export function putUnnamedHeld(
  held: VersionedObject | undefined,
  note: Note | undefined,
  request: PutRequest,
): PutOutcome {
  if (held === undefined) return put(held, note, request)
  const { ranges, requests } = held.context
  const outcome = put({ ...held, context: Context.ofCanonical(ranges) }, note, request)
  return naming(outcome, Context.ofCanonical([], requests))
}

function naming(outcome: PutOutcome, requests: Context): PutOutcome {
  if (outcome.kind !== 'written' && outcome.kind !== 'repeated') return outcome
  const { object } = outcome
  return { ...outcome, object: { ...object, context: object.context.join(requests) } }
}

/** Counts the machines that copies are on now, and not those that hints are for. */
export function countNow(held: readonly Holder[]): number {
  return new Set(held.map(({ on }) => on)).size
}

/** Counts the machines that copies will be on, and not those that keep them now. */
export function countLater(held: readonly Holder[]): number {
  return new Set(held.map(({ willBeOn }) => willBeOn)).size
}

/** Overlooks that a hint may be delivered to a machine that keeps another hint. */
export function countUncrossed(held: readonly Holder[]): number {
  const most = (from: number, on: readonly string[], willBeOn: readonly string[]): number => {
    const next = held[from]
    if (next === undefined) return 0
    const without = most(from + 1, on, willBeOn)
    if (on.includes(next.on) || willBeOn.includes(next.willBeOn)) return without
    return Math.max(without, 1 + most(from + 1, [...on, next.on], [...willBeOn, next.willBeOn]))
  }
  return most(0, [], [])
}

/** Remembers by the request's id alone, whatever the place of the write. */
export class RememberedIds implements Remembered {
  readonly #dots = new Map<string, Dot>()

  add(requestId: string, dot: Dot): void {
    this.#dots.set(requestId, dot)
  }

  replaced(requestId: string, object: VersionedObject | undefined): Dot | undefined {
    return object === undefined ? undefined : this.#dots.get(requestId)
  }
}
