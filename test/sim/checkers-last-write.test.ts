/** What the checkers object to where the last write wins, and what not. */
import t from 'tap'
import { checkDurability } from '../../src/sim/checkers/durability.ts'
import { checkLastWrites } from '../../src/sim/checkers/last-write.ts'
import { History } from '../../src/sim/history/history.ts'

interface Told {
  readonly at: number
  readonly isDelete?: boolean
  readonly outcome?: 'ok' | 'in-doubt'
  readonly wasRetried?: boolean
}

/** Writes of the key `last/k`, each ended 10 ms after it began. */
function story(...told: readonly Told[]): History {
  const history = new History()
  for (const { at, isDelete = false, outcome = 'ok', wasRetried = false } of told) {
    const rest = { replacesSeen: false, follows: [], deletesBelow: 0 }
    const id = history.begin({ key: 'last/k', isDelete, startedMs: at, ...rest })
    if (wasRetried) history.markRetried(id)
    history.end(id, outcome, at + 10, outcome === 'ok' ? '' : 'x')
  }
  return history
}

const isLastOnly = (key: string): boolean => key.startsWith('last/')

function judged(
  history: History,
  standing: readonly number[],
  { reaped = [], areClocksRight = true }: { reaped?: number[]; areClocksRight?: boolean } = {},
): readonly string[] {
  const final = new Map([['last/k', standing]])
  return checkDurability(history, final, new Set(reaped), { isLastOnly, areClocksRight })
}

const HIDDEN = [/^lost: last\/k no longer holds 1/]

t.test('a write may stand over all that began before it ended', async (t) => {
  t.strictSame(judged(story({ at: 0 }, { at: 100 }), [1]), [])
  t.strictSame(judged(story({ at: 0 }, { at: 25 }), [0]), [], 'both ran at one time, nearly')
})

t.test('a write must not stand over one that began after it had ended', async (t) => {
  t.match(judged(story({ at: 0 }, { at: 100 }), [0]), HIDDEN)
  const wrongClocks = { areClocksRight: false }
  t.strictSame(judged(story({ at: 0 }, { at: 100 }), [0], wrongClocks), [])
})

t.test('an attempt of a write in doubt, or sent twice, may come late', async (t) => {
  t.strictSame(judged(story({ at: 0, outcome: 'in-doubt' }, { at: 100 }), [0]), [])
  t.strictSame(judged(story({ at: 0, wasRetried: true }, { at: 100 }), [0]), [])
})

t.test('where nothing stands, a delete that went for good must be later', async (t) => {
  t.match(judged(story({ at: 0, isDelete: true }, { at: 100 }), [], { reaped: [0] }), HIDDEN)
  t.strictSame(judged(story({ at: 0 }, { at: 100, isDelete: true }), [], { reaped: [1] }), [])
  t.match(judged(story({ at: 0 }), []), [/^lost: last\/k no longer holds 0/])
  const history = story({ at: 0 }, { at: 100 }, { at: 200, isDelete: true })
  t.match(judged(history, [0], { reaped: [2] }), HIDDEN, 'what stands has come back')
})

t.test('other keys are judged by what their clients saw alone', async (t) => {
  const history = story({ at: 0 }, { at: 100 })
  t.match(checkDurability(history, new Map([['last/k', [1]]])), [
    /^lost: last\/k no longer holds 0/,
  ])
})

t.test('a key has one value, when read and in the end', async (t) => {
  const history = story({ at: 0 }, { at: 0 })
  history.read({ key: 'last/k', startedMs: 1, endedMs: 2, shown: [0, 1], code: '' })
  history.read({ key: 'k', startedMs: 1, endedMs: 2, shown: [0, 1], code: '' })
  const final = new Map([
    ['last/k', [0, 1]],
    ['k', [0, 1]],
  ])
  t.strictSame(checkLastWrites(history, final, { isLastOnly, areClocksRight: true }), [
    'not one: last/k showed 2 values at 2 ms',
    'not one: last/k holds 0 and 1',
  ])
  t.strictSame(
    checkLastWrites(story({ at: 0 }), new Map([['last/k', [0]]]), {
      isLastOnly,
      areClocksRight: true,
    }),
    [],
  )
})
