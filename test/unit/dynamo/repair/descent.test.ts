/** The way down a hash tree, against a set of leaves that differ. */
import t from 'tap'
import { type Branch, TREE_LEAF_BITS, TREE_LEAVES } from '../../../../src/dynamo/repair/branches.ts'
import { Descent, DESCENT_LEAVES_MAX } from '../../../../src/dynamo/repair/descent.ts'
import { TREE_BRANCHES_MAX } from '../../../../src/limits.ts'

const BITS = 8
const TOP = { bits: BITS, branches: Array.from({ length: 2 ** BITS }, (_, i) => i) }

interface Found {
  readonly leaves: readonly Branch[]
  readonly end: Branch
  /** Branches that were compared, by their bits. */
  readonly compared: ReadonlyMap<number, number>
}

/** One descent where exactly these leaves differ. */
function descend(differing: readonly Branch[], from = 0, top = TOP): Found {
  const descent = new Descent(top, from)
  const compared = new Map<number, number>()
  for (let level = descent.next(); level !== undefined; level = descent.next()) {
    const { bits, branches } = level
    if (branches.length > TREE_BRANCHES_MAX) throw new Error(`${branches.length} at once`)
    compared.set(bits, (compared.get(bits) ?? 0) + branches.length)
    const above = new Set(differing.map((leaf) => leaf >>> (TREE_LEAF_BITS - bits)))
    descent.take(branches.filter((branch) => above.has(branch)))
  }
  return { leaves: descent.leaves, end: descent.end, compared }
}

t.test('finds the leaves that differ, and looks at nothing beside the way to them', async () => {
  const leaves = [0, 1, 17, 70_000, 70_001, TREE_LEAVES - 1]
  const found = descend(leaves)
  t.strictSame(found.leaves, leaves)
  t.equal(found.end, TREE_LEAVES)
  t.strictSame(
    [...found.compared],
    [
      [8, 256],
      [12, 48],
      [16, 48],
      [20, 64],
    ],
    'three branches differ at 8 and 12 bits, and four at 16: each has 16 children',
  )
})

t.test('two trees that are equal have no leaf that differs', async () => {
  t.strictSame(descend([]), { leaves: [], end: TREE_LEAVES, compared: new Map([[8, 256]]) })
})

t.test('goes on behind the leaves that the descent before has looked at', async () => {
  const every = Array.from({ length: TREE_LEAVES / 16 }, (_, i) => 16 * i + 5)
  const found: Branch[] = []
  let descents = 0
  for (let from = 0; from < TREE_LEAVES; descents++) {
    const { leaves, end } = descend(every, from)
    t.ok(leaves.length <= DESCENT_LEAVES_MAX, 'a descent finds no more than it may')
    t.ok(end > from, 'each one gets further')
    found.push(...leaves)
    from = end
  }
  t.strictSame(found, every, 'each leaf once')
  t.equal(descents, 5, '65,536 leaves, and up to 1,024 less than 16,384 in each descent')
})

t.test('a ring of as many partitions as there are leaves is compared in parts', async () => {
  const top = { bits: TREE_LEAF_BITS, branches: Array.from({ length: 5_000 }, (_, i) => 7 * i) }
  t.strictSame(descend([21, 34_993], 20, top).leaves, [21, 34_993])
  t.strictSame(descend([14, 21], 21, top).leaves, [21], 'not those before the first one')
})
