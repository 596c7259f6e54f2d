import t from 'tap'
import { compareU64, equalU64, nextU64, type U64, u64 } from '../../../src/base/u64.ts'

const LAST: U64 = u64(0xffff_ffff, 0xffff_ffff)

t.test('numbers are ordered by the upper half, then by the lower', async (t) => {
  const numbers: readonly U64[] = [u64(0, 0), u64(0, 1), u64(1, 0), u64(2 ** 31, 5), LAST]
  numbers.forEach((a, i) => {
    numbers.forEach((b, j) => {
      t.equal(Math.sign(compareU64(a, b)), Math.sign(i - j))
      t.equal(equalU64(a, b), i === j)
    })
  })
})

t.test('the number above carries into the upper half, and ends above the largest', async (t) => {
  t.strictSame(nextU64(u64(3, 7)), u64(3, 8))
  t.strictSame(nextU64(u64(3, 0xffff_ffff)), u64(4, 0))
  t.equal(nextU64(LAST), undefined)
})
