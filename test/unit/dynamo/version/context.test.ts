/** Contexts against plain sets of dots: the same answers in every operation. */
import t from 'tap'
import { startId } from '../../../../src/dynamo/names.ts'
import { Prng } from '../../../../src/base/prng.ts'
import { Context, rangeOn } from '../../../../src/dynamo/version/context.ts'
import { dotOn } from '../../../../src/dynamo/version/dot.ts'
import { REPEATS_PER_KEY_MAX } from '../../../../src/limits.ts'
import { anyContext, dot, dotsOf, line, NODE_B, range, requestId } from './samples.ts'
import { dotLabel } from '../../../support/versions.ts'

const SEED = 20_261
const namesOf = (context: Context): string[] => dotsOf(context).map((d) => d.start + dotLabel(d))

t.test('ranges of one line that overlap or touch are one range', async (t) => {
  t.same(Context.of([range(1, 5, 9), range(1, 1, 4)]).ranges, [range(1, 1, 9)])
  t.same(Context.of([range(1, 1, 9), range(1, 3, 4)]).ranges, [range(1, 1, 9)])
  t.same(Context.of([range(1, 1, 3), range(1, 5, 9)]).count, 2, 'a gap of one stays')
})

t.test('ranges of two lines stay apart, even where their counters overlap', async (t) => {
  const context = Context.of([range(1, 1, 9), range(4, 4, 4)])
  t.equal(context.count, 2)
  t.notOk(context.covers(dot(4, 5)), 'a dot of the second line is not covered by the first')
})

t.test('a context covers the dots of its ranges and no others', async (t) => {
  const context = Context.of([range(1, 2, 4), range(1, 6, 6)])
  const covered = [1, 2, 3, 4, 5, 6, 7].filter((counter) => context.covers(dot(1, counter)))
  t.same(covered, [2, 3, 4, 6])
  t.notOk(context.covers(dotOn(line(NODE_B), 3)))
  t.notOk(context.covers(dotOn({ ...line(), start: startId('3'.padStart(16, '0')) }, 3)))
})

t.test(
  'binary search in a long context and linear search in a short one find the same dots',
  async (t) => {
    const ranges = Array.from({ length: 200 }, (_, i) => range(1 + 10 * i, 1 + 10 * i, 4 + 10 * i))
    const context = Context.of([...ranges, rangeOn(line(NODE_B), 7, 8)])
    for (const [i, each] of ranges.entries()) {
      t.equal(context.indexOf(dotOn(each, each.first)), i)
      t.equal(context.indexOf(dotOn(each, each.last)), i)
      t.equal(context.indexOf(dotOn(each, each.last + 1)), -1)
    }
    t.notOk(context.covers(dotOn(line(NODE_B), 6)))
    t.ok(context.covers(dotOn(line(NODE_B), 7)))
  },
)

t.test(`sets of dots and their ranges agree in every operation (seed ${SEED})`, async (t) => {
  const prng = Prng.of(SEED)
  const wrong: string[] = []
  const check = (isSo: boolean, what: string): void => {
    if (!isSo) wrong.push(what)
  }
  for (let i = 0; i < 5000; i++) {
    const a = anyContext(prng)
    const b = anyContext(prng)
    const inA = new Set(namesOf(a))
    const inB = new Set(namesOf(b))
    const joined = a.join(b)
    const isWithin = [...inB].every((name) => inA.has(name))
    const together = [...new Set([...inA, ...inB])].sort()
    check(namesOf(joined).sort().join() === together.join(), `join ${i}`)
    check(joined.equals(b.join(a)), `order ${i}`)
    check(joined.equals(Context.of(joined.ranges)), `canonical ${i}`)
    check(a.includes(b) === isWithin, `includes ${i}`)
    check(a.equals(b) === (isWithin && inA.size === inB.size), `equals ${i}`)
    const isExact = dotsOf(b).every((d) => a.covers(d) === inA.has(d.start + dotLabel(d)))
    check(isExact, `covers ${i}`)
  }
  t.same(wrong, [])
})

t.test('a join that adds nothing is the operand itself', async (t) => {
  const large = Context.of([range(1, 1, 9), range(20, 20, 21)])
  const small = Context.of([range(1, 3, 4)])
  t.equal(large.join(small), large)
  t.equal(small.join(large), large)
  t.equal(large.join(Context.empty), large)
  t.equal(Context.empty.join(large), large)
})

t.test('a context names the newest requests, in order', async (t) => {
  const ids = Array.from({ length: REPEATS_PER_KEY_MAX + 4 }, (_, i) => requestId(`r${10 + i}`))
  const naming = (some: readonly string[]): Context =>
    some.reduce((context, id) => context.withRequest(id), Context.empty)
  const all = naming(ids.toReversed())
  t.same(all.requests, ids.slice(4))
  t.notOk(Context.empty.withRequest('r').isEmpty)
  t.ok(all.names(ids[4] as string))
  t.notOk(all.names(ids[3] as string))
  t.equal(all.join(naming(ids.slice(0, 6))), all, 'older ones add nothing')
  t.equal(naming(ids.slice(0, 6)).join(all), all)
  t.ok(all.includes(naming(ids.slice(0, 6))))
  const few = naming(ids.slice(0, 2))
  t.notOk(few.includes(naming(ids.slice(1, 3))))
  t.same(few.join(naming(ids.slice(1, 3))).requests, ids.slice(0, 3))
  t.notOk(few.equals(naming(ids.slice(1, 3))))
  t.ok(few.equals(naming(ids.slice(0, 2))))
  t.ok(few.with(range(1, 1, 1)).includes(few), 'beside its ranges')
})

t.test('the tail of a line is its last range', async (t) => {
  const context = Context.of([range(1, 1, 2), range(1, 5, 6), range(7, 7, 7)])
  t.same(context.tailOf(line()), range(1, 5, 6))
  t.equal(context.tailOf(line(NODE_B)), undefined)
})

t.test('a range outside of its line is asserted', async (t) => {
  t.throws(() => Context.of([range(5, 4, 6)]), { name: 'BrokenBelief' })
  t.throws(() => Context.of([range(1, 6, 4)]), { name: 'BrokenBelief' })
})
