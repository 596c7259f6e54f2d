/** Receipts: what covers them, what opens, and by which code each other one is refused. */
import t from 'tap'
import { utf8Bytes } from '../../../../src/base/bytes.ts'
import { Prng } from '../../../../src/base/prng.ts'
import type { CreationId } from '../../../../src/dynamo/names.ts'
import { Context } from '../../../../src/dynamo/version/context.ts'
import {
  isCovered,
  type Receipt,
  receiptOf,
  Receipts,
} from '../../../../src/dynamo/version/receipt.ts'
import { RECEIPT_BYTES_MAX, REPEATS_PER_KEY_MAX } from '../../../../src/limits.ts'
import { BUCKET_ID, copyOf } from '../../../../src/store/conformance/subject.ts'
import { dot, range, requestId, sibling } from './samples.ts'

const clusterKey = (id: number): { id: number; key: Uint8Array } => ({
  id,
  key: Prng.of(id, 'cluster key').fill(new Uint8Array(16)),
})
const receipts = new Receipts([clusterKey(1)], 'cluster')
const OF = copyOf({ bucket: utf8Bytes('carts'), key: utf8Bytes('alice') })
const ONE: Receipt = { kind: 'dots', dots: [dot(2, 7)] }
const TWO = receiptOf({ siblings: [sibling('x', dot(2, 7)), sibling('y', dot(9, 9))] }) as Receipt
const REQUEST: Receipt = { kind: 'request', requestId: requestId('again') }

const codeOf = (opened: ReturnType<Receipts['open']>): string =>
  opened.kind === 'opened' ? 'opened' : opened.code

t.test('a receipt that was given for a key opens for that key, and is short', async (t) => {
  for (const receipt of [ONE, TWO, REQUEST]) {
    const sealed = receipts.seal(OF, receipt)
    t.ok(sealed.length <= RECEIPT_BYTES_MAX)
    const opened = receipts.open(OF, sealed)
    const again = opened.kind === 'opened' && receipts.seal(OF, opened.receipt)
    t.same(again, sealed)
  }
})

t.test('a receipt of another key, bucket, cluster or creation is foreign', async (t) => {
  const sealed = receipts.seal(OF, ONE)
  const others = [
    copyOf({ ...OF.name, key: utf8Bytes('bob') }),
    copyOf({ ...OF.name, bucket: utf8Bytes('cart') }),
    { ...OF, bucketId: { ...BUCKET_ID, creation: 'c0ffee0000000001' as CreationId } },
  ]
  for (const other of others) t.equal(codeOf(receipts.open(other, sealed)), 'receipt-foreign')
  const renamed = new Receipts([clusterKey(1)], 'other')
  const rekeyed = new Receipts([clusterKey(2)], 'cluster')
  for (const one of [renamed, rekeyed]) t.equal(codeOf(one.open(OF, sealed)), 'receipt-foreign')
  const rotated = new Receipts([clusterKey(2), clusterKey(1)], 'cluster')
  t.equal(codeOf(rotated.open(OF, sealed)), 'opened', 'an older key still reads')
})

t.test('bytes that are no receipt are garbled', async (t) => {
  for (const receipt of [ONE, TWO, REQUEST]) {
    const sealed = receipts.seal(OF, receipt)
    for (let length = 0; length < sealed.length; length++) {
      t.equal(codeOf(receipts.open(OF, sealed.subarray(0, length))), 'receipt-garbled')
    }
    t.equal(codeOf(receipts.open(OF, Uint8Array.of(...sealed, 0))), 'receipt-garbled')
    for (const [at, byte] of [
      [0, 2],
      [1, 3],
    ] as const) {
      const other = Uint8Array.from(sealed)
      other[at] = byte
      t.equal(codeOf(receipts.open(OF, other)), 'receipt-garbled')
    }
  }
  const unopened = receipts.seal(OF, { kind: 'dots', dots: [dot(8, 7)] })
  t.equal(codeOf(receipts.open(OF, unopened)), 'receipt-garbled', 'a dot before its line')
})

t.test('a dot is covered by a range of its own line alone', async (t) => {
  const covered = (...ranges: ReturnType<typeof range>[]): boolean =>
    isCovered(ONE, Context.of(ranges))
  t.ok(covered(range(2, 7, 7)))
  t.ok(covered(range(2, 3, 9)))
  t.notOk(covered(range(2, 3, 6)))
  t.notOk(covered(range(2, 8, 9)))
  t.notOk(covered(range(1, 1, 20)), 'another line of the same start')
  t.notOk(covered())
})

t.test('both dots must be covered', async (t) => {
  t.ok(isCovered(TWO, Context.of([range(2, 2, 7), range(9, 9, 9)])))
  t.notOk(isCovered(TWO, Context.of([range(2, 2, 7)])))
})

t.test('a request is covered where it is named, or was before many newer ones', async (t) => {
  const { empty } = Context
  t.ok(isCovered(REQUEST, empty.withRequest(requestId('again'))))
  t.notOk(isCovered(REQUEST, empty.withRequest(requestId('other'))))
  const newer = Array.from({ length: REPEATS_PER_KEY_MAX }, (_, i) => requestId(`b${i}`))
  const full = newer.reduce((context, id) => context.withRequest(id), empty)
  t.ok(isCovered(REQUEST, full))
})

t.test('an object with no sibling, or more than two, has no receipt', async (t) => {
  t.equal(receiptOf({ siblings: [] }), undefined)
  const three = ['x', 'y', 'z'].map((text, i) => sibling(text, dot(i + 1, i + 1)))
  t.equal(receiptOf({ siblings: three }), undefined)
  t.same(receiptOf({ siblings: three.slice(0, 1) }), { kind: 'dots', dots: [dot(1, 1)] })
})
