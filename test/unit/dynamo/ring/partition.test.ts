/** Tokens lie in the partition that their first bits name; the slices cover the ring once. */
import t from 'tap'
import type { Token } from '../../../../src/native/digest.ts'
import { nextU64, u64 } from '../../../../src/base/u64.ts'
import { FIRST_TOKEN, lastTokenOf, partitionOf } from '../../../../src/dynamo/ring/partition.ts'
import { Prng } from '../../../../src/base/prng.ts'

const LAST_TOKEN: Token = u64(0xffff_ffff, 0xffff_ffff)

t.test('partitions cover the ring once, clockwise, for every number of bits', async (t) => {
  for (let bits = 0; bits <= 16; bits++) {
    const count = 2 ** bits
    const sample = count <= 64 ? count : 64
    for (let i = 0; i < sample; i++) {
      const partition = Math.floor((i * count) / sample)
      const last = lastTokenOf(partition, bits)
      if (partitionOf(last, bits) !== partition) t.fail(`last of ${partition} of 2^${bits}`)
      const next = nextU64(last)
      const expected = partition + 1 < count ? partition + 1 : undefined
      const found = next === undefined ? undefined : partitionOf(next, bits)
      t.equal(found, expected, `after ${partition} of 2^${bits}`)
    }
    t.equal(partitionOf(FIRST_TOKEN, bits), 0)
    t.strictSame(lastTokenOf(count - 1, bits), LAST_TOKEN)
  }
})

t.test('one more bit splits every partition in two and moves no token', async (t) => {
  const prng = Prng.of(1, 'tokens')
  for (let i = 0; i < 1000; i++) {
    const token: Token = u64(prng.u32(), prng.u32())
    for (let bits = 0; bits < 16; bits++) {
      const coarse = partitionOf(token, bits)
      if (partitionOf(token, bits + 1) >>> 1 !== coarse) t.fail(`${token.hi} at ${bits} bits`)
    }
  }
})

t.test('a partition that is not on the ring has no tokens', async (t) => {
  t.throws(() => lastTokenOf(8, 3), /the partition is on the ring/)
})
