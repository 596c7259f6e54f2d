/**
 * The checkers object to what is wrong and to nothing else: each is fed both.
 *
 * A history is written down as a story: writes by number, what each follows, how it ended.
 */
import t from 'tap'
import { checkCausality } from '../../src/sim/checkers/causality.ts'
import { checkDurability } from '../../src/sim/checkers/durability.ts'
import { SENTENCES_MAX } from '../../src/sim/checkers/findings.ts'
import { checkLiveness } from '../../src/sim/checkers/liveness.ts'
import { History, idOf, valueOf, type WriteEvent } from '../../src/sim/history/history.ts'

interface Told {
  readonly key?: string
  readonly follows?: readonly number[]
  readonly deletesBelow?: number
  readonly isDelete?: boolean
  readonly replacesSeen?: boolean
  readonly outcome?: 'ok' | 'refused' | 'in-doubt' | 'open'
  readonly at?: number
  readonly took?: number
  readonly wasRetried?: boolean
}

/** Writes 0, 1, 2, … as told; each is acknowledged in a millisecond unless told otherwise. */
function story(...told: readonly Told[]): History {
  const history = new History()
  told.forEach((one, i) => {
    const startedMs = one.at ?? 10 * i
    const id = history.begin({
      key: one.key ?? 'k',
      isDelete: one.isDelete ?? false,
      replacesSeen: one.replacesSeen ?? false,
      follows: one.follows ?? [],
      deletesBelow: one.deletesBelow ?? 0,
      startedMs,
    })
    if (one.wasRetried === true) history.markRetried(id)
    const outcome = one.outcome ?? 'ok'
    if (outcome !== 'open')
      history.end(id, outcome, startedMs + (one.took ?? 1), outcome === 'ok' ? '' : 'x')
  })
  return history
}

function writing(startedMs: number): WriteEvent {
  const told = { key: 'k', isDelete: false, replacesSeen: false, follows: [], deletesBelow: 0 }
  return { ...told, startedMs }
}

function final(...ids: readonly number[]): ReadonlyMap<string, readonly number[]> {
  return new Map([['k', ids]])
}

function show(history: History, shown: readonly number[] | undefined, at = 100, key = 'k'): void {
  history.read({ key, startedMs: at, endedMs: at + 1, shown, code: shown === undefined ? 'x' : '' })
}

t.test('a chain of updates accounts for all of them', async (t) => {
  const history = story({}, { follows: [0] }, { follows: [1] })
  t.strictSame(checkDurability(history, final(2)), [])
})

t.test('dropped: an acknowledged write that nothing leads to is lost', async (t) => {
  t.match(checkDurability(story({}, {}), final(1)), [/^lost: k no longer holds 0/])
  t.match(checkDurability(story({}), final()), [/^lost/])
  t.match(
    checkDurability(story({}, {}), new Map()),
    [/^unread: k was not read in the end/],
    'once a key',
  )
  const across = story({ key: 'a' }, { key: 'k' })
  const both = new Map([...final(1), ['a', []]])
  t.match(checkDurability(across, both), [/^lost: a /], 'another key accounts for nothing')
})

t.test('a write that saw a sibling does not account for the other', async (t) => {
  const history = story({}, {}, { follows: [1] })
  t.strictSame(checkDurability(history, final(0, 2)), [])
  t.match(checkDurability(history, final(2)), [/^lost: k no longer holds 0/])
})

t.test('a refused or doubtful write may be missing', async (t) => {
  const history = story({ outcome: 'refused' }, { outcome: 'in-doubt' }, { outcome: 'open' }, {})
  t.strictSame(checkDurability(history, final(3)), [])
})

t.test('a doubtful write may appear, and accounts for the writes that it followed', async (t) => {
  const history = story({}, { follows: [0], outcome: 'in-doubt' })
  t.strictSame(checkDurability(history, final(1)), [])
  t.strictSame(checkDurability(history, final(0)), [])
})

t.test('Q5: what was refused must never appear', async (t) => {
  const history = story({ outcome: 'refused' }, {})
  t.match(checkDurability(history, final(0, 1)), [/^refused and kept: k holds 0/])
  show(history, [0])
  t.match(checkCausality(history), [/^refused and seen: k showed 0, refused as x/])
  const early = new History()
  const id = early.begin(writing(0))
  show(early, [id], 1)
  early.end(id, 'refused', 2, 'x')
  t.match(checkCausality(early), [/^refused and seen/], 'also before its client was told')
  const deleted = story({}, { follows: [0], isDelete: true, outcome: 'refused' })
  t.match(checkDurability(deleted, final(0, 1)), [/^refused and kept: k holds 1/, /^came back/])
})

t.test('a read shows only what had begun when it ended', async (t) => {
  const history = story({ at: 101 }, { at: 102 })
  show(history, [0], 100)
  t.strictSame(checkCausality(history), [], 'while the read went on')
  show(history, [1], 100)
  t.match(checkCausality(history), [/^early: k showed 1 before/])
})

t.test('changed or phantom: a value that no client wrote there', async (t) => {
  t.match(checkDurability(story({}), final(0, 7)), [/^phantom: k holds 7/])
  t.match(checkDurability(story({}), final(0, -1)), [/^phantom/])
  const other = story({ key: 'a' }, {})
  t.match(checkDurability(other, new Map([['k', [0, 1]]])), [/^phantom: k holds 0/])
  const history = story({}, { key: 'a' }, { isDelete: true })
  for (const id of [-1, 7, 1, 2, 2 ** 32, 0]) show(history, [id])
  const found = checkCausality(history)
  t.equal(found.length, 5, 'no write, not yet, elsewhere, a delete, and nothing that is a number')
  for (const sentence of found) t.match(sentence, /^phantom: k showed/)
  t.equal(idOf(valueOf(31, 20)), 31)
  t.equal(idOf(valueOf(31, 2)), 31)
  t.equal(idOf(valueOf(31, 20).replace('f', 'g')), -1)
  t.equal(idOf(`${valueOf(31, 20)}g`), -1)
  t.equal(idOf(''), -1)
})

t.test('T1: what was replaced must not come back', async (t) => {
  const history = story({}, { follows: [0] })
  t.match(checkDurability(history, final(0, 1)), [/^came back: k holds 0/])
  const deleted = story({}, { follows: [0], isDelete: true })
  t.strictSame(checkDurability(deleted, final(1)), [], 'a tombstone stands for its delete')
  t.match(checkDurability(deleted, final(0, 1)), [/^came back/])
})

t.test('a write in doubt is owed once a repeat of it was acknowledged', async (t) => {
  const history = story({ outcome: 'in-doubt' }, {})
  t.strictSame(checkDurability(history, final(1)), [])
  history.acknowledge(0)
  t.equal(history.acknowledged, 2)
  t.match(checkDurability(history, final(1)), [/^lost: k no longer holds 0/])
  history.acknowledge(0)
  t.equal(history.acknowledged, 2, 'once')
})

t.test('a write that was retried may surface once more', async (t) => {
  const history = story({ wasRetried: true }, { follows: [0] })
  t.strictSame(checkDurability(history, final(0, 1)), [])
})

t.test('a put after a tombstone accounts for the deletes that it may be of', async (t) => {
  const history = story({}, { follows: [0], isDelete: true }, { deletesBelow: 2 })
  t.strictSame(checkDurability(history, final(2)), [])
  const later = story({ isDelete: true }, { isDelete: true }, { deletesBelow: 1 })
  t.match(checkDurability(later, final(2)), [/^lost: k no longer holds 1/], 'of no later one')
  const elsewhere = story({ key: 'a', isDelete: true }, { deletesBelow: 1 })
  t.match(
    checkDurability(
      elsewhere,
      new Map([
        ['a', []],
        ['k', [1]],
      ]),
    ),
    [/^lost: a /],
  )
})

// What went wrong (seed 107): a delete that was refused stood among those that a later put may have
// followed, and what it would have replaced was said to have come back.
t.test('a delete that may have been followed proves nothing to be replaced', async (t) => {
  const history = story(
    {},
    { follows: [0], isDelete: true, outcome: 'refused' },
    { deletesBelow: 2 },
  )
  t.strictSame(checkDurability(history, final(0, 2)), [])
})

t.test('a put in doubt that a node read for may have replaced anything', async (t) => {
  const late = (isReadByNode: boolean): History => {
    const history = new History()
    const event = { ...writing(0), replacesSeen: true, isReadByNode }
    history.end(history.begin(event), 'in-doubt', 5, 'x')
    history.end(history.begin(writing(10)), 'ok', 11)
    return history
  }
  t.strictSame(checkDurability(late(true), final(0)), [])
  t.match(checkDurability(late(false), final(0)), [/^lost: k no longer holds 1/])
})

t.test('a put that replaced what its coordinator saw accounts for what had begun', async (t) => {
  const seen = { replacesSeen: true, at: 100 }
  t.strictSame(checkDurability(story({}, {}, seen), final(2)), [])
  t.match(checkDurability(story(seen, { at: 500 }), final(0)), [/^lost: k no longer holds 1/])
  const lost = story({}, seen)
  t.equal(checkDurability(lost, final()).length, 2, 'but only while it is there itself')
})

// A put of all seen reads once, before its first attempt. An attempt that arrives after its client
// gave up replaces the siblings of that read, and nothing that was written since.
t.test('a late attempt of a put of all seen accounts for nothing newer', async (t) => {
  const late = { replacesSeen: true, outcome: 'in-doubt', wasRetried: true, took: 50 } as const
  const history = story({ at: 0 }, { ...late, at: 10 }, { at: 55 }, { at: 70 })
  t.match(checkDurability(history, final(1)), [/^lost: k no longer holds 3/])
  const open = story({ ...late, outcome: 'open' }, { at: 500 })
  t.strictSame(checkDurability(open, final(0)), [], 'but one that goes on may see what comes')
})

t.test('duplicated: one write shown as two siblings', async (t) => {
  const history = story({}, {})
  show(history, [0, 0])
  t.match(checkCausality(history), [/^twice: k showed 0 as two siblings/])
  const retried = story({ wasRetried: true })
  show(retried, [0, 0])
  t.strictSame(checkCausality(retried), [])
  const beside = story({ wasRetried: true }, {})
  show(beside, [0, 0, 1])
  t.strictSame(checkCausality(beside), [], 'whatever stands beside it')
  show(beside, [0, 1, 1])
  t.match(checkCausality(beside), [/^twice: k showed 1/])
})

t.test('a value beside the write that replaced it', async (t) => {
  const history = story({}, { follows: [0] }, {})
  show(history, [1, 2])
  show(history, [0, 2])
  t.strictSame(checkCausality(history), [], 'either is fine')
  show(history, [0, 1])
  t.match(checkCausality(history), [/^side by side: k showed 0 beside 1/])
})

t.test('a write that never ended, and one that ended late', async (t) => {
  const bounds = { deadlineMs: 100, graceMs: 10, quietMs: 1_000 }
  t.match(checkLiveness(story({ outcome: 'open' }), bounds), [/^no answer: write 0/])
  t.match(checkLiveness(story({ took: 111 }), bounds), [/^late: write 0 of k took 111 ms/])
  t.strictSame(checkLiveness(story({ took: 110 }), bounds), [])
  t.strictSame(checkLiveness(story({ outcome: 'in-doubt', took: 100 }), bounds), [])
})

t.test('in quiet nothing may fail, in chaos anything may', async (t) => {
  const bounds = { deadlineMs: 100, graceMs: 10, quietMs: 1_000 }
  const chaos = story({ outcome: 'refused', at: 999 })
  show(chaos, undefined, 500)
  t.strictSame(checkLiveness(chaos, bounds), [])
  const quiet = story({ outcome: 'refused', at: 1_001 })
  show(quiet, undefined, 1_001)
  const found = checkLiveness(quiet, bounds)
  t.match(found, [/^not live: write 0 of k failed in quiet/, /^not live: a read of k failed/])
})

t.test('a read that took too long', async (t) => {
  const history = story({})
  history.read({ key: 'k', startedMs: 0, endedMs: 500, shown: [0], code: '' })
  const bounds = { deadlineMs: 100, graceMs: 10, quietMs: 1_000 }
  t.match(checkLiveness(history, bounds), [/^late: a read of k took 500 ms/])
})

t.test('a long chain is judged in linear time and without recursion', async (t) => {
  const count = 200_000
  const history = new History()
  for (let i = 0; i < count; i++) {
    history.end(history.begin({ ...writing(i), follows: i === 0 ? [] : [i - 1] }), 'ok', i)
  }
  t.strictSame(checkDurability(history, final(count - 1)), [])
  t.equal(checkDurability(history, final(count - 2)).length, 1)
})

t.test('many deletes that a tombstone may be of are walked once', async (t) => {
  const count = 200_000
  const history = new History()
  for (let i = 0; i < count; i++) {
    const event = { ...writing(i), isDelete: true, follows: i === 0 ? [] : [i - 1] }
    history.end(history.begin({ ...event, deletesBelow: i }), 'ok', i)
  }
  t.strictSame(checkDurability(history, final(count - 1)), [])
})

t.test('a checker keeps a bounded number of sentences', async (t) => {
  const history = story(...Array.from({ length: SENTENCES_MAX + 7 }, () => ({})))
  const found = checkDurability(history, final())
  t.equal(found.length, SENTENCES_MAX + 1)
  t.equal(found.at(-1), 'and more: 7 sentences were left out')
})

t.test('a history returns what was recorded, row by row', async (t) => {
  const history = story({ follows: [7, 8], deletesBelow: 3 }, { outcome: 'refused' }, { key: 'a' })
  for (let i = 0; i < 5_000; i++) history.begin(writing(i))
  const { writes, reads, keys } = history
  t.strictSame(writes.follows.of(0), [7, 8])
  t.strictSame(writes.follows.of(1), [])
  t.equal(writes.deletesBelow(0), 3)
  t.strictSame([writes.outcome(0), writes.code(0), writes.endedMs(0)], ['ok', '', 1])
  t.strictSame([writes.outcome(1), writes.code(1), writes.endedMs(1)], ['refused', 'x', 11])
  t.strictSame([keys.at(writes.key(2)), writes.startedMs(2)], ['a', 20])
  t.strictSame([writes.outcome(4_000), writes.endedMs(4_000)], ['open', Number.NaN])
  t.strictSame([writes.length, history.open, history.acknowledged], [5_003, 5_000, 2])
  show(history, undefined)
  show(history, [1, 2])
  t.strictSame([reads.hasFailed(0), reads.code(0), reads.shown.of(0)], [true, 'x', []])
  t.strictSame([reads.hasFailed(1), reads.code(1), reads.shown.of(1)], [false, '', [1, 2]])
})
