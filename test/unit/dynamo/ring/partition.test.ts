/** Tokens lie in the partition that their first bits name; the slices cover the ring once. */
import t from 'tap'
import {
  compareTokens,
  FIRST_TOKEN,
  lastTokenOf,
  nextToken,
  partitionOf,
} from '../../../../src/dynamo/ring/partition.ts'
import { Prng } from '../../../../src/base/prng.ts'

const LAST_TOKEN = { hi: 0xffff_ffff, lo: 0xffff_ffff }

t.test('partitions cover the ring once, clockwise, for every number of bits', async (t) => {
  for (let bits = 0; bits <= 16; bits++) {
    const count = 2 ** bits
    const sample = count <= 64 ? count : 64
    for (let i = 0; i < sample; i++) {
      const partition = Math.floor((i * count) / sample)
      const last = lastTokenOf(partition, bits)
      if (partitionOf(last, bits) !== partition) t.fail(`last of ${partition} of 2^${bits}`)
      const next = nextToken(last)
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
    const token = { hi: prng.u32(), lo: prng.u32() }
    for (let bits = 0; bits < 16; bits++) {
      const coarse = partitionOf(token, bits)
      if (partitionOf(token, bits + 1) >>> 1 !== coarse) t.fail(`${token.hi} at ${bits} bits`)
    }
  }
})

t.test('tokens are ordered by both halves', async (t) => {
  const tokens = [
    FIRST_TOKEN,
    { hi: 0, lo: 1 },
    { hi: 1, lo: 0 },
    { hi: 2 ** 31, lo: 5 },
    LAST_TOKEN,
  ]
  tokens.forEach((a, i) => {
    tokens.forEach((b, j) => t.equal(Math.sign(compareTokens(a, b)), Math.sign(i - j)))
  })
  t.strictSame(nextToken({ hi: 3, lo: 0xffff_ffff }), { hi: 4, lo: 0 })
  t.equal(nextToken(LAST_TOKEN), undefined)
})

t.test('a partition that is not on the ring has no tokens', async (t) => {
  t.throws(() => lastTokenOf(8, 3), /the partition is on the ring/)
})
