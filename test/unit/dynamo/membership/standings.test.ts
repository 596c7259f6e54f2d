/** Standings: which of two wins, and that they merge. */
import * as fc from 'fast-check'
import t from 'tap'
import {
  INCARNATION_MAX,
  outranks,
  type Standing,
  Standings,
} from '../../../../src/dynamo/membership/standings.ts'
import { id } from './samples.ts'

const standing = (number: number, incarnation: number, isDead: boolean): Standing => ({
  id: id(number),
  incarnation,
  isDead,
})
const any = fc
  .tuple(
    fc.integer({ min: 0, max: 4 }),
    fc.oneof(fc.integer({ min: 0, max: 3 }), fc.constant(INCARNATION_MAX)),
    fc.boolean(),
  )
  .map(([number, incarnation, isDead]) => standing(number, incarnation, isDead))

function setOf(list: readonly Standing[]): readonly unknown[] {
  const standings = new Standings()
  for (const one of list) standings.take(one)
  const all = [...standings.all()].toSorted((a, b) => (a.id < b.id ? -1 : 1))
  return [all, standings.deadCount, standings.digest.total]
}

t.test('M5: standings that were taken in any order, and twice, are equal', async (t) => {
  fc.assert(
    fc.property(fc.array(any, { maxLength: 20 }), (list) => {
      t.same(setOf(list), setOf(list.toReversed()))
      t.same(setOf(list), setOf([...list, ...list]))
    }),
    { numRuns: 300 },
  )
})

t.test('M6: the higher incarnation wins, of one dead, and what is older is ignored', async (t) => {
  const standings = new Standings()
  t.notOk(standings.take(standing(1, 0, false)), 'this is so without being said')
  t.ok(standings.take(standing(1, 0, true)))
  t.ok(standings.isDead(id(1)))
  t.notOk(standings.take(standing(1, 0, false)))
  t.ok(standings.take(standing(1, 1, false)))
  t.notOk(standings.take(standing(1, 0, true)), 'news that is repeated')
  t.notOk(standings.isDead(id(1)))
  t.equal(standings.deadCount, 0)
})

t.test('of the highest incarnation alive wins: a lie makes no member dead for ever', async (t) => {
  const [alive, dead] = [standing(1, INCARNATION_MAX, false), standing(1, INCARNATION_MAX, true)]
  t.ok(outranks(alive, dead))
  t.notOk(outranks(dead, alive))
  const standings = new Standings()
  t.ok(standings.take(dead))
  t.ok(standings.take(alive))
  t.notOk(standings.take(dead))
})

t.test('a member that is gone leaves no standing', async (t) => {
  const standings = new Standings()
  standings.take(standing(1, 3, true))
  standings.forget(id(1))
  standings.forget(id(2))
  t.same([...standings.all()], [])
  t.equal(standings.deadCount, 0)
  t.same(standings.digest.total, { hi: 0, lo: 0 })
})

t.test('incarnation, member and death are all in the digest', async (t) => {
  const list = [
    [1, 1],
    [1, 2 ** 33 + 1],
    [2, 1],
  ] as const
  const sums = [false, true].flatMap((isDead) =>
    list.map(([number, incarnation]) => {
      const standings = new Standings()
      standings.take(standing(number, incarnation, isDead))
      const { hi, lo } = standings.digest.total
      return `${hi} ${lo}`
    }),
  )
  t.equal(new Set(sums).size, 6)
})
