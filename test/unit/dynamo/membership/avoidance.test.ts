/** The local notion of failure: who is avoided, asked again, and chosen. */
import t from 'tap'
import { AVOIDED_MEMBERS_MAX } from '../../../../src/limits.ts'
import { Avoidance, lateMs, SLOW_MS_MIN } from '../../../../src/dynamo/membership/avoidance.ts'
import { id, random } from './samples.ts'

/** A member that has answered 100 times in so long. */
function known(ms: number): Avoidance {
  const avoidance = new Avoidance()
  for (let i = 0; i < 100; i++) {
    avoidance.onAsked(id(1), 0)
    avoidance.onAnswered(id(1), ms, 0)
  }
  return avoidance
}

t.test('late is 4 times the p99, at least 50 ms and at most 1 s', async (t) => {
  t.equal(lateMs(undefined), 1_000)
  t.equal(lateMs(1), 50)
  t.equal(lateMs(20), 80)
  t.equal(lateMs(400), 1_000)
})

t.test('no answer in time: avoided, asked again every 250 ms, until it is heard', async (t) => {
  const avoidance = known(1)
  t.equal(avoidance.dueAt, Number.POSITIVE_INFINITY)
  avoidance.onAsked(id(1), 1_000)
  t.equal(avoidance.dueAt, 1_050)
  t.same(avoidance.onTick(1_049), [])
  t.notOk(avoidance.isAvoided(id(1)))
  t.equal(avoidance.askedAt(id(1), 1_050), 1_050, 'it is not late yet')
  t.same(avoidance.onTick(1_050), [{ id: id(1), isNew: true }])
  t.equal(avoidance.askedAt(id(1), 1_050), 1_000)
  t.ok(avoidance.isAvoided(id(1)))
  t.same(avoidance.onTick(1_299), [])
  t.same(avoidance.onTick(1_300), [{ id: id(1), isNew: false }])
  avoidance.onHeard(id(1), 1_310)
  t.equal(avoidance.askedAt(id(1), 1_320), 1_320)
  t.notOk(avoidance.isAvoided(id(1)))
  t.equal(avoidance.dueAt, 1_360, 'the question is open still')
})

t.test('a slow member is late later', async (t) => {
  const avoidance = known(100)
  avoidance.onAsked(id(1), 0)
  t.same(avoidance.onTick(399), [])
  t.ok(avoidance.dueAt <= 600, 'to the next bound of the histogram')
})

t.test('an answer to another question is a sign of life', async (t) => {
  const avoidance = known(1)
  avoidance.onAsked(id(1), 0)
  avoidance.onAsked(id(1), 40)
  avoidance.onAnswered(id(1), 5, 45)
  t.same(avoidance.onTick(94), [])
  t.match(avoidance.onTick(95), [{ id: id(1) }])
})

t.test('questions that were given up leave a member avoided until it is heard', async (t) => {
  const avoidance = known(1)
  avoidance.onAsked(id(1), 0)
  avoidance.onGivenUp(id(1))
  t.match(avoidance.onTick(50), [{ id: id(1) }])
  avoidance.onHeard(id(1), 60)
  t.equal(avoidance.dueAt, Number.POSITIVE_INFINITY, 'nothing is asked any more')
})

t.test('a closed connection counts at once, and until it is open', async (t) => {
  const avoidance = known(1)
  avoidance.onAsked(id(1), 0)
  avoidance.onClosed(id(1))
  t.ok(avoidance.isAvoided(id(1)))
  t.ok(avoidance.isClosed(id(1)))
  t.equal(avoidance.askedAt(id(1), 10), Number.NEGATIVE_INFINITY)
  t.same(avoidance.onTick(10_000), [], 'the worker connects; there is nothing to ask')
  avoidance.onConnected(id(1))
  t.notOk(avoidance.isAvoided(id(1)))
})

t.test('a time in which this process stood still makes no one late', async (t) => {
  const avoidance = known(1)
  avoidance.onAsked(id(1), 0)
  avoidance.delay(5_000)
  t.same(avoidance.onTick(5_000), [])
})

t.test('slow is not dead: the faster a member the likelier it is asked first', async (t) => {
  const avoidance = new Avoidance()
  const answered = (member: number, ms: number): void => {
    for (let i = 0; i < 100; i++) {
      avoidance.onAsked(id(member), 0)
      avoidance.onAnswered(id(member), ms, 0)
    }
  }
  answered(1, 10)
  answered(2, 90)
  answered(3, SLOW_MS_MIN / 2)
  const prng = random()
  let slowFirst = 0
  for (let i = 0; i < 10_000; i++) {
    const [one, two] = [avoidance.slownessOf(id(1), prng), avoidance.slownessOf(id(2), prng)]
    if (two < one) slowFirst += 1
    if (one < 0 || two < 0) t.fail('none is asked before one that is fast')
  }
  t.ok(slowFirst > 850 && slowFirst < 1_150, `${slowFirst} of 10,000: a tenth`)
  t.equal(avoidance.slownessOf(id(3), prng), 0)
  t.equal(avoidance.slownessOf(id(4), prng), 0, 'one of which nothing is known may be fast')
})

t.test('members are bounded, and forgotten when they are gone', async (t) => {
  const avoidance = new Avoidance()
  for (let i = 0; i < AVOIDED_MEMBERS_MAX; i++) avoidance.onClosed(id(i))
  avoidance.onClosed(id(5_000))
  avoidance.onAsked(id(5_000), 0)
  t.notOk(avoidance.isAvoided(id(5_000)))
  avoidance.forget(id(0))
  t.notOk(avoidance.isAvoided(id(0)))
  avoidance.onClosed(id(5_000))
  t.ok(avoidance.isAvoided(id(5_000)))
})
