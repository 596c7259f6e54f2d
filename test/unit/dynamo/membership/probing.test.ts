/** The probe of a node, and those for others. */
import t from 'tap'
import { RELAYS_MAX } from '../../../../src/limits.ts'
import { Prober } from '../../../../src/dynamo/membership/probing.ts'
import { id } from './samples.ts'

t.test('an answer ends the probe, and the next begins a period later', async (t) => {
  const prober = new Prober(100)
  t.notOk(prober.isIdle(99))
  t.ok(prober.isIdle(100))
  const number = prober.begin(id(1), true, 1, 100)
  t.equal(prober.dueAt, 600)
  t.equal(prober.onAck(number), 'own')
  t.equal(prober.dueAt, 1_100)
  t.notOk(prober.isIdle(1_099))
  t.equal(prober.onAck(number), undefined, 'once')
})

t.test(
  'after 500 ms helpers are asked, and at the end of the period it is unanswered',
  async (t) => {
    const prober = new Prober(0)
    const number = prober.begin(id(1), true, 1, 0)
    t.equal(prober.lateTarget(499), undefined)
    t.equal(prober.lateTarget(500), id(1))
    t.equal(prober.asking(3, 500), number)
    t.equal(prober.lateTarget(501), undefined, 'once')
    prober.onNack(number)
    prober.onNack(number + 1)
    t.equal(prober.unanswered(999), undefined)
    t.same(prober.unanswered(1_000), { target: id(1), silent: 2 })
    t.equal(prober.unanswered(1_000), undefined, 'once')
    t.ok(prober.isIdle(1_000))
  },
)

t.test('where all helpers say that they have no answer it is judged at once', async (t) => {
  const prober = new Prober(0)
  const number = prober.begin(id(1), true, 1, 0)
  prober.asking(2, 500)
  prober.onNack(number)
  t.equal(prober.unanswered(900), undefined)
  prober.onNack(number)
  t.same(prober.unanswered(900), { target: id(1), silent: 0 })
})

t.test('an answer through a helper counts', async (t) => {
  const prober = new Prober(0)
  const number = prober.begin(id(1), true, 1, 0)
  prober.asking(3, 500)
  t.equal(prober.onAck(number), 'own')
  t.equal(prober.unanswered(1_000), undefined)
})

t.test(
  'a member whose connection is closed is late at once; without helpers it is judged',
  async (t) => {
    const prober = new Prober(0)
    prober.begin(id(1), false, 1, 0)
    t.equal(prober.lateTarget(0), id(1))
    prober.asking(0, 0)
    t.same(prober.unanswered(0), { target: id(1), silent: 0 })
  },
)

t.test('ill health makes all times longer', async (t) => {
  const prober = new Prober(0)
  prober.begin(id(1), true, 4, 0)
  t.equal(prober.dueAt, 2_000)
  prober.asking(3, 2_000)
  t.equal(prober.dueAt, 4_000)
})

t.test('a stop of the process, a skipped period and haste move what is due', async (t) => {
  const prober = new Prober(0)
  prober.begin(id(1), true, 1, 0)
  prober.onAsk(id(2), 7, 0)
  prober.delay(5_000)
  t.equal(prober.dueAt, 5_400)
  prober.drop()
  prober.lateRelay(5_400)
  prober.skip(6_000)
  t.equal(prober.dueAt, 7_000)
  prober.hasten(6_100)
  t.ok(prober.isIdle(6_100))
})

t.test('a probe for another ends with the ack, or with a nack after 400 ms', async (t) => {
  const prober = new Prober(10_000)
  const first = prober.onAsk(id(2), 7, 0) as number
  const second = prober.onAsk(id(3), 8, 100) as number
  t.match(prober.onAck(second), { sender: id(3), probe: 8 })
  t.equal(prober.dueAt, 400)
  t.equal(prober.lateRelay(399), undefined)
  t.match(prober.lateRelay(400), { sender: id(2), probe: 7 })
  t.equal(prober.lateRelay(400), undefined)
  t.equal(prober.onAck(first), undefined, 'too late')
})

t.test('probes for others are bounded', async (t) => {
  const prober = new Prober(0)
  for (let i = 0; i < RELAYS_MAX; i++) t.not(prober.onAsk(id(2), i, 0), undefined)
  t.equal(prober.onAsk(id(2), 1, 0), undefined)
})
