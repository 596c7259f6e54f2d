/** What a floor holds, and which keys and ranges it lets go. */
import t from 'tap'
import { startId } from '../../../../src/dynamo/names.ts'
import {
  ENDED,
  isDone,
  isUnder,
  joinFloors,
  leaveOut,
  NO_FLOOR,
  replacedRanges,
  strip,
  without,
} from '../../../../src/dynamo/repair/floor.ts'
import {
  floorBytes,
  floorOfBytes,
  startsBytes,
  startsOfBytes,
} from '../../../../src/dynamo/repair/floor-bytes.ts'
import { Context, rangeOn } from '../../../../src/dynamo/version/context.ts'
import { type Dot, dotOn } from '../../../../src/dynamo/version/dot.ts'
import type { Sibling } from '../../../../src/dynamo/version/object.ts'
import { FLOOR_STARTS_MAX } from '../../../../src/limits.ts'
import {
  dot,
  line,
  NODE_B,
  object,
  range,
  requestId,
  sibling,
  START_1,
  START_2,
} from '../version/samples.ts'

const tombstone = (...dots: Dot[]): Sibling => ({
  ...sibling('†', ...dots),
  value: undefined,
})
const other = line(NODE_B, START_2)
const UP_TO_5 = new Map([[START_1, 5]])

t.test('a floor holds a start up to its counter, an ended one whole, and no other', async (t) => {
  t.ok(isUnder(UP_TO_5, dot(1, 5)))
  t.notOk(isUnder(UP_TO_5, dot(1, 6)))
  t.notOk(isUnder(UP_TO_5, dotOn(other, 1)))
  t.ok(isUnder(new Map([[START_2, ENDED]]), dotOn(other, 2 ** 47)))
  t.notOk(isUnder(NO_FLOOR, dot(1, 1)))
})

t.test('the join of floors holds what either holds', async (t) => {
  const joined = joinFloors(
    new Map([
      [START_1, 5],
      [START_2, ENDED],
    ]),
    new Map([
      [START_1, 7],
      [START_2, 3],
    ]),
  )
  t.same(
    [...joined],
    [
      [START_1, 7],
      [START_2, ENDED],
    ],
  )
  t.same([...joinFloors(new Map([[START_1, 7]]), UP_TO_5)], [[START_1, 7]])
  t.same([...leaveOut(joined, new Set([START_2]))], [[START_1, 7]])
})

t.test('what is taken away leaves the context too: it is not known as replaced', async (t) => {
  const both = object([range(1, 1, 4)], sibling('a', dot(1, 2)), sibling('b', dot(1, 4)))
  const left = without(both, ({ counter }) => counter === 2)
  t.same(left?.siblings, [sibling('b', dot(1, 4))])
  t.same(left?.context.ranges, [range(1, 1, 1), range(1, 3, 4)])
  t.equal(
    without(both, () => true),
    undefined,
  )
  t.equal(
    without(both, ({ counter }) => counter === 3),
    both,
    'the dot is not carried',
  )
})

t.test(
  'a write of which a dot is left stays; a request without its write is not named',
  async (t) => {
    const named = Context.ofCanonical([range(1, 1, 3)], [requestId('a'), requestId('z')])
    const whole = { context: named, siblings: [sibling('a', dot(1, 1), dot(1, 2))] }
    const left = without(whole, ({ counter }) => counter === 1)
    t.same(left?.siblings, [sibling('a', dot(1, 2))])
    t.same(left?.context.requests, [requestId('a'), requestId('z')])
    const two = { context: named, siblings: [sibling('a', dot(1, 1)), sibling('b', dot(1, 2))] }
    t.same(without(two, ({ counter }) => counter === 1)?.context.requests, [requestId('z')])
  },
)

t.test('a key goes when its tombstones and all that it names are below the floor', async (t) => {
  const deleted = object([range(1, 1, 5)], tombstone(dot(1, 5)))
  t.ok(isDone(deleted, UP_TO_5))
  t.notOk(isDone(deleted, new Map([[START_1, 4]])), 'the tombstone is above')
  t.notOk(isDone(deleted, NO_FLOOR))
  const past = object([range(1, 5, 5), rangeOn(other, 1, 3)], tombstone(dot(1, 5)))
  t.notOk(isDone(past, UP_TO_5), 'what it replaced is above')
  t.notOk(isDone(past, new Map(UP_TO_5).set(START_2, 2)))
  t.ok(isDone(past, new Map(UP_TO_5).set(START_2, 3)))
  const living = object([range(1, 1, 5)], tombstone(dot(1, 5)), sibling('a', dot(1, 4)))
  t.notOk(isDone(living, UP_TO_5), 'a sibling lives')
})

t.test('ranges go that were asked for, are replaced still, and are below the floor', async (t) => {
  const held = object(
    [range(1, 1, 2), range(1, 4, 5), range(1, 8, 9), rangeOn(other, 3, 3)],
    sibling('a', dot(1, 5)),
  )
  t.same(replacedRanges(held), [range(1, 1, 2), range(1, 8, 9), rangeOn(other, 3, 3)])
  const asked = [range(1, 1, 5), range(1, 8, 8), rangeOn(other, 3, 3)]
  const high = new Map([
    [START_1, 9],
    [START_2, 2],
  ])
  const left = strip(held, asked, high)
  t.same(left.context.ranges, [range(1, 4, 5), range(1, 8, 9), rangeOn(other, 3, 3)])
  t.equal(left.siblings, held.siblings)
  t.equal(strip(held, [range(1, 4, 5)], high), held, 'a carried one stays')
  t.equal(strip(held, [], high), held)
})

t.test('floors and sets of starts are read as they were written', async (t) => {
  const floor = new Map([
    [START_2, ENDED],
    [START_1, 0],
  ])
  t.same(floorOfBytes(floorBytes(floor)), floor)
  t.same(startsOfBytes(startsBytes(new Set([START_2, START_1]))), new Set([START_1, START_2]))
  t.equal(floorBytes(floor).length, 28)
})

t.test('what is cut, too long, twice or in another order is no floor', async (t) => {
  const [a, b] = [floorBytes(UP_TO_5), floorBytes(new Map([[START_2, 1]]))]
  const wrong = [a.subarray(1), Buffer.concat([a, a]), Buffer.concat([b, a])]
  for (const bytes of wrong) t.equal(floorOfBytes(bytes), undefined)
  const starts = [startsBytes(new Set([START_2])), startsBytes(new Set([START_1]))]
  t.equal(startsOfBytes(Buffer.concat(starts)), undefined)
  t.equal(startsOfBytes(new Uint8Array(7)), undefined)
  const many = Array.from({ length: FLOOR_STARTS_MAX + 1 }, (_, i) => {
    return startId(i.toString(16).padStart(16, '0'))
  })
  t.equal(startsOfBytes(startsBytes(new Set(many))), undefined)
  t.equal(startsOfBytes(startsBytes(new Set(many.slice(1))))?.size, FLOOR_STARTS_MAX)
})
