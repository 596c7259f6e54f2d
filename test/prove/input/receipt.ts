/** Wrong receipts, sent with gets by hand to real nodes: none may be answered, none does harm. */
import { joinBytes, utf8Bytes } from '../../../src/base/bytes.ts'
import { RECEIPT_BYTES_MAX, RECEIPTS_PER_GET_MAX } from '../../../src/limits.ts'
import { putAt } from './message.ts'
import { codeOf, type Lab, type Row, rowsOf } from './row.ts'

const BUCKET = utf8Bytes('receipts')
const KEY = utf8Bytes('k')
const DEADLINE_MS = 2_000
/** Of a dot, in a receipt: its start, opening and counter. */
const [START_AT, COUNTER_AT] = [10, 24]

type Change = (good: Uint8Array) => Uint8Array[] | Promise<Uint8Array[]>

export function receiptRows(lab: Lab): readonly Row[] {
  let here: ReturnType<typeof putAt> | undefined
  const get = (change: Change) => async () => {
    here ??= putAt(lab, 'cluster', BUCKET, KEY)
    const { session, receipt } = await here
    const receipts = await change(receipt.slice())
    const name = { bucket: BUCKET, key: KEY }
    const asked = { name, r: 1, deadlineMs: DEADLINE_MS, strict: true, monotonic: false }
    return codeOf(() => session.ask('get', { ...asked, receipts }))
  }
  const explain = (change: (good: Uint8Array) => Uint8Array) => async () => {
    here ??= putAt(lab, 'cluster', BUCKET, KEY)
    const { session, receipt } = await here
    const name = { bucket: BUCKET, key: KEY }
    const asked = { name, deadlineMs: DEADLINE_MS, ownersOnly: true }
    return codeOf(() => session.ask('explain', { ...asked, receipt: change(receipt.slice()) }))
  }
  const changed = (at: number) => (good: Uint8Array) => {
    good[at] = (good[at] as number) ^ 1
    return [good]
  }
  const from = (which: 'cluster' | 'other', bucket: Uint8Array, key: Uint8Array) => async () => {
    const { session, receipt } = await putAt(lab, which, bucket, key)
    session.close()
    return [receipt]
  }
  const many = RECEIPTS_PER_GET_MAX + 1
  const long = new Uint8Array(RECEIPT_BYTES_MAX + 1)
  return rowsOf('receipt', [
    ['bytes that are none', 'receipt-garbled', get(() => [utf8Bytes('not a receipt')])],
    ['an empty one', 'receipt-garbled', get(() => [new Uint8Array(0)])],
    ['half of one', 'receipt-garbled', get((good) => [good.subarray(0, 15)])],
    ['one and a byte', 'receipt-garbled', get((good) => [joinBytes([good, KEY])])],
    ['another format', 'receipt-garbled', get(changed(0))],
    ['another number of dots', 'receipt-garbled', get(changed(1))],
    ['another key named', 'receipt-foreign', get(changed(2))],
    ['another start', 'receipt-unmet', get(changed(START_AT))],
    ['a counter that is far ahead', 'receipt-unmet', get(changed(COUNTER_AT + 3))],
    ['of another key', 'receipt-foreign', get(from('cluster', BUCKET, utf8Bytes('other')))],
    ['of another bucket', 'receipt-foreign', get(from('cluster', utf8Bytes('other'), KEY))],
    ['of another cluster', 'receipt-foreign', get(from('other', BUCKET, KEY))],
    [
      'a good one and a foreign one',
      'receipt-foreign',
      get((good) => [good.slice(), ...changed(2)(good)]),
    ],
    ['too many', 'receipts-too-many', get((good) => Array.from({ length: many }, () => good))],
    ['too long', 'receipt-garbled', get(() => [long])],
    ['explain: half of one', 'receipt-garbled', explain((good) => good.subarray(0, 15))],
    [
      'explain: of another key',
      'receipt-foreign',
      explain((good) => changed(2)(good)[0] as Uint8Array),
    ],
  ])
}
