/** Puts: what they replace, which line they write, and when they are refused. */
import t from 'tap'
import { Context } from '../../../../src/dynamo/version/context.ts'
import { merge } from '../../../../src/dynamo/version/merge.ts'
import type { VersionedObject } from '../../../../src/dynamo/version/object.ts'
import { coveredBy, put, type Repeated } from '../../../../src/dynamo/version/put.ts'
import { RANGES_MAX, RANGES_PER_PUT_MAX, SIBLINGS_MAX } from '../../../../src/limits.ts'
import {
  dot,
  NODE_B,
  object,
  range,
  request,
  requestId,
  sibling,
  START_2,
  textsOf,
  written,
} from './samples.ts'

t.test('the first put of a key opens a line at its own dot', async (t) => {
  const outcome = written(put(undefined, undefined, request('x', { counter: 5 })))
  t.same(outcome.dot, dot(5, 5))
  t.same(outcome.note, { start: outcome.dot.start, opened: 5 })
  t.same(outcome.object, object([range(5, 5, 5)], sibling('x', dot(5, 5))))
})

t.test('a thousand puts through one copy leave one range', async (t) => {
  let outcome = written(put(undefined, undefined, request('0')))
  for (let i = 1; i < 1000; i++) {
    const seen = outcome.object.context
    outcome = written(put(outcome.object, outcome.note, request(`${i}`, { seen })))
  }
  t.equal(outcome.object.context.count, 1)
  t.same(textsOf(outcome.object), ['999'])
})

t.test('a copy without a note opens a line, whatever its context', async (t) => {
  const held = object([range(1, 1, 3)], sibling('x', dot(1, 3)))
  const outcome = written(put(held, undefined, request('y', { counter: 9 })))
  t.same(outcome.object.context.ranges, [range(1, 1, 3), range(9, 9, 9)])
})

t.test('a note of an earlier start opens a line', async (t) => {
  const first = written(put(undefined, undefined, request('x', { counter: 1 })))
  const again = request('y', { counter: 1, start: START_2 })
  t.equal(written(put(first.object, first.note, again)).object.context.count, 2)
})

t.test('D7: a put without context replaces nothing', async (t) => {
  const first = written(put(undefined, undefined, request('x')))
  const second = written(put(first.object, first.note, request('y')))
  t.same(textsOf(second.object), ['x', 'y'])
})

t.test('a put replaces the siblings that its client saw, and no others', async (t) => {
  const x = written(put(undefined, undefined, request('x')))
  const y = written(put(x.object, x.note, request('y')))
  const z = written(put(y.object, y.note, request('z', { seen: x.object.context })))
  t.same(textsOf(z.object), ['y', 'z'])
})

t.test('a sibling with two dots loses the one that was seen and lives on the other', async (t) => {
  const held = object([range(1, 1, 1), range(5, 5, 5)], sibling('put', dot(1, 1), dot(5, 5)))
  const seen = Context.of([range(1, 1, 1)])
  const once = written(put(held, undefined, request('new', { counter: 9, seen })))
  t.same(textsOf(once.object), ['new', 'put'])
  const twice = written(put(held, undefined, request('new', { counter: 9, seen: held.context })))
  t.same(textsOf(twice.object), ['new'])
})

t.test('the context of the client is joined to that of the object', async (t) => {
  const seen = Context.of([range(7, 7, 8)])
  const outcome = written(put(undefined, undefined, request('x', { counter: 9, seen })))
  const late = object([range(7, 7, 7)], sibling('late', dot(7, 7)))
  t.same(textsOf(merge(outcome.object, late)), ['x'])
})

t.test('a delete is a put without a value', async (t) => {
  const x = written(put(undefined, undefined, request('x')))
  const seen = x.object.context
  const gone = written(put(x.object, x.note, request('', { value: undefined, seen })))
  t.same(textsOf(gone.object), ['†'])
})

t.test('a request that was applied is repeated with its old dot', async (t) => {
  const first = written(put(undefined, undefined, request('x')))
  const again = put(first.object, first.note, request('x'))
  t.match(again, { kind: 'repeated', object: first.object, sibling: first.sibling })
})

t.test(
  'a repeat that finds nothing names its request, and what replaces it ends all',
  async (t) => {
    const elsewhere = written(put(undefined, undefined, request('v', { node: NODE_B })))
    const repeat = request('v', { isRepeat: true })
    const here = written(put(undefined, undefined, repeat))
    t.same(here.object.context.requests, [requestId('v')])
    const seen = coveredBy(repeat, here)
    const next = written(put(elsewhere.object, undefined, request('next', { seen })))
    t.same(textsOf(next.object), ['next'], 'also the attempt that the client did not see')
    t.equal(put(next.object, next.note, request('v')).kind, 'replaced')
  },
)

t.test(
  'a repeat that finds the write adds nothing, and its answer covers all attempts',
  async (t) => {
    const first = written(put(undefined, undefined, request('v')))
    const repeat = request('v', { isRepeat: true })
    const again = put(first.object, first.note, repeat)
    t.match(again, { kind: 'repeated' })
    const seen = coveredBy(repeat, again as Repeated)
    t.ok(seen.covers(first.dot))
    t.ok(seen.names(requestId('v')))
  },
)

t.test('a request id with another value is refused', async (t) => {
  const first = written(put(undefined, undefined, request('x')))
  const other = put(first.object, first.note, request('y', { requestId: requestId('x') }))
  t.match(other, { kind: 'refused', code: 'request-id-wrong' })
  const gone = put(first.object, first.note, request('x', { value: undefined }))
  t.match(gone, { kind: 'refused', code: 'request-id-wrong' })
})

t.test('a put whose dot is already covered asks for a new start', async (t) => {
  const held = object([range(9, 9, 30)])
  t.same(put(held, undefined, request('x', { counter: 9 })), { kind: 'start-spent' })
  const seen = held.context
  t.same(put(undefined, undefined, request('x', { counter: 9, seen })), { kind: 'start-spent' })
})

const crowd = (count: number): VersionedObject =>
  Array.from({ length: count }, (_, i) =>
    object([range(2 * i + 1, 2 * i + 1, 2 * i + 1)], sibling(`v${i}`, dot(2 * i + 1, 2 * i + 1))),
  ).reduce(merge)

t.test('after a hundred owners, one after another, the next one can write', async (t) => {
  const full = crowd(100)
  const outcome = written(put(full, undefined, request('x', { seen: full.context, counter: 1000 })))
  t.same([outcome.object.context.count, textsOf(outcome.object)], [101, ['x']])
})

t.test('a full context takes no new line, and an open line continues', async (t) => {
  const full = crowd(RANGES_PER_PUT_MAX)
  const seen = full.context
  const refused = put(full, undefined, request('x', { counter: 1000, seen }))
  t.match(refused, {
    kind: 'refused',
    code: 'context-full',
    count: RANGES_PER_PUT_MAX + 1,
    limit: RANGES_PER_PUT_MAX,
  })
  const note = { start: request('x').start, opened: 1 }
  const goesOn = written(put(full, note, request('x', { counter: 1000, seen })))
  t.equal(goesOn.object.context.count, RANGES_PER_PUT_MAX)
})

t.test('an open line ends at the bound of an object', async (t) => {
  const full = crowd(RANGES_MAX)
  const note = { start: request('x').start, opened: 1 }
  const seen = Context.of([...full.context.ranges, { ...range(1, 1, 1), node: NODE_B }])
  const outcome = put(full, note, request('x', { counter: 100_000, seen }))
  t.match(outcome, { kind: 'refused', code: 'context-full', limit: RANGES_MAX })
})

t.test(
  'at the bound a further sibling is refused, and a put that adds none is accepted',
  async (t) => {
    const full = crowd(SIBLINGS_MAX + 10)
    const note = { start: request('x').start, opened: 1 }
    const blind = put(full, note, request('x', { counter: 1000 }))
    t.match(blind, { kind: 'refused', code: 'siblings-full', count: SIBLINGS_MAX + 11 })
    const seen = Context.of(full.context.ranges.slice(0, 1))
    t.equal(put(full, note, request('x', { counter: 1000, seen })).kind, 'written')
    t.match(put(crowd(SIBLINGS_MAX - 1), note, request('x', { counter: 1000 })), {
      kind: 'written',
    })
  },
)

t.test('values past the size of an object are refused, unless they make it smaller', async (t) => {
  const eight = new Uint8Array(8 * 2 ** 20)
  const one = written(put(undefined, undefined, request('1', { value: eight })))
  const two = written(put(one.object, one.note, request('2', { value: eight })))
  const three = put(two.object, two.note, request('3'))
  t.match(three, { kind: 'refused', code: 'object-too-large', limit: 16 * 2 ** 20 })
  const seen = two.object.context
  t.equal(put(two.object, two.note, request('3', { value: eight, seen })).kind, 'written')
  t.equal(put(two.object, two.note, request('4', { value: undefined })).kind, 'written')
})
