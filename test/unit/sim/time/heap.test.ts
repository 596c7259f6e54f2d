import t from 'tap'
import { Heap } from '../../../../src/sim/time/heap.ts'
import { Prng } from '../../../../src/base/prng.ts'

t.test('the least comes out first, and equals in the order in which they went in', async (t) => {
  const prng = Prng.of(1, 'heap')
  for (let round = 0; round < 50; round++) {
    const heap = new Heap<{ rank: number; order: number }>()
    const sorted: { rank: number; order: number }[] = []
    for (let order = 0; order < 200; order++) {
      const entry = { rank: prng.below(10), order }
      heap.push(entry.rank, entry)
      sorted.push(entry)
    }
    // A stable sort, so equal ranks stay in order.
    sorted.sort((a, b) => a.rank - b.rank)
    t.same(
      sorted.map(() => heap.pop()),
      sorted,
    )
    t.equal(heap.size, 0)
  }
})

t.test('pushes between pops keep the order', async (t) => {
  const heap = new Heap<string>()
  heap.push(1, 'a')
  heap.push(1, 'b')
  t.equal(heap.pop(), 'a')
  heap.push(1, 'c')
  heap.push(0, 'first')
  t.same([heap.pop(), heap.pop(), heap.pop()], ['first', 'b', 'c'])
})

t.test('peeking takes nothing, and an empty heap has nothing', async (t) => {
  const heap = new Heap<string>()
  t.equal(heap.pop(), undefined)
  t.equal(heap.peekRank(), Number.POSITIVE_INFINITY)
  heap.push(3, 'x')
  t.equal(heap.peekRank(), 3)
  t.equal(heap.size, 1)
})

t.test('entries that are retained keep their order, and the others are gone', async (t) => {
  const heap = new Heap<number>()
  for (let i = 0; i < 300; i++) heap.push(i % 3, i)
  heap.retain((value) => value % 2 === 0)
  const expected = [0, 1, 2].flatMap((rank) =>
    Array.from({ length: 100 }, (_, i) => 3 * i + rank).filter((value) => value % 2 === 0),
  )
  t.same(
    expected.map(() => heap.pop()),
    expected,
  )
  t.equal(heap.size, 0)
})
