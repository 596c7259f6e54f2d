/** Ranges of numbers, against a plain set. */
import t from 'tap'
import { Prng } from '../../../../src/base/prng.ts'
import { RangeSet } from '../../../../src/store/log/range-set.ts'

void t.test('a set of ranges holds the same numbers as a plain set', (t) => {
  for (let seed = 1; seed <= 200; seed++) {
    const prng = Prng.of(seed)
    const ranges = new RangeSet()
    const plain = new Set<number>()
    for (let i = prng.below(20); i > 0; i--) {
      const first = 1 + prng.below(40)
      const last = first + (prng.chance(0.5) ? 0 : prng.below(8))
      ranges.addRange(first, last)
      for (let number = first; number <= last; number++) plain.add(number)
    }
    const listed = ranges.ranges.flatMap(({ first, last }) => numbers(first, last))
    const wanted = [...plain].sort((a, b) => a - b)
    if (String(listed) !== String(wanted)) t.same(listed, wanted, `seed ${seed}`)
    const apart = ranges.ranges.every(
      ({ first }, i) => i === 0 || first > (ranges.ranges[i - 1]?.last ?? 0) + 1,
    )
    if (!apart) t.fail(`ranges touch: seed ${seed}`)
    const gaps = ranges.gaps(5, 30).flatMap(({ first, last }) => numbers(first, last))
    const missing = numbers(5, 30).filter((number) => !plain.has(number))
    if (String(gaps) !== String(missing)) t.same(gaps, missing, `gaps, seed ${seed}`)
    for (const number of numbers(0, 50)) {
      if (ranges.has(number) !== plain.has(number)) t.fail(`has ${number}: seed ${seed}`)
    }
  }
  t.pass('200 seeds')
  t.end()
})

void t.test('gaps of an empty set are all of it, and of none there is none', (t) => {
  t.same(new RangeSet().gaps(3, 9), [{ first: 3, last: 9 }])
  t.same(new RangeSet().gaps(3, 2), [])
  t.same(new RangeSet([{ first: 1, last: 9 }]).gaps(3, 9), [])
  t.end()
})

function numbers(first: number, last: number): readonly number[] {
  return Array.from({ length: Math.max(0, last - first + 1) }, (_, i) => first + i)
}
