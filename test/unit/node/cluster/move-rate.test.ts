import t from 'tap'
import { claim } from '../../../../src/dynamo/ring/claim.ts'
import { firstTable } from '../../../../src/dynamo/ring/table.ts'
import { MOVE_SAMPLES_MAX, MoveRate } from '../../../../src/node/cluster/move-rate.ts'
import { members } from '../../dynamo/ring/members.ts'

const [first, second] = [3, 4].map((count) => firstTable(claim(members(count), 4, 3).ring))

t.test('moves of the last minute, in a second', async (t) => {
  const rate = new MoveRate()
  t.equal(rate.perSecond(0), 0)
  const table = first as NonNullable<typeof first>
  rate.onChanged({ table, left: 100 }, 1_000)
  t.equal(rate.perSecond(1_000), 0, 'no time has passed')
  rate.onChanged({ table, left: 80 }, 11_000)
  t.equal(rate.perSecond(11_000), 2)
  t.equal(rate.perSecond(21_000), 1, 'and none since')
  t.equal(rate.perSecond(200_000), 0)
  rate.onChanged({ table: second as NonNullable<typeof second>, left: 500 }, 22_000)
  t.equal(rate.perSecond(23_000), 0, 'another table has other moves')
  t.equal(rate.latest, 2, 'a plan goes by the last ones')
  rate.onChanged({ table: second as NonNullable<typeof second>, left: 490 }, 24_000)
  t.equal(rate.latest, 5)
})

t.test('many samples keep the last', async (t) => {
  const rate = new MoveRate()
  const table = first as NonNullable<typeof first>
  const count = 3 * MOVE_SAMPLES_MAX
  for (let i = 0; i <= count; i++) rate.onChanged({ table, left: 1_000 - i }, 10 * i)
  t.equal(rate.perSecond(10 * count), 100)
  t.equal(rate.latest, 100)
})
