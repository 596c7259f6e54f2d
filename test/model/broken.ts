/**
 * The rules of versions, each of them broken once.
 *
 * An entry differs from `RULES` in one rule, as a plausible shortcut would; the model must find the
 * write that it loses.
 */
import { countApart } from '../../src/dynamo/quorum/holders.ts'
import { merge } from '../../src/dynamo/version/merge.ts'
import { coveredBy, put } from '../../src/dynamo/version/put.ts'
import {
  countLater,
  countNow,
  countUncrossed,
  flatten,
  joinLines,
  keepLast,
  mergeApart,
  mergeByDots,
  mergeNamedAsReplaced,
  prune,
  putOnLearned,
  putUnnamedHeld,
  putUnnamedSeen,
  RememberedIds,
  rewriting,
} from './broken-functions.ts'
import type { Fault } from './oracle.ts'
import { RULES, type Rules } from './rules.ts'

export interface Broken {
  /** The shortcut, in words. */
  readonly shortcut: string
  readonly rules: Rules
  /** The fault that the model must find. */
  readonly fault: Fault
  /** The seed to search from: 1, or shortly before the first that finds what is rare. */
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

/** Of dots, contexts and merges. */
const VERSIONS: Readonly<Record<string, Broken>> = {
  'counter-per-key': broken('each key counts for itself', { isCounterPerKey: true }),
  'learned-range': broken('a line that was only learned is continued', { put: putOnLearned }),
  'lines-joined': broken('a start has one line for all copies of a key', rewriting(joinLines)),
  vector: broken('a maximum for each start covers all below it', rewriting(flatten)),
  'delta-covers-all': broken('the new sibling travels with the coordinator’s context', {
    deltaOf: (written) => ({ context: written.object.context, siblings: [written.sibling] }),
  }),
  'last-wins': broken('a merge keeps one sibling', { merge: (a, b) => keepLast(merge(a, b)) }),
  'blind-overwrites': broken('a put without context replaces what is there', {
    put: (held, note, request) =>
      put(held, note, request.seen.isEmpty && held ? { ...request, seen: held.context } : request),
  }),
  pruned: broken(
    'a context forgets lines that no sibling stands on',
    { merge: (a, b) => prune(merge(a, b)) },
    'false-sibling',
  ),
}

/** Of starts and notes: which line a copy may continue. */
const LINES: Readonly<Record<string, Broken>> = {
  'start-kept': broken('a start goes on after a crash', { isStartKept: true }),
  'start-when-emptied': broken('a start goes on after the disk was emptied', {
    isStartKeptWhenEmptied: true,
  }),
  'line-when-mended': broken(
    'a mended copy goes on in the line of the rotten one',
    {
      isLineKeptWhenMended: true,
    },
    'lost',
    26_000,
  ),
  'note-after-restart': broken('a note is valid in the next start', {
    isNoteValidAfterRestart: true,
  }),
  'note-after-drop': broken('a note outlives its copy', { isNoteKeptOnDrop: true }, 'lost', 17_000),
  'note-copied': broken('a hint is copied with its note, not moved', { isNoteCopied: true }),
  'note-delivered': broken('a note travels with a hint', { isNoteDelivered: true }),
  'note-per-key': broken('the copies of a key on a node have one note', {
    isNoteForAllPlaces: true,
  }),
}

/** Of requests that are sent more than once. */
const REPEATS: Readonly<Record<string, Broken>> = {
  'retry-not-collapsed': broken(
    'attempts of one request stay apart',
    { merge: mergeApart },
    'twins',
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
  'named-carried': broken('a named request counts as replaced where it is carried', {
    merge: mergeNamedAsReplaced,
  }),
  'named-unseen': broken(
    'a put replaces the dots that its client saw, not the requests',
    { put: putUnnamedSeen },
    'false-sibling',
  ),
  'named-written': broken(
    'a named request that was replaced is written again',
    { put: putUnnamedHeld },
    'false-sibling',
  ),
  'remembered-alone': broken('a request is remembered by its id, whatever the place', {
    newRemembered: () => new RememberedIds(),
  }),
}

/** Of copies that count. */
const HOLDERS: Readonly<Record<string, Broken>> = {
  'ack-before-sync': broken('acknowledged before it is durable', { isAckBeforeSync: true }),
  'unchanged-acked': broken('nothing new is acknowledged without waiting for the sync', {
    isUnchangedAckedAtOnce: true,
  }),
  'node-for-machine': broken('two nodes of one machine count as two', {
    countApart: (held) =>
      countApart(held.map(({ node, member }) => ({ on: `${node}`, willBeOn: `${member}` }))),
  }),
  'owner-twice': broken('an owner and the hint for it count as two', { countApart: countNow }),
  'hints-together': broken('two hints on one machine count as two', { countApart: countLater }),
  'hints-crossed': broken('a hint counts beside one on the machine that it is for', {
    countApart: countUncrossed,
  }),
  'fallback-is-owner': broken('a fallback keeps what it coordinates as its own copy', {
    isFallbackItsOwnOwner: true,
  }),
}

/** Of hints that go. */
const HANDOFFS: Readonly<Record<string, Broken>> = {
  'hint-sent': broken('a hint is dropped when it is sent', { isSentHintDropped: true }),
  'hint-unsynced': broken('a hint is dropped before it is durable where it went', {
    isHandoffAckedUnsynced: true,
  }),
  'hint-grown': broken('a delivered hint is dropped though it grew', { isGrownHintDropped: true }),
  'hint-unchanged': broken(
    'a write that changes nothing does not keep the hint',
    {
      isUnchangedNotAccepted: true,
    },
    'lost',
    20_000,
  ),
  'hint-outdated': broken(
    'an earlier delivery still removes the hint',
    {
      isOldDeliveryCounted: true,
    },
    'lost',
    12_000,
  ),
  'handoff-crossed': broken(
    'an old handoff still counts after its copy was given back',
    {
      isSameHintDropped: true,
    },
    'lost',
    20_000,
  ),
  'hint-to-one': broken(
    'a hint for a former owner goes to one of the owners',
    {
      isDeliveredToOne: true,
    },
    'lost',
    38_000,
  ),
  'move-unsynced': broken(
    'the old place of a moved copy takes writes before the move is durable',
    {
      isMoveUnsynced: true,
    },
    'lost',
    30_000,
  ),
}

/** Of answers that count. */
const GETS: Readonly<Record<string, Broken>> = {
  'nothing-counted': broken(
    'a fallback counts towards R without a hint',
    { isFallbackCounted: true },
    'missed',
  ),
  'emptied-counted': broken(
    'an emptied owner counts towards R at once',
    { isEmptiedCounted: true },
    'missed',
  ),
  'rebuilt-from-one': broken(
    'an emptied owner counts after it read one other',
    { isRebuiltFromOne: true },
    'missed',
  ),
  'rot-ignored': broken(
    'a rotten copy is taken for none and written over',
    { isRotIgnored: true },
    'missed',
  ),
}

export const BROKEN: Readonly<Record<string, Broken>> = {
  ...VERSIONS,
  ...LINES,
  ...REPEATS,
  ...HOLDERS,
  ...HANDOFFS,
  ...GETS,
}
