/** What a copy takes of a write, of a hint that comes home, and of an answer in an exchange. */
import t from 'tap'
import { Policy } from '../../../../src/dynamo/names.ts'
import { type Floor, NO_FLOOR } from '../../../../src/dynamo/repair/floor.ts'
import { broughtHome, exchanged, isLate, joined } from '../../../../src/dynamo/repair/late.ts'
import { NO_ROUND, type RoundFloor } from '../../../../src/dynamo/repair/round.ts'
import type { Sibling } from '../../../../src/dynamo/version/object.ts'
import { dot, object, range, sibling, START_1, textsOf } from '../version/samples.ts'

const upTo = (counter: number): Floor => new Map([[START_1, counter]])
const round = (number: number, counter: number): RoundFloor => ({
  ...NO_ROUND,
  number,
  floor: upTo(counter),
})
const a = sibling('a', dot(1, 2))
const b = sibling('b', dot(1, 4))
const deleted: Sibling = { ...sibling('x', dot(1, 3)), value: undefined }
const ofA = object([range(1, 2, 2)], a)
const ofB = object([range(1, 4, 4)], b)
const ofBoth = object([range(1, 2, 2), range(1, 4, 4)], a, b)
const LOW = round(1, 3)
const HIGH = round(2, 3)

t.test(
  'a write is late that has a dot below the floor which the copy does not carry',
  async (t) => {
    t.ok(isLate(ofA, undefined, upTo(2)))
    t.ok(isLate(ofBoth, ofB, upTo(2)), 'one such dot is enough')
    t.notOk(isLate(ofA, undefined, upTo(1)), 'it is above')
    t.notOk(isLate(ofBoth, ofA, upTo(2)), 'it is carried')
    t.ok(isLate(ofA, object([range(1, 2, 4)], b), upTo(2)), 'known as replaced is not carried')
    t.notOk(isLate(ofA, undefined, NO_FLOOR))
  },
)

t.test('of a hint that comes home what is dead is left out, of its context too', async (t) => {
  const home = broughtHome(ofBoth, undefined, [NO_FLOOR, upTo(2)])
  t.same(home?.siblings, [b])
  t.same(home?.context.ranges, [range(1, 4, 4)])
  t.equal(broughtHome(ofA, undefined, [upTo(2)]), undefined)
  t.equal(broughtHome(ofBoth, ofA, [upTo(2)]), ofBoth, 'a carried dot is not dead')
})

t.test('owners of one round merge: what one alone carries is damage of the other', async (t) => {
  t.same(textsOf(exchanged(Policy.siblings, undefined, HIGH, ofA, HIGH) ?? object([])), ['a'])
  t.equal(exchanged(Policy.siblings, ofA, HIGH, undefined, HIGH), ofA)
  t.same(textsOf(exchanged(Policy.siblings, ofB, HIGH, ofA, HIGH) ?? object([])), ['a', 'b'])
})

t.test('the lower of two rounds drops what the higher has outlived', async (t) => {
  t.equal(exchanged(Policy.siblings, ofA, LOW, undefined, HIGH), undefined)
  const left = exchanged(Policy.siblings, ofBoth, LOW, undefined, HIGH)
  t.same(left?.siblings, [b], 'what is above the floor stays')
  t.same(left?.context.ranges, [range(1, 4, 4)])
  t.same(
    exchanged(Policy.siblings, ofBoth, LOW, ofA, HIGH)?.siblings,
    [a, b],
    'the higher carries it',
  )
})

t.test('the higher of two rounds takes nothing that it lacks below its floor', async (t) => {
  t.equal(exchanged(Policy.siblings, undefined, HIGH, ofA, LOW), undefined)
  const taken = exchanged(Policy.siblings, undefined, HIGH, ofBoth, LOW)
  t.same(taken?.siblings, [b])
  t.same(taken?.context.ranges, [range(1, 4, 4)], 'and does not claim to know it')
  t.equal(exchanged(Policy.siblings, ofA, HIGH, undefined, LOW), ofA)
})

t.test('a tombstone that would go at once is not taken again', async (t) => {
  const tombstone = object([range(1, 2, 3)], deleted)
  t.equal(exchanged(Policy.siblings, undefined, HIGH, tombstone, HIGH), undefined)
  t.equal(
    exchanged(Policy.siblings, undefined, round(2, 2), tombstone, round(2, 2)),
    tombstone,
    'it is above',
  )
  t.same(
    exchanged(Policy.siblings, ofA, HIGH, tombstone, HIGH)?.siblings,
    [deleted],
    'it replaces something here',
  )
})

t.test('copies with equal siblings stay as they are, whatever their contexts', async (t) => {
  const short = object([range(1, 4, 4)], b)
  const long = object([range(1, 1, 4)], b)
  t.equal(exchanged(Policy.siblings, short, HIGH, long, HIGH), short)
  t.equal(exchanged(Policy.siblings, undefined, LOW, undefined, HIGH), undefined)
})

t.test('where the last write wins one write stays', async (t) => {
  const both = object([range(1, 1, 2)], { ...a, time: 2 }, { ...b, time: 1 })
  const { lastWriteWins } = Policy
  t.same(textsOf(joined(lastWriteWins, undefined, both) ?? object([])), ['a'])
  t.same(textsOf(joined(lastWriteWins, ofA, ofB) ?? object([])).length, 1)
  t.same(textsOf(exchanged(lastWriteWins, ofB, HIGH, ofA, HIGH) ?? object([])).length, 1)
})
