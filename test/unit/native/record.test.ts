/** Records written and judged by the addon, against TypeScript and against damage. */
import { fail } from 'node:assert/strict'
import t from 'tap'
import { sipHash64, tokenOf } from '../../../src/native/digest.ts'
import {
  encodeRecord,
  number48,
  RECORD_HEADER_BYTES,
  RECORD_SCAN_WORDS,
  RECORD_WORDS,
  RecordStatus,
  RecordSummary,
  RecordWord,
  recordBytes,
  recordMatches,
  recordScanWords,
  recordSummaryAt,
  scanRecords,
  verifyRecord,
} from '../../../src/native/record.ts'
import { crc32c as crc32cPlain } from '../../../src/native/portable/crc32c.ts'
import { Random, encodeRecordPlain, headOf, type PlainRecord, sipHashPlain } from './rivals.ts'

const DIGEST_KEY = Uint8Array.from({ length: 16 }, (_, i) => i)
const SEQUENCE_MAX = 2 ** 48 - 1

function randomRecord(chance: Random): PlainRecord {
  const body = chance.bytes(chance.below(chance.below(10) === 0 ? 5000 : 120))
  return {
    kind: chance.below(256),
    segment: chance.word(),
    offset: chance.word(),
    sequence: chance.below(SEQUENCE_MAX),
    synced: chance.below(SEQUENCE_MAX),
    bucket: chance.bytes(chance.below(20)),
    key: chance.bytes(chance.below(60)),
    note: chance.bytes(chance.below(30)),
    body,
    prefixBytes: chance.below(body.length + 1),
    digestStart: chance.below(body.length + 1),
    voids: chance.below(SEQUENCE_MAX),
    policy: chance.below(256),
    n: chance.below(256),
    place: chance.bytes(8),
    creation: chance.bytes(8),
  }
}

/** Writes `record` at `at`, and returns its bytes. */
function encode(out: Uint8Array, at: number, record: PlainRecord): number {
  const { bucket, key, note, body } = record
  const digest = sipHash64(DIGEST_KEY, body.subarray(record.digestStart))
  return encodeRecord(out, at, headOf(record, digest), bucket, key, note, body)
}

function bytesOf(record: PlainRecord): Buffer {
  const { bucket, key, note, body } = record
  const length = recordBytes(bucket.length, key.length, note.length, body.length)
  const out = Buffer.alloc(length, 0xaa)
  t.equal(encode(out, 0, record), length)
  return out
}

function verify(bytes: Uint8Array, record: PlainRecord): readonly [RecordStatus, Uint32Array] {
  const out = new Uint32Array(RECORD_WORDS)
  const { segment, offset } = record
  return [verifyRecord(bytes, 0, bytes.length, segment, offset, out), out]
}

t.test('records are written as TypeScript writes them from the table of the format', async (t) => {
  const chance = new Random(7)
  for (let i = 0; i < 400; i++) {
    const record = randomRecord(chance)
    const plain = encodeRecordPlain(record, DIGEST_KEY)
    if (!bytesOf(record).equals(plain)) fail(`record ${i}`)
  }
  const largest = { ...randomRecord(chance), sequence: SEQUENCE_MAX, synced: SEQUENCE_MAX }
  t.ok(bytesOf(largest).equals(encodeRecordPlain(largest, DIGEST_KEY)))
  const empty = new Uint8Array(0)
  const bare = { ...largest, prefixBytes: 0, digestStart: 0 }
  const hollow = { ...bare, bucket: empty, key: empty, note: empty, body: empty }
  t.equal(bytesOf(hollow).length, 96)
})

t.test('a scan finds and describes the records that were written', async (t) => {
  const chance = new Random(8)
  for (let i = 0; i < 200; i++) {
    const record = randomRecord(chance)
    const bytes = bytesOf(record)
    const [status, out] = verify(bytes, record)
    const digest = Buffer.from(
      sipHashPlain(DIGEST_KEY, record.body.subarray(record.digestStart), 8),
    )
    const word = (name: keyof typeof RecordWord): number => out[RecordWord[name]] as number
    t.equal(status, RecordStatus.ok)
    t.same(
      [word('kind'), word('bucketBytes'), word('keyBytes'), word('noteBytes'), word('bodyBytes')],
      [
        record.kind,
        record.bucket.length,
        record.key.length,
        record.note.length,
        record.body.length,
      ],
    )
    t.equal(number48(word('sequenceLow'), word('sequenceHigh')), record.sequence)
    t.equal(number48(word('syncedLow'), word('syncedHigh')), record.synced)
    t.equal(word('digestHi'), digest.readUInt32LE(4))
    t.equal(word('digestLo'), digest.readUInt32LE(0))
    t.equal(word('totalBytes'), bytes.length)
    t.equal(word('prefixBytes'), record.prefixBytes)
    t.equal(word('digestStart'), record.digestStart)
    t.equal(number48(word('voidsLow'), word('voidsHigh')), record.voids)
    t.same([word('policy'), word('n')], [record.policy, record.n])
    t.equal(word('areNamesSound'), 1)
    t.same([word('segment'), word('offset')], [record.segment, record.offset])
    const ids = ['placeFirst', 'placeLast', 'creationFirst', 'creationLast'] as const
    t.same(new Uint8Array(Uint32Array.from(ids, word).buffer), [
      ...record.place,
      ...record.creation,
    ])
  }
})

t.test('a record matches its own bucket and key only', async (t) => {
  const record = {
    ...randomRecord(new Random(9)),
    bucket: Buffer.from('ab'),
    key: Buffer.from('c'),
  }
  const bytes = Buffer.concat([Buffer.alloc(8), bytesOf(record)])
  t.ok(recordMatches(bytes, 8, record.bucket, record.key))
  t.notOk(recordMatches(bytes, 8, Buffer.from('a'), Buffer.from('bc')))
  t.notOk(recordMatches(bytes, 8, Buffer.from('ab'), Buffer.from('d')))
  t.notOk(recordMatches(bytes, 8, Buffer.from('aa'), Buffer.from('c')))
  t.notOk(recordMatches(bytes, 8, Buffer.from('ab'), Buffer.from('')))
})

t.test('every flipped bit is noticed, but in the padding, which carries nothing', async (t) => {
  const record = {
    ...randomRecord(new Random(10)),
    body: Buffer.from('a body'),
    ...{ prefixBytes: 2, digestStart: 1 },
  }
  const bytes = bytesOf(record)
  const contentEnd =
    RECORD_HEADER_BYTES + record.bucket.length + record.key.length + record.note.length + 6
  const seen = new Set<number>()
  for (let bit = 0; bit < contentEnd * 8; bit++) {
    const damaged = Buffer.from(bytes)
    damaged[bit >>> 3] = (damaged[bit >>> 3] as number) ^ (1 << (bit & 7))
    const [status] = verify(damaged, record)
    if (status === RecordStatus.ok) fail(`bit ${bit}`)
    seen.add(status)
  }
  const { noRecord, formatUnknown, headerChecksum, bodyChecksum } = RecordStatus
  t.same(
    [...seen].sort((a, b) => a - b),
    [noRecord, formatUnknown, headerChecksum, bodyChecksum],
  )
})

t.test('damage behind the names leaves them sound', async (t) => {
  const record = { ...randomRecord(new Random(18)), body: Buffer.from('a body') }
  const bytes = bytesOf({ ...record, ...{ prefixBytes: 2, digestStart: 1 } })
  const { bucket, key, note } = record
  const names = RECORD_HEADER_BYTES + bucket.length + key.length + note.length
  for (let at = RECORD_HEADER_BYTES; at < names + 6; at++) {
    const damaged = Buffer.from(bytes)
    damaged[at] = (damaged[at] as number) ^ 1
    const [status, out] = verify(damaged, record)
    t.equal(status, RecordStatus.bodyChecksum)
    if (out[RecordWord.areNamesSound] !== Number(at >= names)) fail(`byte ${at}`)
  }
})

t.test('a record cut short is told from one that is not there', async (t) => {
  const record = {
    ...randomRecord(new Random(11)),
    body: Buffer.from('a body'),
    ...{ prefixBytes: 4, digestStart: 1 },
  }
  const bytes = bytesOf(record)
  const { bucket, key, note } = record
  const prefixEnd = RECORD_HEADER_BYTES + bucket.length + key.length + note.length + 4
  for (let length = 0; length < bytes.length; length++) {
    const [status, out] = verify(bytes.subarray(0, length), record)
    const isShort = length < RECORD_HEADER_BYTES
    const cut = length < prefixEnd ? RecordStatus.truncated : RecordStatus.prefix
    t.equal(status, isShort ? RecordStatus.tooShort : cut)
    t.equal(out[RecordWord.totalBytes], isShort ? 0 : bytes.length)
  }
  t.equal(verify(Buffer.alloc(96), record)[0], RecordStatus.noRecord, 'zeros')
})

t.test('a prefix is verified without what follows it', async (t) => {
  const record = {
    ...randomRecord(new Random(15)),
    body: Buffer.alloc(900, 7),
    ...{ prefixBytes: 100, digestStart: 1 },
  }
  const bytes = bytesOf(record)
  const { bucket, key, note } = record
  const prefixEnd = RECORD_HEADER_BYTES + bucket.length + key.length + note.length + 100
  const statusOf = (at: number): RecordStatus => {
    const damaged = Buffer.from(bytes)
    damaged[at] = (damaged[at] as number) ^ 1
    return verify(damaged.subarray(0, prefixEnd), record)[0]
  }
  t.equal(statusOf(prefixEnd), RecordStatus.prefix, 'damage behind it is not seen')
  for (let at = RECORD_HEADER_BYTES; at < prefixEnd; at++) {
    if (statusOf(at) !== RecordStatus.truncated) fail(`byte ${at}`)
  }
})

t.test('sound bytes in another place are misplaced, and say nothing', async (t) => {
  const record = { ...randomRecord(new Random(12)), segment: 5, offset: 64 }
  const bytes = bytesOf(record)
  for (const place of [{ segment: 6 }, { offset: 72 }]) {
    const [status, out] = verify(bytes, { ...record, ...place })
    t.equal(status, RecordStatus.misplaced)
    t.same(
      [...out],
      Array.from({ length: RECORD_WORDS }, () => 0),
    )
  }
})

t.test('a sound header whose parts pass its body is of a format to come', async (t) => {
  const record = randomRecord(new Random(13))
  for (const at of [47, 51]) {
    const bytes = bytesOf(record)
    bytes[at] = 1
    t.equal(verify(bytes, record)[0], RecordStatus.headerChecksum)
    bytes.writeUInt32LE(crc32cPlain(bytes, 0, 88), 88)
    t.equal(verify(bytes, record)[0], RecordStatus.formatUnknown)
  }
})

t.test('a header whose lengths pass 4 GiB is of a record cut short', async (t) => {
  const record = randomRecord(new Random(14))
  const bytes = bytesOf(record)
  bytes.writeUInt32LE(0xffffffff, 12)
  bytes.writeUInt32LE(crc32cPlain(bytes, 0, 88), 88)
  const [status, out] = verify(bytes, record)
  t.equal(status, RecordStatus.prefix, 'its prefix is there')
  t.equal(out[RecordWord.totalBytes], 0xfffffff8)
})

/** Records one behind the other from `base` on, as a log has them. */
function logOf(chance: Random, count: number, segment: number, base: number) {
  const records: PlainRecord[] = []
  const parts: Buffer[] = []
  let offset = base
  for (let i = 0; i < count; i++) {
    const record = { ...randomRecord(chance), segment, offset }
    records.push(record)
    parts.push(bytesOf(record))
    offset += (parts[i] as Buffer).length
  }
  return { records, parts, bytes: Buffer.concat(parts) }
}

t.test('a scan describes records in order, each with its token', async (t) => {
  const { records, parts, bytes } = logOf(new Random(15), 300, 3, 4096)
  const out = recordScanWords(64)
  const found: number[][] = []
  for (let at = 0; at < bytes.length; ) {
    const count = scanRecords(bytes, at, bytes.length, 3, 4096 + at, out)
    if (count === 0) throw new Error(`nothing found at ${at}`)
    for (let i = 0; i < count; i++) {
      found.push([...out.subarray(i * RECORD_SCAN_WORDS, (i + 1) * RECORD_SCAN_WORDS)])
    }
    t.equal(out[recordSummaryAt(out, RecordSummary.status)], RecordStatus.ok)
    at += out[recordSummaryAt(out, RecordSummary.consumed)] as number
  }
  let start = 0
  const wanted = records.map((record, i) => {
    const { hi, lo } = tokenOf(record.bucket, record.key)
    const digest = Buffer.from(
      sipHashPlain(DIGEST_KEY, record.body.subarray(record.digestStart), 8),
    )
    const words = (value: number): number[] => [value % 2 ** 32, Math.floor(value / 2 ** 32)]
    const length = (parts[i] as Buffer).length
    start += length
    return [
      record.kind,
      start - length,
      length,
      hi,
      lo,
      ...words(record.sequence),
      ...words(record.synced),
      digest.readUInt32LE(4),
      digest.readUInt32LE(0),
      Buffer.from(record.place).readUInt32LE(0),
      Buffer.from(record.place).readUInt32LE(4),
      ...words(record.voids),
    ]
  })
  t.same(found, wanted)
})

t.test('a scan ends at the first record that is not sound, and returns its status', async (t) => {
  const { parts, bytes } = logOf(new Random(16), 5, 1, 0)
  const before = bytes.length - (parts[4] as Buffer).length
  const last = parts[4] as Buffer
  const endAt = (end: number, change?: (copy: Buffer) => void): number[] => {
    const copy = Buffer.from(bytes)
    change?.(copy)
    const out = recordScanWords(16)
    scanRecords(copy, 0, end, 1, 0, out)
    return [...out.subarray(out.length - 4)]
  }
  const { ok, tooShort, noRecord, truncated, bodyChecksum, misplaced } = RecordStatus
  t.same(endAt(bytes.length), [5, bytes.length, ok, 0])
  t.same(endAt(before), [4, before, ok, 0])
  t.same(endAt(before + 10), [4, before, tooShort, RECORD_HEADER_BYTES])
  t.same(endAt(bytes.length - 8), [4, before, truncated, last.length])
  t.same(
    endAt(bytes.length, (copy) => copy.fill(0, before)),
    [4, before, noRecord, 0],
  )
  t.same(
    endAt(
      bytes.length,
      (copy) =>
        (copy[before + RECORD_HEADER_BYTES] = (copy[before + RECORD_HEADER_BYTES] as number) ^ 1),
    ),
    [4, before, bodyChecksum, 0],
  )
  const out = recordScanWords(16)
  scanRecords(bytes, 0, bytes.length, 1, 8, out)
  t.same([...out.subarray(out.length - 4)], [0, 0, misplaced, 0])
})

t.test('a record that does not fit is refused, and nothing is written', async (t) => {
  const record = randomRecord(new Random(17))
  const length = bytesOf(record).length
  const out = new Uint8Array(length + 8)
  t.throws(() => encode(out, 9, record), RangeError, 'one byte past the end')
  t.throws(() => encode(out, 0, { ...record, sequence: 2 ** 48 }), RangeError)
  t.throws(() => encode(out, 0, { ...record, synced: -1 }), RangeError)
  t.throws(() => encode(out, 0, { ...record, kind: 256 }), RangeError)
  const long = new Uint8Array(65_536)
  for (const part of ['bucket', 'key', 'note']) {
    t.throws(
      () => encode(new Uint8Array(100_000), 0, { ...record, [part]: long }),
      RangeError,
      part,
    )
  }
  t.ok(out.every((byte) => byte === 0))
  t.equal(encode(out, 8, record), length)
})
