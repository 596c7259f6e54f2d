/** The part of an object that an answer has room for, and what a put with its context replaces. */
import t from 'tap'
import { Context, rangeOn } from '../../../../src/dynamo/version/context.ts'
import { answerBytes, fittingPart } from '../../../../src/dynamo/version/fitting.ts'
import { put } from '../../../../src/dynamo/version/put.ts'
import {
  dot,
  line,
  object,
  range,
  request,
  requestId,
  sibling,
  textsOf,
  written,
} from './samples.ts'
import { NODE_B, START_2 } from './samples.ts'
import { RANGES_MAX } from '../../../../src/limits.ts'

const four = object(
  [range(1, 1, 9)],
  sibling('first value', dot(1, 2)),
  { ...sibling('gone', dot(1, 4)), value: undefined },
  sibling('second value, longer', dot(1, 6)),
  sibling('third', dot(1, 8)),
)
const all = answerBytes(four.siblings)

t.test('what fits whole is the object itself', async (t) => {
  t.equal(fittingPart(four, all), four)
})

t.test('D13: a part has whole siblings, and a context of just these', async (t) => {
  const part = fittingPart(four, all - 1)
  t.same(textsOf(part), ['first value', 'second value, longer', '†'])
  t.ok(answerBytes(part.siblings) < all)
  for (const [counter, isCovered] of [
    [1, false],
    [2, true],
    [4, true],
    [6, true],
    [8, false],
    [9, false],
  ] as const) {
    t.equal(part.context.covers(dot(1, counter)), isCovered, `dot ${counter}`)
  }
  t.same(textsOf(fittingPart(four, 25)), ['third', '†'], 'a smaller one that fits comes instead')
  t.same(textsOf(fittingPart(four, 0)), ['†'])
})

t.test('D13: a put with the context of a part replaces just that part', async (t) => {
  const { context: seen } = fittingPart(four, all - 1)
  const by = { node: NODE_B, start: START_2, seen }
  const after = written(put(four, undefined, request('merged', by))).object
  t.same(textsOf(after), ['merged', 'third'])
})

t.test('a request with several attempts is named only where its sibling is shown', async (t) => {
  const context = four.context
    .withRequest(requestId('third'))
    .withRequest(requestId('first value').slice(0, 16))
  const named = { ...four, context }
  const part = fittingPart({ ...named, siblings: named.siblings }, all - 1)
  t.notOk(part.context.names(requestId('third')))
  t.equal(fittingPart(named, 25).context.names(requestId('third')), true)
})

t.test('a context of more ranges than can be sealed is cut down to what is shown', async (t) => {
  const ranges = Array.from({ length: RANGES_MAX + 1 }, (_, i) => {
    const counter = 1 + 2 * i
    return rangeOn(line(), counter, counter)
  })
  const wide = { context: Context.of(ranges), siblings: [sibling('x', dot(1, 1))] }
  const part = fittingPart(wide, 1000)
  t.same(textsOf(part), ['x'])
  t.equal(part.context.count, 1)
})
