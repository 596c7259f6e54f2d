/** Who is probed next. */
import t from 'tap'
import { PREFERRED_MAX } from '../../../../src/limits.ts'
import { ProbeOrder, VERIFIERS } from '../../../../src/dynamo/membership/probe-order.ts'
import { id, random } from './samples.ts'

const IDS = Array.from({ length: 20 }, (_, i) => id(i))

function pass(order: ProbeOrder, count: number): readonly string[] {
  return Array.from({ length: count }, () => order.next() as string)
}

t.test('each pass has every member once, in another order', async (t) => {
  const order = new ProbeOrder(IDS, random())
  const passes = Array.from({ length: 3 }, () => pass(order, 20))
  for (const one of passes) t.same(one.toSorted(), IDS.toSorted())
  t.equal(new Set(passes.map((one) => one.join())).size, 3)
})

t.test('members come and go in the middle of a pass, and no other is missed', async (t) => {
  for (let seed = 1; seed < 50; seed++) {
    const order = new ProbeOrder(IDS, random(seed))
    const first = pass(order, 10)
    order.remove(id(3))
    order.remove(id(99))
    const rest = pass(order, first.includes(id(3)) ? 10 : 9)
    t.same(
      [...first, ...rest, id(3)].toSorted().filter((one, i, all) => all[i - 1] !== one),
      IDS.toSorted(),
    )
    order.add(id(50))
    t.ok(pass(order, 40).includes(id(50)), 'within two passes')
    t.equal(order.size, 20)
  }
})

t.test('a preferred member comes before its turn, once, and they are bounded', async (t) => {
  const order = new ProbeOrder(IDS, random())
  order.prefer(id(7))
  order.prefer(id(7))
  t.equal(order.next(), id(7))
  t.same(pass(order, 20).toSorted(), IDS.toSorted())
  for (let i = 0; i < PREFERRED_MAX + 5; i++) order.prefer(id(100 + i))
  const preferred = pass(order, PREFERRED_MAX)
  t.ok(preferred.every((one) => !IDS.some((other) => other === one)))
  t.ok(IDS.some((one) => one === order.next()))
})

t.test('of many that notice the same some verify it, and of few all', async (t) => {
  const verified = (members: number): number => {
    const prng = random()
    const order = new ProbeOrder(IDS, prng)
    let count = 0
    for (let i = 0; i < 10 * members; i++) {
      if (order.verify(id(7), members)) count += 1
      const isPreferred = order.next() === id(7)
      if (members <= VERIFIERS) t.ok(isPreferred)
    }
    return count / 10
  }
  t.equal(verified(VERIFIERS), VERIFIERS)
  const some = verified(1_000)
  t.ok(some > 6 && some < 10, `${some} of 1,000`)
})

t.test('a member that is gone is not preferred either', async (t) => {
  const order = new ProbeOrder([id(1), id(2)], random())
  order.prefer(id(1))
  order.remove(id(1))
  t.equal(order.next(), id(2))
})

t.test('some members are drawn, each once and fit, or as many as there are', async (t) => {
  const order = new ProbeOrder(IDS, random())
  for (let i = 0; i < 50; i++) {
    const some = order.some(3, (one) => one !== id(4))
    t.equal(new Set(some).size, 3)
    t.notOk(some.includes(id(4)))
  }
  t.same(
    order.some(3, () => false),
    [],
  )
  t.same(
    new ProbeOrder([], random()).some(3, () => true),
    [],
  )
  t.equal(new ProbeOrder([], random()).next(), undefined)
})
