/** Records of buckets as bytes, and names that a bucket may have. */
import t from 'tap'
import {
  isSound,
  recordOfBytes,
  recordsBytes,
  recordsOfBytes,
} from '../../../../src/dynamo/buckets/bucket-bytes.ts'
import { exactOf, isGivenName } from '../../../../src/dynamo/buckets/bucket-names.ts'
import {
  type BucketFields,
  canonicalBytes,
  Durability,
} from '../../../../src/dynamo/buckets/bucket-record.ts'
import { NEVER_CREATED } from '../../../../src/dynamo/names.ts'
import { bucket } from './samples.ts'

const ALL = [
  bucket(1),
  bucket(2 ** 40, { name: 'Körbe', createdAs: 'x'.repeat(238), version: 2 ** 48 - 1 }),
  bucket(3, { n: 7, r: 7, w: 1, durability: Durability.interval, deadlineMs: 60_000 }),
]

void t.test('they are read as they were written', (t) => {
  for (const one of ALL) t.same(recordOfBytes(canonicalBytes(one)), one)
  for (const list of [[], ALL]) t.same(recordsOfBytes(recordsBytes(list)), list)
  t.end()
})

void t.test('bytes that are cut, longer or garbled are no records', (t) => {
  const bytes = recordsBytes(ALL)
  for (let length = 0; length < bytes.length; length++) {
    if (recordsOfBytes(bytes.subarray(0, length)) !== undefined) t.fail(`cut to ${length}`)
  }
  t.equal(recordsOfBytes(Uint8Array.from([...bytes, 0])), undefined)
  const one = canonicalBytes(bucket(1))
  for (const [at, value] of [
    [14, 0],
    [14, 3],
    [15, 0],
    [15, 8],
    [16, 4],
    [17, 0],
    [18, 2],
    [25, 0xff],
  ] as const) {
    const wrong = one.slice()
    wrong[at] = value
    t.equal(recordOfBytes(wrong), undefined, `byte ${at} is ${value}`)
  }
  t.end()
})

void t.test('fields have the bounds that messages have', (t) => {
  const wrong: readonly Partial<BucketFields>[] = [
    { creation: NEVER_CREATED },
    { version: 0 },
    { n: 8 },
    { r: 4 },
    { w: 0 },
    { durability: 2 as Durability },
    { deadlineMs: 60_001 },
    { name: '' },
    { name: 'carts#0123456789abcdef' },
    { createdAs: 'x'.repeat(239) },
  ]
  for (const one of wrong) t.notOk(isSound({ ...bucket(1), ...one }), JSON.stringify(one))
  t.ok(isSound(bucket(1)))
  t.end()
})

void t.test('an exact name is one by its end', (t) => {
  t.same(exactOf('a#b#0123456789abcdef'), { createdAs: 'a#b', creation: '0123456789abcdef' })
  for (const text of ['carts', '#0123456789abcdef', 'a#0123456789ABCDEF', 'a#0123456789abcde']) {
    t.equal(exactOf(text), undefined, text)
  }
  t.ok(isGivenName('a#0123456789abcde'))
  t.notOk(isGivenName('a#0123456789abcdef'))
  t.end()
})
