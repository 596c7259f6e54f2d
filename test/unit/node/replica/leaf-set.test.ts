/** Leaves are taken out of a set in order, round and round. */
import * as fc from 'fast-check'
import t from 'tap'
import { TREE_LEAF_BITS } from '../../../../src/dynamo/repair/branches.ts'
import { LeafSet } from '../../../../src/node/replica/leaf-set.ts'

const LAST = 2 ** TREE_LEAF_BITS - 1

t.test('it gives what was added, in order from the last one on, each once', async (t) => {
  // Neighbours in a word of 32, its edges, and the ends of the set.
  const leaf = fc.oneof(
    fc.nat({ max: 100 }),
    fc.constantFrom(31, 32, 63, 64, 1023, 1024, LAST - 32, LAST - 31, LAST - 1, LAST),
    fc.nat({ max: LAST }),
  )
  // Undefined: one is taken.
  const acts = fc.array(fc.option(leaf, { nil: undefined, freq: 3 }), { maxLength: 60 })
  fc.assert(
    fc.property(acts, (list) => {
      const [set, model] = [new LeafSet(), new Set<number>()]
      let next = 0
      const expected = (): number | undefined => {
        const sorted = [...model].sort((a, b) => a - b)
        return sorted.find((one) => one >= next) ?? sorted[0]
      }
      const take = (): void => {
        const one = expected()
        t.equal(set.take(), one)
        if (one === undefined) return
        model.delete(one)
        next = one + 1
      }
      for (const one of list) {
        if (one === undefined) take()
        else {
          set.add(one)
          model.add(one)
        }
        t.equal(set.size, model.size)
      }
      while (model.size > 0) take()
      take()
    }),
    { numRuns: 60 },
  )
})

t.test('a leaf that is put back comes after all others', async (t) => {
  const set = new LeafSet()
  for (const leaf of [1, 5, LAST]) set.add(leaf)
  const taken = Array.from({ length: 6 }, () => {
    const leaf = set.take() as number
    set.add(leaf)
    return leaf
  })
  t.strictSame(taken, [1, 5, LAST, 1, 5, LAST])
  t.equal(set.size, 3)
})
