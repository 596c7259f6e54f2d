/** Contexts and identities as bytes: there and back, and what is refused. */
import t from 'tap'
import { Context } from '../../../../src/dynamo/version/context.ts'
import {
  contextBytes,
  readContext,
  readId,
  writeContext,
  writeId,
} from '../../../../src/dynamo/version/context-bytes.ts'
import { REPEATS_PER_KEY_MAX } from '../../../../src/limits.ts'
import { range, requestId } from './samples.ts'

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

t.test('a context comes back from its bytes, up to the largest counter', async (t) => {
  const ranges = Context.of([range(1, 1, 2), range(5, 7, 2 ** 48 - 1)])
  const context = ranges.withRequest(requestId('b')).withRequest(requestId('a\xff'))
  const bytes = new Uint8Array(3 + contextBytes(2, 2))
  t.equal(writeContext(context, bytes, 3), bytes.length)
  t.same(readContext(bytes, 3, 2, 2), context)
  t.same(readContext(bytes, 3, 2, 0), ranges)
  t.equal(readContext(bytes, 3, 2, 3), undefined, 'more than there is')
  t.equal(readContext(bytes, 4, 2, 2), undefined)
})

t.test('ranges and requests that no context holds are refused', async (t) => {
  for (const wrong of [
    [range(0, 0, 1)],
    [range(2, 1, 3)],
    [range(1, 3, 2)],
    [range(1, 1, 1), range(1, 2, 3)],
    [range(1, 1, 1), range(1, 1, 1)],
    [range(2, 2, 2), range(1, 1, 1)],
  ]) {
    t.equal(throughBytes(Context.ofCanonical(wrong)), undefined)
  }
  const many = Array.from({ length: REPEATS_PER_KEY_MAX + 1 }, (_, i) => requestId(`r${10 + i}`))
  t.ok(throughBytes(Context.ofCanonical([], many.slice(1))))
  for (const wrong of [many, many.slice(0, 2).reverse(), [many[0]!, many[0]!]]) {
    t.equal(throughBytes(Context.ofCanonical([], wrong)), undefined)
  }
})

function throughBytes(context: Context): Context | undefined {
  const { count, requests } = context
  const bytes = new Uint8Array(contextBytes(count, requests.length))
  writeContext(context, bytes, 0)
  return readContext(bytes, 0, count, requests.length)
}
