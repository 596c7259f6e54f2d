/** Which dots are recent: out of order, and of more starts than are kept. */
import t from 'tap'
import { type Start, startId } from '../../../../src/dynamo/names.ts'
import { rangeOn } from '../../../../src/dynamo/version/context.ts'
import { type Dot, dotOn } from '../../../../src/dynamo/version/dot.ts'
import { RECENT_STARTS_MAX } from '../../../../src/limits.ts'
import { RecentDots } from '../../../../src/node/replica/recent-dots.ts'
import { NODE_A } from '../../dynamo/version/samples.ts'

const MEMORY_MS = 64_000
/** A stretch of time that is kept as one. */
const STRETCH_MS = 1_000

const startAt = (index: number): Start => startId(index.toString(16).padStart(16, '0'))
const dotAt = (start: number, counter: number): Dot => {
  return dotOn({ node: NODE_A, start: startAt(start), opened: 1 }, counter)
}
const isRecent = (dots: RecentDots, one: Dot, nowMs: number): boolean =>
  dots.liesIn([rangeOn(one, one.counter, one.counter)], nowMs)

t.test('a dot that comes after a later one of its start is recent too', async (t) => {
  const dots = new RecentDots(MEMORY_MS)
  dots.add(dotAt(1, 9), 0)
  dots.add(dotAt(1, 5), STRETCH_MS / 2)
  dots.add(dotAt(1, 3), STRETCH_MS)
  t.ok(isRecent(dots, dotAt(1, 5), MEMORY_MS))
  t.notOk(isRecent(dots, dotAt(1, 2), MEMORY_MS))
  t.ok(isRecent(dots, dotAt(1, 3), MEMORY_MS + 2 * STRETCH_MS))
  t.notOk(isRecent(dots, dotAt(1, 9), MEMORY_MS + 2 * STRETCH_MS + 1))
})

t.test('of more starts than are kept each dot is recent, for a time', async (t) => {
  const dots = new RecentDots(MEMORY_MS)
  for (let start = 0; start < RECENT_STARTS_MAX; start++) dots.add(dotAt(start, 2), 0)
  t.notOk(isRecent(dots, dotAt(0, 1), 0))
  dots.add(dotAt(RECENT_STARTS_MAX, 2), 10)
  t.ok(isRecent(dots, dotAt(RECENT_STARTS_MAX, 2), 10 + MEMORY_MS))
  t.ok(isRecent(dots, dotAt(0, 1), 10), 'also what no one wrote')
  t.notOk(dots.liesIn([], 10))
  const laterMs = 20 + MEMORY_MS + STRETCH_MS
  t.notOk(isRecent(dots, dotAt(0, 2), laterMs))
  dots.add(dotAt(RECENT_STARTS_MAX + 1, 2), laterMs)
  t.ok(isRecent(dots, dotAt(RECENT_STARTS_MAX + 1, 2), laterMs), 'there is room again')
  t.notOk(isRecent(dots, dotAt(0, 2), laterMs))
})
