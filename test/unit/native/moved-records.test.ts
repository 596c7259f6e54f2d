/** Records of another log: verified where they stood, and written as records of this one. */
import t from 'tap'
import { sipHash64, tokenOf } from '../../../src/native/digest.ts'
import {
  encodeMoved,
  MOVED_WORDS,
  movedRecordWords,
  MovedWord,
  scanMoved,
} from '../../../src/native/moved-records.ts'
import {
  encodeRecord,
  recordBytes,
  RecordStatus,
  RecordSummary,
  recordSummaryAt,
  RECORD_WORDS,
  RecordWord,
  verifyRecord,
} from '../../../src/native/record.ts'
import { encodeRecordPlain, headOf, type PlainRecord, Random } from './rivals.ts'

const KEY = Uint8Array.from({ length: 16 }, (_, i) => i)
const NO_BYTES = new Uint8Array(0)

function randomRecord(chance: Random): PlainRecord {
  const body = chance.bytes(chance.below(200))
  return {
    kind: 1 | (chance.below(4) << 6),
    segment: chance.word(),
    offset: chance.word(),
    sequence: chance.below(2 ** 48),
    synced: chance.below(2 ** 48),
    bucket: chance.bytes(chance.below(20)),
    key: chance.bytes(chance.below(60)),
    note: chance.bytes(chance.below(30)),
    body,
    prefixBytes: chance.below(body.length + 1),
    digestStart: chance.below(body.length + 1),
    voids: chance.below(2 ** 48),
    policy: chance.below(256),
    n: chance.below(256),
    place: chance.bytes(8),
    creation: chance.bytes(8),
  }
}

function bytesOf(record: PlainRecord): Uint8Array {
  const { bucket, key, note, body, digestStart } = record
  const out = new Uint8Array(recordBytes(bucket.length, key.length, note.length, body.length))
  const digest = sipHash64<ReturnType<typeof tokenOf>>(KEY, body.subarray(digestStart))
  encodeRecord(out, 0, headOf(record, digest), bucket, key, note, body)
  return out
}

function scan(bytes: Uint8Array, countMax = 100) {
  const words = movedRecordWords(countMax)
  const count = scanMoved(bytes, KEY, words)
  const summary = (word: number): number => words[recordSummaryAt(words, word)] as number
  const status = summary(RecordSummary.status)
  return { words, count, status, consumed: summary(RecordSummary.consumed) }
}

t.test('records from anywhere are described, with their tokens', async (t) => {
  const chance = new Random(3)
  const records = Array.from({ length: 70 }, () => randomRecord(chance))
  const page = Buffer.concat(records.map(bytesOf))
  const { words, count, status, consumed } = scan(page)
  t.equal(count, records.length)
  t.equal(status, RecordStatus.ok)
  t.equal(consumed, page.length)
  for (const [i, { bucket, key, note, body, n, policy, kind }] of records.entries()) {
    const word = (at: number): number => words[i * MOVED_WORDS + at] as number
    t.same({ hi: word(MovedWord.tokenHi), lo: word(MovedWord.tokenLo) }, tokenOf(bucket, key))
    const lengths = [MovedWord.bucketBytes, MovedWord.keyBytes, MovedWord.noteBytes].map(word)
    t.same(lengths, [bucket.length, key.length, note.length])
    t.equal(word(MovedWord.bodyBytes), body.length)
    t.same([word(MovedWord.n), word(MovedWord.policy), word(MovedWord.kind)], [n, policy, kind])
  }
  t.equal(scan(page, 5).count, 5, 'as many as fit')
})

t.test('a wrong digest, and any changed byte but padding, ends the scan', async (t) => {
  const chance = new Random(4)
  const record = {
    ...randomRecord(chance),
    body: chance.bytes(64),
    digestStart: 8,
    prefixBytes: 20,
  }
  const bytes = bytesOf(record)
  const contents = 92 + record.bucket.length + record.key.length + record.note.length + 64
  for (let at = 0; at < bytes.length; at++) {
    const changed = bytes.slice()
    changed[at]! ^= 0x10
    t.equal(scan(changed).count, at < contents ? 0 : 1, `byte ${at}`)
  }
  const words = movedRecordWords(1)
  t.equal(
    scanMoved(
      bytes,
      Uint8Array.from(KEY, (byte) => byte ^ 1),
      words,
    ),
    0,
    'another key',
  )
  t.equal(scan(bytes.slice(0, bytes.length - 8)).status, RecordStatus.truncated)
  t.equal(scan(bytes.slice(0, 20)).status, RecordStatus.tooShort)
  t.equal(scan(NO_BYTES).count, 0)
})

t.test('moved records are those of this log, without notes', async (t) => {
  const chance = new Random(5)
  const records = Array.from({ length: 20 }, () => randomRecord(chance))
  const page = Buffer.concat(records.map(bytesOf))
  const { words, count } = scan(page)
  const starts = Uint32Array.from(
    { length: count },
    (_, i) => words[i * MOVED_WORDS + MovedWord.start] as number,
  )
  const out = Buffer.alloc(page.length + 16, 0xaa)
  const [segment, offset, sequence, synced] = [7, 4096, 2 ** 40, 2 ** 40 - 3]
  const written = encodeMoved(page, starts, count, out, 16, segment, offset, sequence, synced)
  const wanted = records.map((record, i) => {
    const before = records.slice(0, i)
    const at = before.reduce((sum, { bucket, key, body }) => {
      return sum + recordBytes(bucket.length, key.length, 0, body.length)
    }, offset)
    const place = { segment, offset: at, sequence: sequence + i, synced, voids: 0, kind: 1 }
    return encodeRecordPlain({ ...record, ...place, note: NO_BYTES }, KEY)
  })
  t.ok(out.subarray(16, 16 + written).equals(Buffer.concat(wanted)))
  t.ok(
    out.subarray(16 + written).every((byte) => byte === 0xaa),
    'and nothing behind them',
  )
  const head = new Uint32Array(RECORD_WORDS)
  t.equal(verifyRecord(out, 16, 16 + written, segment, offset, head), RecordStatus.ok)
  t.equal(head[RecordWord.noteBytes], 0)
})

t.test('records that do not fit are refused, and so are bytes that are no record', async (t) => {
  const bytes = bytesOf(randomRecord(new Random(6)))
  const move = (starts: readonly number[], out: Uint8Array, at = 0, sequence = 1): number =>
    encodeMoved(bytes, Uint32Array.from(starts), starts.length, out, at, 1, 32, sequence, 0)
  const room = new Uint8Array(bytes.length)
  t.throws(() => move([0], room.subarray(0, 90)), RangeError)
  t.throws(() => move([0], room, room.length), RangeError)
  t.throws(() => move([bytes.length], room), RangeError)
  t.throws(() => move([bytes.length + 1], room), RangeError)
  t.throws(() => move([bytes.length - 50], room), RangeError)
  t.throws(() => move([0], room, 0, 2 ** 48), RangeError)
  t.throws(() => scanMoved(bytes, KEY.subarray(1), movedRecordWords(1)), RangeError)
  t.throws(() => scanMoved(bytes, KEY, new Uint32Array(3)), RangeError)
})
