/**
 * The checkers object to what is wrong and to nothing else: each is fed both.
 *
 * A history is written down as a story: writes by number, what each follows, how it ended.
 */
import t from 'tap'
import { checkCausality } from '../../src/sim/checkers/causality.ts'
import { checkDurability } from '../../src/sim/checkers/durability.ts'
import { checkLiveness } from '../../src/sim/checkers/liveness.ts'
import { History, idOf, valueOf, type WriteEvent } from '../../src/sim/history.ts'

interface Told {
  readonly key?: string
  readonly follows?: readonly number[]
  readonly mayFollow?: readonly number[]
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
    const write = history.begin({
      key: one.key ?? 'k',
      isDelete: one.isDelete ?? false,
      replacesSeen: one.replacesSeen ?? false,
      follows: one.follows ?? [],
      mayFollow: one.mayFollow ?? [],
      startedMs,
    })
    write.wasRetried = one.wasRetried ?? false
    const outcome = one.outcome ?? 'ok'
    if (outcome !== 'open') history.end(write, outcome, startedMs + (one.took ?? 1), '')
  })
  return history
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
  t.match(checkDurability(story({}), new Map()), [/^lost/], 'of a key that nobody looked at')
  const across = story({ key: 'a' }, { key: 'k' })
  t.match(checkDurability(across, final(1)), [/^lost: a /], 'another key accounts for nothing')
})

t.test('a write that saw a sibling does not account for the other', async (t) => {
  const history = story({}, {}, { follows: [1] })
  t.strictSame(checkDurability(history, final(0, 2)), [])
  t.match(checkDurability(history, final(2)), [/^lost: k no longer holds 0/])
})

t.test('what was refused or in doubt may be missing', async (t) => {
  const history = story({ outcome: 'refused' }, { outcome: 'in-doubt' }, { outcome: 'open' }, {})
  t.strictSame(checkDurability(history, final(3)), [])
})

t.test('what was in doubt may appear, and account for what it followed', async (t) => {
  const history = story({}, { follows: [0], outcome: 'in-doubt' })
  t.strictSame(checkDurability(history, final(1)), [])
  t.strictSame(checkDurability(history, final(0)), [])
})

t.test('Q5: what was refused must never appear', async (t) => {
  const history = story({ outcome: 'refused' }, {})
  t.match(checkDurability(history, final(0, 1)), [/^refused and kept: k holds 0/])
  show(history, [0])
  t.match(history.violations, [/^refused and seen: k showed 0/])
})

t.test('changed or phantom: a value that nobody wrote there', async (t) => {
  t.match(checkDurability(story({}), final(0, 7)), [/^phantom: k holds 7/])
  t.match(checkDurability(story({}), final(0, -1)), [/^phantom/])
  const other = story({ key: 'a' }, {})
  t.match(checkDurability(other, new Map([['k', [0, 1]]])), [/^phantom: k holds 0/])
  const history = story({}, { key: 'a' }, { isDelete: true })
  for (const id of [-1, 7, 1, 2]) show(history, [id])
  t.equal(history.violations.length, 4, 'nobody, not yet, elsewhere, and a delete')
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

t.test('a write that was retried may surface once more', async (t) => {
  const history = story({ wasRetried: true }, { follows: [0] })
  t.strictSame(checkDurability(history, final(0, 1)), [])
})

t.test('a put after a tombstone accounts for the deletes that it may be of', async (t) => {
  const history = story({}, { follows: [0], isDelete: true }, { mayFollow: [1] })
  t.strictSame(checkDurability(history, final(2)), [])
})

// What went wrong (seed 107): a delete that was refused stood among those that a later put may have
// followed, and what it would have replaced was said to have come back.
t.test('a delete that may have been followed proves nothing to be replaced', async (t) => {
  const history = story(
    {},
    { follows: [0], isDelete: true, outcome: 'refused' },
    { mayFollow: [1] },
  )
  t.strictSame(checkDurability(history, final(0, 2)), [])
})

t.test('a put that replaced what its coordinator saw accounts for what had begun', async (t) => {
  const seen = { replacesSeen: true, at: 100 }
  t.strictSame(checkDurability(story({}, {}, seen), final(2)), [])
  t.match(checkDurability(story(seen, { at: 500 }), final(0)), [/^lost: k no longer holds 1/])
  const lost = story({}, seen)
  t.equal(checkDurability(lost, final()).length, 2, 'but only while it is there itself')
})

t.test('duplicated: one write shown as two siblings', async (t) => {
  const history = story({}, {})
  show(history, [0, 0])
  t.match(checkCausality(history), [/^twice: k showed one write as two/])
  const retried = story({ wasRetried: true })
  show(retried, [0, 0])
  t.strictSame(checkCausality(retried), [])
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
  t.match(checkLiveness(story({ took: 111 }), bounds), [/^late: write 0 took 111 ms/])
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
  t.match(found, [/^not live: write 0 failed in quiet/, /^not live: a read of k failed/])
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
    const follows = i === 0 ? [] : [i - 1]
    const told = { key: 'k', isDelete: false, replacesSeen: false, follows, mayFollow: [] }
    const write: WriteEvent = history.begin({ ...told, startedMs: i })
    history.end(write, 'ok', i)
  }
  t.strictSame(checkDurability(history, final(count - 1)), [])
  t.equal(checkDurability(history, final(count - 2)).length, 1)
})
