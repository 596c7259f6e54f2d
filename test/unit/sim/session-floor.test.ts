/** What a session's get must show, where writes replaced what they found. */
import t from 'tap'
import { SessionFloor } from '../../../src/sim/checkers/session-floor.ts'
import { History, type WriteEvent } from '../../../src/sim/history/history.ts'

const KEY = 'b/k'

/** A session has put one write; other clients begin writes before it and after. */
class Bench {
  readonly history = new History()
  readonly floor = new SessionFloor(this.history)

  begin(event: Partial<WriteEvent> = {}): number {
    const none = { key: KEY, isDelete: false, replacesSeen: false, follows: [], deletesBelow: 0 }
    return this.history.begin({ ...none, startedMs: 0, ...event })
  }

  /** What the session's get misses that shows this write. */
  missed(shown: number): readonly number[] {
    return this.floor.onGet(KEY, [shown], 0, false)
  }
}

t.test('a get shows what the session has put, or what follows it', async (t) => {
  const bench = new Bench()
  const older = bench.begin()
  const put = bench.begin()
  bench.floor.onPut(KEY, put)
  t.strictSame(bench.missed(bench.begin({ follows: [older] })), [put])
  t.strictSame(bench.missed(bench.begin({ follows: [put] })), [])
})

t.test('a write that replaced what it found may have found it, though it is older', async (t) => {
  const bench = new Bench()
  const older = bench.begin({ replacesSeen: true, isReadByNode: true })
  const put = bench.begin()
  bench.floor.onPut(KEY, put)
  const next = bench.begin({ follows: [older] })
  t.strictSame(bench.missed(next), [])
  t.strictSame(bench.missed(bench.begin({ follows: [next] })), [], 'nor the next one')
})

t.test('so may a delete whose tombstone the client of a write was shown', async (t) => {
  for (const replacesSeen of [true, false]) {
    const bench = new Bench()
    const deleted = bench.begin({ isDelete: true, replacesSeen })
    const put = bench.begin()
    bench.floor.onPut(KEY, put)
    const next = bench.begin({ deletesBelow: deleted + 1 })
    t.strictSame(bench.missed(next), replacesSeen ? [] : [put])
  }
})
