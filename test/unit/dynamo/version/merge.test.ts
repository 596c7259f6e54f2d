/** Merging: its algebra on any objects at all, and what stays of siblings by example. */
import t from 'tap'
import { Prng } from '../../../../src/base/prng.ts'
import { Context } from '../../../../src/dynamo/version/context.ts'
import { merge } from '../../../../src/dynamo/version/merge.ts'
import {
  haveSameSiblings,
  NOTHING,
  type VersionedObject,
} from '../../../../src/dynamo/version/object.ts'
import { DOTS_PER_SIBLING_MAX, REPEATS_PER_KEY_MAX } from '../../../../src/limits.ts'
import {
  anyObject,
  dot,
  object,
  range,
  requestId,
  sibling,
  textsOf,
  writeOfDot,
} from './samples.ts'
import { equalObjects } from '../../../support/versions.ts'

const SEED = 20_262
const CASES = 4000

function forTriples(
  check: (a: VersionedObject, b: VersionedObject, c: VersionedObject) => boolean,
): number {
  const prng = Prng.of(SEED)
  let wrong = 0
  for (let i = 0; i < CASES; i++) {
    // Every other case gives dots twice, with another write: merging still is a semilattice.
    const writeOf = i % 2 ? writeOfDot : () => `write ${prng.below(3)}`
    const make = (): VersionedObject => anyObject(prng, writeOf)
    if (!check(make(), make(), make())) wrong += 1
  }
  return wrong
}

t.test(`D4: merging is commutative (seed ${SEED})`, async (t) => {
  t.equal(
    forTriples((a, b) => equalObjects(merge(a, b), merge(b, a))),
    0,
  )
})

t.test(`D4: merging is associative (seed ${SEED})`, async (t) => {
  const isSame = (a: VersionedObject, b: VersionedObject, c: VersionedObject): boolean =>
    equalObjects(merge(merge(a, b), c), merge(a, merge(b, c)))
  t.equal(forTriples(isSame), 0)
})

t.test(`D4: merging is idempotent, and returns what it was given (seed ${SEED})`, async (t) => {
  t.equal(
    forTriples((a) => merge(a, { ...a }) === a),
    0,
  )
  const isAbsorbed = (a: VersionedObject, b: VersionedObject): boolean => {
    const merged = merge(a, b)
    return merge(merged, a) === merged && merge(merged, b) === merged
  }
  t.equal(forTriples(isAbsorbed), 0)
})

t.test(`if the merge equals an operand, that operand is the result (seed ${SEED})`, async (t) => {
  const isOperand = (a: VersionedObject, b: VersionedObject): boolean => {
    const merged = merge(a, b)
    if (equalObjects(merged, a)) return merged === a
    return equalObjects(merged, b) ? merged === b : merged !== a && merged !== b
  }
  t.equal(forTriples(isOperand), 0)
})

t.test(`D4: to descend from is reflexive and transitive, and equal both ways only`, async (t) => {
  const descends = (a: VersionedObject, b: VersionedObject): boolean => merge(a, b) === a
  t.ok(descends(object([range(1, 1, 2)]), object([range(1, 1, 1)])))
  const isOrder = (a: VersionedObject, b: VersionedObject, c: VersionedObject): boolean => {
    const ab = merge(a, b)
    const abc = merge(ab, c)
    if (!descends(a, a) || !descends(ab, a) || !descends(abc, a)) return false
    return !descends(a, b) || !descends(b, a) || equalObjects(a, b)
  }
  t.equal(forTriples(isOrder), 0)
})

t.test(`every dot of a merged sibling is covered, and siblings are sorted`, async (t) => {
  const isSound = (a: VersionedObject, b: VersionedObject): boolean => {
    const { context, siblings } = merge(a, b)
    return siblings.every(({ dots }) => dots.length > 0 && dots.every((d) => context.covers(d)))
  }
  t.equal(forTriples(isSound), 0)
})

t.test(
  'a sibling that one side has not received stays; a sibling that it replaced goes',
  async (t) => {
    const old = object([range(1, 1, 1)], sibling('old', dot(1, 1)))
    const replaced = object([range(1, 1, 2)], sibling('new', dot(1, 2)))
    const beside = object([range(5, 5, 5)], sibling('beside', dot(5, 5)))
    t.same(textsOf(merge(old, replaced)), ['new'])
    t.same(textsOf(merge(old, beside)), ['beside', 'old'])
    t.same(textsOf(merge(merge(old, beside), replaced)), ['beside', 'new'])
    t.equal(merge(NOTHING, old), old)
  },
)

t.test('attempts of one request become one sibling with all dots', async (t) => {
  const first = object([range(1, 1, 1)], sibling('put', dot(1, 1)))
  const second = object([range(5, 5, 5)], sibling('put', dot(5, 5)))
  const both = merge(first, second)
  t.equal(both.siblings.length, 1)
  t.same(both.siblings[0]?.dots, [dot(1, 1), dot(5, 5)])
})

t.test(
  'of more named requests than are kept the order decides, until copies meet again',
  async (t) => {
    const naming = (...names: string[]): VersionedObject => {
      return { context: Context.ofCanonical([], names.map(requestId)), siblings: [] }
    }
    const names = naming('put-0')
    const cuts = naming(...Array.from({ length: REPEATS_PER_KEY_MAX }, (_, i) => `put-${10 + i}`))
    const carries = object([range(1, 1, 1)], sibling('put-0', dot(1, 1)))
    t.same(textsOf(merge(merge(names, carries), cuts)), [])
    const other = merge(merge(names, cuts), carries)
    t.same(textsOf(other), ['put-0'], 'nothing names it any more')
    const again = merge(other, names)
    t.same(textsOf(again), [])
    t.ok(haveSameSiblings(merge(again, other), again), 'and now its dot is known as replaced')
  },
)

t.test('of several attempts the earliest time is kept, in whatever order they meet', async (t) => {
  const first = object([range(1, 1, 1)], { ...sibling('put', dot(1, 1)), time: 2000 })
  const second = object([range(5, 5, 5)], { ...sibling('put', dot(5, 5)), time: 1000 })
  const both = merge(first, second)
  t.equal(both.siblings[0]?.time, 1000)
  t.ok(equalObjects(both, merge(second, first)))
  t.equal(merge(both, first), both)
  // The same dots with another time: one attempt's time is kept where its dot was replaced.
  const later = { ...both, siblings: both.siblings.map((one) => ({ ...one, time: 3000 })) }
  t.equal(merge(later, both).siblings[0]?.time, 1000)
})

t.test('an attempt that was replaced elsewhere leaves the other dot', async (t) => {
  const both = object([range(1, 1, 1), range(5, 5, 5)], sibling('put', dot(1, 1), dot(5, 5)))
  const replaced = object([range(1, 1, 2)], sibling('new', dot(1, 2)))
  const merged = merge(both, replaced)
  t.same(textsOf(merged), ['new', 'put'])
  t.same(merged.siblings.find(({ value }) => value?.length === 3 && value[0] === 112)?.dots, [
    dot(5, 5),
  ])
})

t.test('an attempt of a named request ends with the others, wherever it is', async (t) => {
  const first = object([range(1, 1, 1)], sibling('put', dot(1, 1)))
  const repeat = named(object([range(5, 5, 5)], sibling('put', dot(5, 5))))
  const both = merge(first, repeat)
  t.same(both.siblings[0]?.dots, [dot(1, 1), dot(5, 5)])
  const replaced = named(object([range(5, 5, 5), range(7, 7, 7)], sibling('next', dot(7, 7))))
  for (const attempt of [first, repeat, both]) {
    t.same(textsOf(merge(replaced, attempt)), ['next'])
    t.ok(equalObjects(merge(attempt, replaced), merge(replaced, attempt)))
  }
  t.ok(merge(replaced, first).context.covers(dot(1, 1)))
  const other = object([range(9, 9, 9)], sibling('other', dot(9, 9)))
  t.same(textsOf(merge(replaced, other)), ['next', 'other'])
})

const named = ({ context, siblings }: VersionedObject): VersionedObject => ({
  context: context.withRequest(requestId('put')),
  siblings,
})

t.test('one request id with two values, or with a tombstone, keeps both siblings', async (t) => {
  const id = requestId('same')
  const one = { ...sibling('one', dot(1, 1)), requestId: id }
  const two = { ...sibling('two', dot(5, 5)), requestId: id }
  const gone = { ...sibling('gone', dot(7, 7)), requestId: id, value: undefined }
  const merged = [
    object([range(1, 1, 1)], one),
    object([range(5, 5, 5)], two),
    object([range(7, 7, 7)], gone),
  ].reduce(merge)
  t.same(textsOf(merged), ['one', 'two', '†'])
})

t.test('two writes with one dot both stay', async (t) => {
  const one = object([range(1, 1, 1)], sibling('one', dot(1, 1)))
  const two = object([range(1, 1, 1)], sibling('two', dot(1, 1)))
  t.same(textsOf(merge(one, two)), ['one', 'two'])
  t.same(textsOf(merge(merge(one, two), object([range(1, 1, 1)]))), [])
})

t.test('D10: a merge refuses no number of siblings', async (t) => {
  const many = Array.from({ length: 500 }, (_, i) =>
    object([range(2 * i + 1, 2 * i + 1, 2 * i + 1)], sibling(`v${i}`, dot(2 * i + 1, 2 * i + 1))),
  )
  const left = many.reduce(merge)
  t.equal(left.siblings.length, 500)
  t.ok(equalObjects(left, [...many].reverse().reduce(merge)))
})

t.test('a sibling keeps at most its number of dots; the rest stay covered', async (t) => {
  const attempts = Array.from({ length: DOTS_PER_SIBLING_MAX + 5 }, (_, i) =>
    object([range(2 * i + 1, 2 * i + 1, 2 * i + 1)], sibling('put', dot(2 * i + 1, 2 * i + 1))),
  )
  const merged = attempts.reduce(merge)
  t.same(textsOf(merged), ['put'])
  t.equal(merged.siblings[0]?.dots.length, DOTS_PER_SIBLING_MAX)
  t.equal(merged.context.count, attempts.length)
  t.equal(merge(merged, attempts.at(-1) as VersionedObject), merged)
})

t.test('copies have the same siblings, whatever they know of older ones', async (t) => {
  const x = sibling('x', dot(1, 4))
  const known = object([range(1, 1, 2), range(1, 4, 4)], x)
  const other = object([range(1, 2, 4)], { ...x })
  const whole = merge(known, other)
  t.not(whole, known)
  t.not(whole, other)
  for (const copy of [known, other]) t.ok(haveSameSiblings(copy, whole))
  const more = object([range(1, 4, 4), range(7, 7, 7)], x, sibling('y', dot(7, 7)))
  t.notOk(haveSameSiblings(known, merge(known, more)), 'it lacks one')
  const replaced = object([range(1, 1, 5)], sibling('z', dot(1, 5)))
  t.notOk(haveSameSiblings(known, merge(known, replaced)), 'it has one that was replaced')
  for (const difference of [{ time: 7 }, { requestId: requestId('q') }, { value: undefined }]) {
    t.notOk(haveSameSiblings(known, object([range(1, 4, 4)], { ...x, ...difference })))
  }
  t.notOk(haveSameSiblings(known, object([range(1, 4, 5)], { ...x, dots: [dot(1, 5)] })))
})
