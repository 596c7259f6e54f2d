/** The digest of a set: sums that entries come to and go from. */
import * as fc from 'fast-check'
import t from 'tap'
import { u64 } from '../../../../src/base/u64.ts'
import { nodeId } from '../../../../src/dynamo/names.ts'
import { bucketOf, BUCKETS, SetDigest } from '../../../../src/dynamo/membership/set-digest.ts'
import { id } from './samples.ts'

const word = fc.oneof(
  fc.constantFrom(0, 1, 0x7fff_ffff, 0x8000_0000, 0xffff_ffff),
  fc.integer({ min: 0, max: 0xffff_ffff }),
)
const entry = fc.tuple(fc.integer({ min: 0, max: 99 }), word, word)

t.test('sums are those of 64-bit numbers, and an entry that goes leaves nothing', async (t) => {
  fc.assert(
    fc.property(fc.array(entry), fc.array(entry), (staying, going) => {
      const digest = new SetDigest()
      for (const [number, hi, lo] of [...staying, ...going]) digest.add(id(number), u64(hi, lo))
      for (const [number, hi, lo] of going) digest.remove(id(number), u64(hi, lo))
      let sum = 0n
      for (const [, hi, lo] of staying) sum += (BigInt(hi) << 32n) + BigInt(lo)
      const { hi, lo } = digest.total
      t.equal((BigInt(hi) << 32n) + BigInt(lo), sum % 2n ** 64n)
      const only = new SetDigest()
      for (const [number, high, low] of staying) only.add(id(number), u64(high, low))
      t.same(digest.buckets, only.buckets)
    }),
    { numRuns: 300 },
  )
})

t.test('an entry is in the bucket of its first digits', async (t) => {
  t.equal(bucketOf(nodeId('0300000000000000')), 0)
  t.equal(bucketOf(nodeId('0400000000000000')), 1)
  t.equal(bucketOf(nodeId('ff00000000000000')), BUCKETS - 1)
  const digest = new SetDigest()
  digest.add(nodeId('0400000000000000'), u64(7, 9))
  t.ok(digest.isEqual(1, u64(7, 9)))
  t.notOk(digest.isEqual(1, u64(7, 8)))
  t.ok(digest.isEqual(2, u64(0, 0)))
  t.equal(digest.buckets.length, BUCKETS)
})
