/** Ranges and identities as bytes: there and back, and what is refused. */
import t from 'tap'
import { Context } from '../../../../src/dynamo/version/context.ts'
import {
  RANGE_BYTES,
  readId,
  readRanges,
  writeId,
  writeRanges,
} from '../../../../src/dynamo/version/range-bytes.ts'
import { range } from './samples.ts'

t.test('an identity comes back from its bytes, however many were read before it', async (t) => {
  const bytes = new Uint8Array(9)
  for (let i = 0; i < 10_000; i++) {
    const id = ((BigInt(i) * 0x9e37_79b9_7f4a_7c15n) % 2n ** 64n).toString(16).padStart(16, '0')
    writeId(bytes, 1, id)
    if (readId(bytes, 1) !== id || readId(bytes, 1) !== id) t.fail(id)
  }
  t.equal(Buffer.from(bytes).readBigUInt64BE(1), (9999n * 0x9e37_79b9_7f4a_7c15n) % 2n ** 64n)
})

t.test('an identity that was read before is the same string', async (t) => {
  const bytes = new Uint8Array(8).fill(7)
  t.equal(readId(bytes, 0), '0707070707070707')
  t.throws(() => writeId(bytes, 0, '07'), { name: 'BrokenBelief' })
})

t.test('ranges come back from their bytes, up to the largest counter', async (t) => {
  const context = Context.of([range(1, 1, 2), range(5, 7, 2 ** 48 - 1)])
  const bytes = new Uint8Array(3 + context.count * RANGE_BYTES)
  t.equal(writeRanges(context, bytes, 3), bytes.length)
  t.same(readRanges(bytes, 3, 2), context.ranges)
})

t.test('ranges that no context holds are refused', async (t) => {
  for (const wrong of [
    [range(0, 0, 1)],
    [range(2, 1, 3)],
    [range(1, 3, 2)],
    [range(1, 1, 1), range(1, 2, 3)],
    [range(1, 1, 1), range(1, 1, 1)],
    [range(2, 2, 2), range(1, 1, 1)],
  ]) {
    const bytes = new Uint8Array(wrong.length * RANGE_BYTES)
    writeRanges(Context.ofCanonical(wrong), bytes, 0)
    t.equal(readRanges(bytes, 0, wrong.length), undefined)
  }
})
