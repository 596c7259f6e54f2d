/** The seeded generator: the same numbers for ever, evenly spread, streams apart. */
import t from 'tap'
import { Prng } from '../../../src/base/prng.ts'

const draw = (prng: Prng, count: number): number[] =>
  Array.from({ length: count }, () => prng.u32())

t.test('one seed and name give the same numbers in every release', async (t) => {
  t.same(draw(Prng.of(7, 'disk'), 8), draw(Prng.of(7, 'disk'), 8))
  // Frozen: seeds in bug reports refer to these numbers.
  t.same(draw(Prng.of(0), 3), [686_721_624, 1_976_656_400, 3_310_442_168])
  t.same(draw(Prng.of(2 ** 53 - 1, 'disk'), 3), [2_265_719_326, 1_155_257_825, 1_853_673_740])
})

t.test('another seed, adjacent or beyond 32 bits, gives other numbers', async (t) => {
  const stories = [0, 1, 2, 2 ** 32, 2 ** 32 + 1].map((seed) => draw(Prng.of(seed), 4).join())
  t.equal(new Set(stories).size, stories.length)
})

t.test('a stream and its generator do not affect each other', async (t) => {
  const parent = Prng.of(3, 'world')
  const alone = draw(Prng.of(3, 'world'), 6)
  const child = parent.stream('disk')
  const first = draw(parent, 3)
  const drawn = draw(child, 3)
  t.same([...first, ...draw(parent, 3)], alone)
  parent.u32()
  t.same(draw(parent.stream('disk'), 3), drawn)
  t.notSame(draw(Prng.of(3, 'disk'), 3), drawn, 'the name of the parent counts')
})

t.test('below gives each number as often, within five standard deviations', async (t) => {
  const prng = Prng.of(11)
  for (const count of [1, 2, 3, 7, 100]) {
    const seen = Array.from({ length: count }, () => 0)
    const draws = 2000 * count
    for (let i = 0; i < draws; i++) seen[prng.below(count)]! += 1
    const deviation = Math.sqrt(2000 * (1 - 1 / count))
    t.ok(
      seen.every((times) => Math.abs(times - 2000) <= 5 * deviation),
      `${count}`,
    )
  }
})

t.test('every bit of a draw is set half of the time', async (t) => {
  const prng = Prng.of(12)
  const set = Array.from({ length: 32 }, () => 0)
  for (let i = 0; i < 10_000; i++) {
    const word = prng.u32()
    for (let bit = 0; bit < 32; bit++) set[bit]! += (word >>> bit) & 1
  }
  t.ok(set.every((times) => Math.abs(times - 5000) <= 250))
})

t.test('chance 0 never happens, chance 1 always, a quarter about every fourth time', async (t) => {
  const prng = Prng.of(13)
  let quarter = 0
  for (let i = 0; i < 10_000; i++) {
    if (prng.chance(0)) t.fail('0 happened')
    if (!prng.chance(1)) t.fail('1 did not happen')
    if (prng.chance(0.25)) quarter += 1
  }
  t.ok(Math.abs(quarter - 2500) < 220)
})

t.test('unit and between stay in their bounds and reach both ends', async (t) => {
  const prng = Prng.of(14)
  const seen = new Set<number>()
  for (let i = 0; i < 1000; i++) {
    seen.add(prng.between(5, 8))
    const unit = prng.unit()
    if (unit < 0 || unit >= 1) t.fail(`${unit}`)
  }
  t.same(
    [...seen].sort((a, b) => a - b),
    [5, 6, 7, 8],
  )
})

t.test('shuffled keeps every item, leaves its input alone and reaches every order', async (t) => {
  const prng = Prng.of(15)
  const items = ['a', 'b', 'c']
  const orders = new Set<string>()
  for (let i = 0; i < 200; i++) orders.add(prng.shuffled(items).join(''))
  t.equal(orders.size, 6)
  t.same(items, ['a', 'b', 'c'])
})

t.test('pick and fill are made of the same draws', async (t) => {
  t.ok(['x', 'y'].includes(Prng.of(16).pick(['x', 'y'])))
  const bytes = Prng.of(17).fill(new Uint8Array(5))
  const [first, second] = draw(Prng.of(17), 2) as [number, number]
  t.same(
    [...bytes.subarray(0, 4)],
    [0, 8, 16, 24].map((shift) => (first >>> shift) & 255),
  )
  t.equal(bytes[4], second & 255)
})

t.test(
  'a seed that is no whole number, and a choice from an empty list, are asserted',
  async (t) => {
    t.throws(() => Prng.of(0.5), { name: 'BrokenBelief' })
    t.throws(() => Prng.of(-1), { name: 'BrokenBelief' })
    t.throws(() => Prng.of(1).below(0), { name: 'BrokenBelief' })
  },
)
