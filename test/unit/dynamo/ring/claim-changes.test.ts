/** Claiming from a present table: loads stay even, copies apart, and little moves. */
import * as fc from 'fast-check'
import t from 'tap'
import { claim } from '../../../../src/dynamo/ring/claim.ts'
import { excessOf, faultOf, isAttainable, listsOf } from '../../../prove/balance/judge.ts'
import { member, members } from './members.ts'

const place = fc.record({
  machine: fc.integer({ min: 0, max: 7 }),
  weight: fc.constantFrom(0, 1, 2, 50),
})

t.test('random members: rows obey the rules, loads are within one where they can be', async (t) => {
  const all = fc.array(place, { minLength: 1, maxLength: 14 })
  fc.assert(
    fc.property(all, all, fc.integer({ min: 1, max: 5 }), (one, two, n) => {
      const listed = [one, two].map((places) => [
        member(1, { machine: 'own', zone: 'z0' }),
        ...places.map(({ machine, weight }, i) => {
          return member(i + 2, { machine: `m${machine}`, zone: `z${machine % 4}`, weight })
        }),
      ])
      let before: ReturnType<typeof claim>['ring'] | undefined
      for (const now of listed) {
        const { ring, givenUp } = claim(now, 5, n, before)
        const lists = listsOf(ring, n)
        if (faultOf(now, lists, n) !== undefined) return false
        const isTold = givenUp.some(({ what }) => what === 'balance')
        if (isAttainable(now, 32, n, 1) ? excessOf(now, lists, n) > 1 : !isTold) return false
        before = ring
      }
      return true
    }),
    { numRuns: 200 },
  )
  t.pass('200 pairs of rings')
})

t.test(
  'a join to equal members moves the share of the joiner, a replacement what was held',
  async (t) => {
    const { ring } = claim(members(30), 10, 3)
    const joined = claim(members(31), 10, 3, ring)
    t.equal(joined.moves.length, Math.floor((3 * 1024) / 31))
    t.ok(joined.moves.every(({ to }) => to?.name === 'n31'))
    const replaced = claim(members(31).slice(1), 10, 3, ring)
    t.equal(replaced.moves.length, replaced.movedLeast)
    t.ok(replaced.moves.every(({ from }) => from?.name === 'n1'))
    t.strictSame(claim(members(30), 10, 3, ring).moves, [], 'no change moves nothing')
    const split = claim(members(30), 11, 3, ring)
    t.ok(split.moves.length <= 30, 'split partitions at most one each, to be even again')
  },
)

t.test('a member without weight owns nothing; one that is too heavy is told', async (t) => {
  const idle = claim(
    members(4, (i) => ({ weight: i === 0 ? 0 : 1 })),
    4,
    4,
  ).ring
  t.ok(
    listsOf(idle, 4).every((list) => list.length === 3 && list.every(({ weight }) => weight > 0)),
  )
  const heavy = (weight: number) =>
    claim(
      members(5, (i) => ({ weight: i === 0 ? weight : 1 })),
      6,
      3,
    )
  const [told] = heavy(9).givenUp
  t.match(told, { what: 'balance', change: { kind: 'weight', atMost: 2 } })
  t.strictSame(heavy(2).givenUp, [], 'and the change that is told avoids it')
})
