/** A request that may be repeated holds back its range; others do not for ever. */
import * as fc from 'fast-check'
import t from 'tap'
import { type Start, startId } from '../../../../src/dynamo/names.ts'
import { rangeOn } from '../../../../src/dynamo/version/context.ts'
import { type Dot, dotOn } from '../../../../src/dynamo/version/dot.ts'
import { REMEMBERED_REQUESTS_MAX } from '../../../../src/limits.ts'
import { RememberedRequests } from '../../../../src/node/replica/remembered.ts'
import { NODE_A, object, range, requestId, sibling, dot } from '../../dynamo/version/samples.ts'

const MEMORY_MS = 64_000
/** A stretch of time that is remembered as a whole. */
const STRETCH_MS = 1_000

const startAt = (index: number): Start => startId(index.toString(16).padStart(16, '0'))
const dotAt = (start: number, counter: number): Dot => {
  return dotOn({ node: NODE_A, start: startAt(start), opened: 1 }, counter)
}
const isHeld = (requests: RememberedRequests, one: Dot, nowMs: number): boolean =>
  requests.liesIn([rangeOn(one, one.counter, one.counter)], nowMs)

t.test('a dot is held back for as long as its request may be repeated', async (t) => {
  // Steps of time, some of them with a new start.
  const wait = fc.oneof(
    fc.integer({ min: 0, max: STRETCH_MS - 1 }),
    fc.integer({ min: 0, max: 30_000 }),
    fc.integer({ min: MEMORY_MS - STRETCH_MS, max: MEMORY_MS + STRETCH_MS }),
  )
  const step = fc.tuple(wait, fc.nat({ max: 9 }))
  fc.assert(
    fc.property(fc.array(step, { minLength: 1, maxLength: 60 }), (steps) => {
      const requests = new RememberedRequests(MEMORY_MS)
      const written: { one: Dot; atMs: number }[] = []
      let [nowMs, start, counter] = [0, 1, 0]
      for (const [waitMs, chance] of steps) {
        nowMs += waitMs
        if (chance === 0) [start, counter] = [start + 1, 0]
        counter += 1 + chance
        const one = dotAt(start, counter)
        requests.add(requestId(`${start}-${counter}`), one, nowMs)
        written.push({ one, atMs: nowMs })
        for (const { one, atMs } of written) {
          const ageMs = nowMs - atMs
          if (ageMs <= MEMORY_MS && !isHeld(requests, one, nowMs)) t.fail(`forgotten at ${ageMs}`)
        }
      }
      const later = nowMs + MEMORY_MS + STRETCH_MS + 1
      if (written.some(({ one }) => isHeld(requests, one, later))) t.fail('held for ever')
    }),
  )
  t.pass('no dot was forgotten too early, nor held for ever')
})

t.test('an old dot is free while new requests of its start come', async (t) => {
  const requests = new RememberedRequests(MEMORY_MS)
  for (let counter = 1; counter <= 1_000; counter++) {
    requests.add(requestId(`${counter}`), dotAt(1, counter), counter * STRETCH_MS)
  }
  const nowMs = 1_000 * STRETCH_MS
  t.notOk(isHeld(requests, dotAt(1, 1_000 - 66), nowMs))
  t.ok(isHeld(requests, dotAt(1, 1_000 - 64), nowMs))
  t.ok(requests.liesIn([range(1, 1, 2), rangeOn(dotAt(1, 1), 1, 1_000)], nowMs), 'a long range')
  t.notOk(isHeld(requests, dotAt(2, 5_000), nowMs), 'of another start')
  t.notOk(requests.liesIn([], nowMs))
})

t.test(
  'a request is known as replaced where the copy knows its dot and not its sibling',
  async (t) => {
    const requests = new RememberedRequests(MEMORY_MS)
    requests.add(requestId('a'), dot(1, 2), 0)
    const replaced = object([range(1, 1, 3)], sibling('b', dot(1, 3)))
    t.same(requests.replaced(requestId('a'), replaced), dot(1, 2))
    t.equal(requests.replaced(requestId('b'), replaced), undefined, 'not remembered')
    t.equal(requests.replaced(requestId('a'), undefined), undefined)
    const carried = object([range(1, 1, 3)], sibling('a', dot(1, 2)))
    t.equal(requests.replaced(requestId('a'), carried), undefined)
    const older = object([range(1, 3, 3)], sibling('b', dot(1, 3)))
    t.equal(requests.replaced(requestId('a'), older), undefined, 'a copy from before it')
  },
)

t.test('more requests than it may keep push out the oldest, not what they hold back', async (t) => {
  const requests = new RememberedRequests(MEMORY_MS)
  for (let counter = 1; counter <= REMEMBERED_REQUESTS_MAX + 1; counter++) {
    requests.add(requestId(`${counter}`), dotAt(1, counter), 0)
  }
  t.equal(requests.size, REMEMBERED_REQUESTS_MAX)
  t.ok(isHeld(requests, dotAt(1, 1), 0))
  const more = 2 * REMEMBERED_REQUESTS_MAX
  for (let counter = REMEMBERED_REQUESTS_MAX + 2; counter <= more; counter++) {
    requests.add(requestId(`${counter}`), dotAt(1, counter), 0)
  }
  t.equal(requests.size, REMEMBERED_REQUESTS_MAX)
  const all = object([range(1, 1, more)])
  const isKnown = (counter: number): boolean =>
    requests.replaced(requestId(`${counter}`), all) !== undefined
  t.same([isKnown(REMEMBERED_REQUESTS_MAX), isKnown(REMEMBERED_REQUESTS_MAX + 1)], [false, true])
  t.same([isKnown(1), isKnown(more)], [false, true])
})

t.test(
  'a delete that another coordinator sent is kept as long; one carried already is not',
  async (t) => {
    const requests = new RememberedRequests(MEMORY_MS)
    const tombstone = (id: string, one: Dot) => ({ ...sibling(id, one), value: undefined })
    const older = object([range(1, 1, 1)], tombstone('a', dot(1, 1)))
    const newer = object([range(1, 1, 5)], tombstone('b', dot(1, 5)))
    requests.onSent(newer, undefined, 0)
    t.ok(requests.keeps(newer, MEMORY_MS))
    t.notOk(requests.keeps(older, 0), 'it is older than what was sent')
    t.notOk(requests.liesIn(newer.context.ranges, 0), 'ranges go: their coordinator was asked')
    requests.onSent(older, older, 0)
    t.notOk(requests.keeps(older, 0), 'it is carried here, and was sent again')
    requests.onSent(older, newer, 0)
    t.ok(requests.keeps(older, 0))
    const value = object([range(1, 1, 9)], sibling('c', dot(1, 9)))
    const fresh = new RememberedRequests(MEMORY_MS)
    fresh.onSent(value, undefined, 0)
    t.notOk(fresh.keeps(value, 0), 'no delete')
  },
)
