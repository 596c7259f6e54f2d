import t from 'tap'
import { u64 } from '../../../../src/base/u64.ts'
import {
  bitsBelow,
  firstTokenOfLeaf,
  lastTokenOfLeaf,
  leafOf,
  branchesBelow,
  TREE_LEAF_BITS,
} from '../../../../src/dynamo/repair/branches.ts'

t.test('the way down ends at the leaves, whatever the partitions', async (t) => {
  for (let bits = 0; bits < TREE_LEAF_BITS; bits++) {
    const below = bitsBelow(bits)
    t.ok(below > bits && below <= TREE_LEAF_BITS && below - bits <= 4, `${bits} to ${below}`)
  }
  t.strictSame(
    branchesBelow([3], 16),
    [48, 49, 50, 51, 52, 53, 54, 55, 56, 57, 58, 59, 60, 61, 62, 63],
  )
  t.strictSame(branchesBelow([1, 5], 19), [2, 3, 10, 11], 'two leaves below 19 bits')
})

t.test('leaves cover all tokens once', async (t) => {
  t.strictSame(firstTokenOfLeaf(0), u64(0, 0))
  t.strictSame(lastTokenOfLeaf(0), u64(0xfff, 0xffffffff))
  t.strictSame(firstTokenOfLeaf(1), u64(0x1000, 0))
  t.strictSame(lastTokenOfLeaf(2 ** TREE_LEAF_BITS - 1), u64(0xffffffff, 0xffffffff))
  for (const leaf of [0, 1, 0x7ffff, 0x80000, 0xfffff]) {
    t.equal(leafOf(firstTokenOfLeaf(leaf)), leaf)
    t.equal(leafOf(lastTokenOfLeaf(leaf)), leaf)
  }
})
