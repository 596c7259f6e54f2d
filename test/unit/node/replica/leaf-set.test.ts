/** A set of leaves is walked in order, each once. */
import * as fc from 'fast-check'
import t from 'tap'
import { TREE_LEAF_BITS } from '../../../../src/dynamo/repair/branches.ts'
import { LeafSet } from '../../../../src/node/replica/leaf-set.ts'

const LAST = 2 ** TREE_LEAF_BITS - 1

function leavesOf(set: LeafSet): readonly number[] {
  const found: number[] = []
  for (let leaf = set.nextFrom(0); leaf !== undefined; leaf = set.nextFrom(leaf + 1)) {
    found.push(leaf)
  }
  return found
}

t.test('it has what was added and not taken away, in order', async (t) => {
  // Neighbours in a word of 32, its edges, and the ends of the set.
  const leaf = fc.oneof(
    fc.nat({ max: 100 }),
    fc.constantFrom(31, 32, 63, 64, 1023, 1024, LAST - 32, LAST - 31, LAST - 1, LAST),
    fc.nat({ max: LAST }),
  )
  const acts = fc.array(fc.tuple(fc.boolean(), leaf), { maxLength: 40 })
  fc.assert(
    fc.property(acts, (list) => {
      const [set, model] = [new LeafSet(), new Set<number>()]
      for (const [isAdded, one] of list) {
        if (isAdded) set.add(one)
        else set.delete(one)
        if (isAdded) model.add(one)
        else model.delete(one)
      }
      t.equal(set.size, model.size)
      t.strictSame(
        leavesOf(set),
        [...model].sort((a, b) => a - b),
      )
    }),
    { numRuns: 60 },
  )
})

t.test('an empty set, and what lies behind its last leaf, is nothing', async (t) => {
  const set = new LeafSet()
  t.equal(set.nextFrom(0), undefined)
  set.add(LAST)
  set.add(LAST)
  t.equal(set.nextFrom(1), LAST)
  t.equal(set.nextFrom(LAST + 1), undefined)
  set.delete(LAST)
  t.equal(set.size, 0)
})
