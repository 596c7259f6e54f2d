/** How long a suspicion lasts. */
import t from 'tap'
import { leastMs, Suspicion, timeoutMs } from '../../../../src/dynamo/membership/suspicion.ts'
import { id } from './samples.ts'

t.test('the least time grows with the logarithm of the members', async (t) => {
  t.equal(leastMs(3), 3_000)
  t.equal(leastMs(10), 3_000)
  t.equal(leastMs(100), 6_000)
  t.equal(leastMs(1_000), 9_000)
})

t.test('confirmations shorten the time, from 6 times the least to the least', async (t) => {
  t.equal(timeoutMs(6_000, 0, 3), 36_000)
  t.equal(timeoutMs(6_000, 1, 3), 21_000)
  t.equal(timeoutMs(6_000, 3, 3), 6_000)
  t.equal(timeoutMs(3_000, 0, 0), 3_000, 'no one can confirm')
})

t.test('each witness counts once, and no more than are needed', async (t) => {
  const suspicion = new Suspicion(0, id(1), 100, 1_000)
  t.equal(suspicion.dueAt, 37_000)
  t.notOk(suspicion.confirm(id(1)))
  t.ok(suspicion.confirm(id(2)))
  t.notOk(suspicion.confirm(id(2)))
  t.equal(suspicion.dueAt, 22_000)
  t.ok(suspicion.confirm(id(3)))
  t.ok(suspicion.confirm(id(4)))
  t.equal(suspicion.dueAt, 7_000)
  t.notOk(suspicion.confirm(id(5)))
  t.same(suspicion.witnesses, [id(1), id(2), id(3), id(4)])
})

t.test('in a cluster of two or three fewer can confirm', async (t) => {
  t.equal(new Suspicion(0, id(1), 2, 0).dueAt, 3_000)
  const three = new Suspicion(0, id(1), 3, 0)
  t.equal(three.dueAt, 18_000)
  t.ok(three.confirm(id(2)))
  t.equal(three.dueAt, 3_000)
})

t.test('the suspect is asked a last time before it is dead', async (t) => {
  const suspicion = new Suspicion(0, id(1), 2, 0)
  t.equal(suspicion.onDue(500, 3_000), 'ask')
  t.equal(suspicion.dueAt, 3_500)
  t.equal(suspicion.onDue(500, 3_500), 'dead')
})

t.test(
  'what comes from the suspect begins the time anew, and is answered once a period',
  async (t) => {
    const suspicion = new Suspicion(0, id(1), 2, 0)
    suspicion.onDue(500, 3_000)
    t.ok(suspicion.onHeard(3_200))
    t.equal(suspicion.dueAt, 6_200)
    t.notOk(suspicion.onHeard(3_300))
    t.ok(suspicion.onHeard(4_200))
  },
)

t.test('a time in which nothing could be heard does not count', async (t) => {
  const suspicion = new Suspicion(0, id(1), 2, 0)
  suspicion.delay(10_000)
  t.equal(suspicion.dueAt, 13_000)
  suspicion.onDue(500, 13_000)
  suspicion.delay(1_000)
  t.equal(suspicion.dueAt, 14_500)
})
