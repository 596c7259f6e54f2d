/** The probe of a node, and those for others. */
import t from 'tap'
import { RELAYS_MAX } from '../../../../src/limits.ts'
import { HASTENED_MAX, Prober } from '../../../../src/dynamo/membership/probing.ts'
import { id } from './samples.ts'

t.test('an answer ends the probe, and the next begins a period later', async (t) => {
  const prober = new Prober(100)
  t.notOk(prober.isIdle(99))
  t.ok(prober.isIdle(100))
  const number = prober.begin(id(1), 100, 1, 100)
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
    const number = prober.begin(id(1), 0, 1, 0)
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
  const number = prober.begin(id(1), 0, 1, 0)
  prober.asking(2, 500)
  prober.onNack(number)
  t.equal(prober.unanswered(900), undefined)
  prober.onNack(number)
  t.same(prober.unanswered(900), { target: id(1), silent: 0 })
})

t.test('an answer through a helper counts', async (t) => {
  const prober = new Prober(0)
  const number = prober.begin(id(1), 0, 1, 0)
  prober.asking(3, 500)
  t.equal(prober.onAck(number), 'own')
  t.equal(prober.unanswered(1_000), undefined)
})

t.test(
  'a member whose connection is closed is late at once; without helpers it is judged',
  async (t) => {
    const prober = new Prober(0)
    prober.begin(id(1), Number.NEGATIVE_INFINITY, 1, 0)
    t.equal(prober.lateTarget(0), id(1))
    prober.asking(0, 0)
    t.same(prober.unanswered(0), { target: id(1), silent: 0 })
  },
)

t.test('ill health makes all times longer', async (t) => {
  const prober = new Prober(0)
  prober.begin(id(1), 0, 4, 0)
  t.equal(prober.dueAt, 2_000)
  prober.asking(3, 2_000)
  t.equal(prober.dueAt, 4_000)
})

t.test('a member that is late already has the rest of its 500 ms, and no more', async (t) => {
  const prober = new Prober(0)
  prober.begin(id(1), 1_950, 1, 2_000)
  t.equal(prober.dueAt, 2_450)
  prober.drop()
  prober.begin(id(1), 1_000, 1, 2_000)
  t.equal(prober.lateTarget(2_000), id(1))
  prober.asking(3, 2_000)
  t.equal(prober.dueAt, 2_500, 'helpers have their time all the same')
  prober.drop()
  prober.begin(id(1), 1_000, 4, 2_000)
  t.equal(prober.dueAt, 3_000, 'ill health waits longer')
})

t.test('a target that begins to be late while it is probed is judged the sooner', async (t) => {
  const prober = new Prober(0)
  prober.begin(id(1), 1_000, 1, 1_000)
  t.notOk(prober.onLate(id(2), 700, 1_100))
  t.equal(prober.dueAt, 1_500)
  t.ok(prober.onLate(id(1), 700, 1_100))
  t.equal(prober.dueAt, 1_200)
  prober.asking(3, 1_200)
  t.ok(prober.onLate(id(1), 0, 1_250), 'and no second probe is needed')
  t.equal(prober.dueAt, 1_700)
})

t.test('what is heard of a target that was avoided ends its probe, and no other', async (t) => {
  const prober = new Prober(0)
  prober.begin(id(1), 0, 1, 0)
  t.notOk(
    prober.endHeard(() => true),
    'it was not avoided: only the ack counts',
  )
  prober.drop()
  prober.begin(id(1), 500, 1, 1_000)
  prober.asking(3, 1_000)
  t.notOk(prober.endHeard(() => false))
  t.ok(prober.endHeard((heard) => heard === id(1)))
  t.equal(prober.unanswered(1_500), undefined)
  t.notOk(
    prober.endHeard(() => true),
    'once',
  )
})

t.test('probes that are hastened are bounded in each period', async (t) => {
  const prober = new Prober(0)
  const begun = (now: number): boolean => {
    prober.hasten(now)
    if (!prober.isIdle(now)) return false
    prober.onAck(prober.begin(id(1), now, 1, now))
    return true
  }
  prober.skip(0)
  let count = 0
  for (let now = 1; now < 1_000; now++) if (begun(now)) count += 1
  t.equal(count, HASTENED_MAX)
  t.ok(begun(1_001), 'in the next period again')
})

t.test('a stop of the process, a skipped period and haste move what is due', async (t) => {
  const prober = new Prober(0)
  prober.begin(id(1), 0, 1, 0)
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
