/**
 * The rules of versions, and each of them broken.
 *
 * `RULES` is the production code. Each entry of `BROKEN` differs from it in one rule, as a
 * plausible shortcut would; the model must find the write that it loses. Production code has no
 * switches: a broken rule wraps it here.
 */
import { Context, type Range, rangeOn } from '../../src/dynamo/version/context.ts'
import { type Dot, dotOn } from '../../src/dynamo/version/dot.ts'
import { merge } from '../../src/dynamo/version/merge.ts'
import type { Note } from '../../src/dynamo/version/note.ts'
import {
  compareSiblings,
  type Sibling,
  type VersionedObject,
} from '../../src/dynamo/version/object.ts'
import {
  coveredBy,
  put,
  type PutOutcome,
  type PutRequest,
  type Written,
} from '../../src/dynamo/version/put.ts'
import type { Fault } from './oracle.ts'

export interface Rules {
  readonly put: (
    held: VersionedObject | undefined,
    note: Note | undefined,
    request: PutRequest,
  ) => PutOutcome
  readonly merge: (a: VersionedObject, b: VersionedObject) => VersionedObject
  /** What the client is answered. */
  readonly coveredBy: typeof coveredBy
  /** What may travel to the other owners in place of the whole object. */
  readonly deltaOf: (written: Written, answered: Context) => VersionedObject
  /** Whether the copy shows that a request, remembered with its dot, is written and replaced. */
  readonly isReplaced: (object: VersionedObject, requestId: string, earlier: Dot) => boolean
  /** The world's own shortcuts: what a node does around `put` and `merge`. */
  readonly isStartKept: boolean
  readonly isNoteValidAfterRestart: boolean
  readonly isNoteKeptOnDrop: boolean
  readonly isNoteCopied: boolean
  readonly isCounterPerKey: boolean
  readonly isAckBeforeSync: boolean
  readonly isUnchangedAckedAtOnce: boolean
  readonly isGrownHintDropped: boolean
  readonly isHandoffAckKept: boolean
  readonly isSentHintDropped: boolean
  readonly isOwnerCountedTwice: boolean
  readonly isNodeForMachine: boolean
  readonly isMoveUnsynced: boolean
}

export const RULES: Rules = {
  put,
  merge,
  coveredBy,
  deltaOf,
  isReplaced,
  isStartKept: false,
  isNoteValidAfterRestart: false,
  isNoteKeptOnDrop: false,
  isNoteCopied: false,
  isCounterPerKey: false,
  isAckBeforeSync: false,
  isUnchangedAckedAtOnce: false,
  isGrownHintDropped: false,
  isHandoffAckKept: false,
  isSentHintDropped: false,
  isOwnerCountedTwice: false,
  isNodeForMachine: false,
  isMoveUnsynced: false,
}

/**
 * The new sibling alone, with what the *client* is answered.
 *
 * Why not with the coordinator's context: it covers the other siblings there, which the receiver
 * may hold and no client replaced; it would drop them.
 */
function deltaOf(written: Written, answered: Context): VersionedObject {
  return { context: answered, siblings: [written.sibling] }
}

/** As `src/node/replica/remembered.ts` has it. */
function isReplaced({ context, siblings }: VersionedObject, id: string, earlier: Dot): boolean {
  return context.covers(earlier) && siblings.every(({ requestId }) => requestId !== id)
}

export interface Broken {
  /** The shortcut, in words. */
  readonly shortcut: string
  readonly rules: Rules
  /** The fault that the model must find. */
  readonly fault: Fault
  /** The seed to search from: 1, or shortly before the first that finds what is very rare. */
  readonly from: number
}

const broken = (
  shortcut: string,
  difference: Partial<Rules>,
  fault: Fault = 'lost',
  from = 1,
): Broken => ({
  shortcut,
  rules: { ...RULES, ...difference },
  fault,
  from,
})

export const BROKEN: Readonly<Record<string, Broken>> = {
  'start-kept': broken('a start goes on after a crash', { isStartKept: true }),
  'note-after-restart': broken('a note is valid in the next start', {
    isNoteValidAfterRestart: true,
  }),
  'note-after-drop': broken('a note outlives its copy', { isNoteKeptOnDrop: true }),
  'note-copied': broken('a hint is copied with its note, not moved', { isNoteCopied: true }),
  'counter-per-key': broken('each key counts for itself', { isCounterPerKey: true }),
  'learned-range': broken('a line that was only learned is continued', { put: putOnLearned }),
  'lines-joined': broken('a start has one line for all copies of a key', rewriting(joinLines)),
  vector: broken('a maximum for each start covers all below it', rewriting(flatten)),
  'delta-covers-all': broken('the new sibling travels with the coordinator’s context', {
    deltaOf: (written) => ({ context: written.object.context, siblings: [written.sibling] }),
  }),
  'last-wins': broken('a merge keeps one sibling', {
    merge: (a, b) => keepLast(merge(a, b)),
  }),
  'blind-overwrites': broken('a put without context replaces what is there', {
    put: (held, note, request) =>
      put(held, note, request.seen.isEmpty && held ? { ...request, seen: held.context } : request),
  }),
  pruned: broken(
    'a context forgets lines that no sibling stands on',
    { merge: (a, b) => prune(merge(a, b)) },
    'false-sibling',
  ),
  'retry-not-collapsed': broken(
    'attempts of one request stay apart',
    { merge: mergeApart },
    'twins',
  ),
  'ack-before-sync': broken('acknowledged before it is durable', { isAckBeforeSync: true }),
  'unchanged-acked': broken('nothing new is acknowledged without waiting for the sync', {
    isUnchangedAckedAtOnce: true,
  }),
  'hint-grown': broken('a delivered hint is dropped though it grew', { isGrownHintDropped: true }),
  'handoff-crossed': broken(
    'an old handoff still counts after its copy was given back',
    { isHandoffAckKept: true },
    'lost',
    295_000,
  ),
  'hint-sent': broken('a hint is dropped when it is sent', { isSentHintDropped: true }),
  'move-unsynced': broken(
    'the old place of a moved copy takes writes before the move is durable',
    { isMoveUnsynced: true },
    'lost',
    198_205_390_000,
  ),
  'repeat-unnamed': broken(
    'a repeat leaves no sign of the other attempts',
    {
      put: (held, note, request) => put(held, note, { ...request, isRepeat: false }),
      coveredBy: (request, outcome) => coveredBy({ ...request, isRepeat: false }, outcome),
    },
    'false-sibling',
  ),
  'repeat-unanswered': broken(
    'the answer to a repeat covers the one attempt that was found',
    { coveredBy: (request, outcome) => coveredBy({ ...request, isRepeat: false }, outcome) },
    'false-sibling',
  ),
  'repeat-merged': broken('a merge goes by dots alone', { merge: mergeByDots }, 'false-sibling'),
  'node-for-machine': broken('two nodes of one machine count as two', { isNodeForMachine: true }),
  'remembered-alone': broken(
    'what is remembered counts without the copy that has it',
    { isReplaced: () => true },
    'lost',
    185_000,
  ),
  'owner-twice': broken(
    'an owner and the hint for it count as two',
    { isOwnerCountedTwice: true },
    'lost',
    63_000,
  ),
}

/** Continues any line of the present start that the copy has heard of. */
function putOnLearned(
  held: VersionedObject | undefined,
  note: Note | undefined,
  request: PutRequest,
): PutOutcome {
  const { node, start } = request
  const heard = held?.context.ranges.findLast((r) => r.node === node && r.start === start)
  return put(held, note ?? (heard && { start, opened: heard.opened }), request)
}

/** Production code, with every object put through `rewrite` afterwards. */
function rewriting(
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
    deltaOf: (written, answered) => rewrite(deltaOf(written, answered), written.fresh),
  }
}

/** All lines of a start are one: ranges stay as they are, and join where they touch. */
function joinLines(object: VersionedObject): VersionedObject {
  const ranges = object.context.ranges.map((r) => rangeOn({ ...r, opened: 1 }, r.first, r.last))
  return {
    context: Context.ofCanonical(Context.of(ranges).ranges, object.context.requests),
    siblings: object.siblings.map(onFirstLine).sort(compareSiblings),
  }
}

/** All lines of a start are one, and are known from the first counter on. */
function flatten(object: VersionedObject): VersionedObject {
  const ranges = object.context.ranges.map((r) => rangeOn({ ...r, opened: 1 }, 1, r.last))
  return {
    context: Context.ofCanonical(Context.of(ranges).ranges, object.context.requests),
    siblings: object.siblings.map(onFirstLine).sort(compareSiblings),
  }
}

function onFirstLine(sibling: Sibling): Sibling {
  return { ...sibling, dots: sibling.dots.map((dot) => ({ ...dot, opened: 1 })) }
}

function mergeByDots(a: VersionedObject, b: VersionedObject): VersionedObject {
  const unnamed = ({ context, siblings }: VersionedObject): VersionedObject => ({
    context: Context.ofCanonical(context.ranges),
    siblings,
  })
  const { siblings } = merge(unnamed(a), unnamed(b))
  return { context: a.context.join(b.context), siblings }
}

function keepLast(object: VersionedObject): VersionedObject {
  return { context: object.context, siblings: object.siblings.slice(-1) }
}

function prune(object: VersionedObject): VersionedObject {
  const { siblings, context } = object
  const isStoodOn = (range: Range): boolean =>
    siblings.some(({ dots }) => dots.some((dot) => Context.ofCanonical([range]).covers(dot)))
  const ranges = context.ranges.filter(isStoodOn)
  return { context: Context.ofCanonical(ranges, context.requests), siblings }
}

/** Names every sibling by its dot as well while production merges, so that none collapse. */
function mergeApart(a: VersionedObject, b: VersionedObject): VersionedObject {
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
