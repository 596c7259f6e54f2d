/** Records of 100 bytes and of 4 KiB written, judged and scanned, beside plain TypeScript. */
import { sipHash64 } from '../src/native/digest.ts'
import {
  encodeRecord,
  RECORD_WORDS,
  recordBytes,
  recordScanWords,
  scanRecords,
  verifyRecord,
} from '../src/native/record.ts'
import { Random, encodeRecordPlain, headOf, type PlainRecord } from '../test/unit/native/rivals.ts'
import { measure, sizeFrom, type Task } from './harness.ts'

const size = sizeFrom(process.argv)
const chance = new Random(3)
const digestKey = chance.bytes(16)

function encode(out: Uint8Array, at: number, record: PlainRecord): number {
  const { bucket, key, note, body } = record
  const digest = sipHash64(digestKey, body.subarray(record.digestStart))
  return encodeRecord(out, at, headOf(record, digest), bucket, key, note, body)
}

function tasksFor(bodyBytes: number): readonly Task[] {
  const record: PlainRecord = {
    kind: 1,
    segment: 1,
    offset: 0,
    sequence: 12_345_678_901,
    synced: 12_345_678_000,
    bucket: Buffer.from('carts'),
    key: chance.bytes(24),
    note: chance.bytes(16),
    body: chance.bytes(bodyBytes),
    prefixBytes: 80,
    digestStart: 8,
    voids: 0,
    policy: 1,
    n: 3,
    place: new Uint8Array(8),
    creation: new Uint8Array(8),
  }
  const total = recordBytes(5, 24, 16, bodyBytes)
  const out = new Uint8Array(total)
  const count = 64
  const log = new Uint8Array(count * total)
  for (let i = 0; i < count; i++) encode(log, i * total, { ...record, offset: i * total })
  const words = new Uint32Array(RECORD_WORDS)
  const scanned = recordScanWords(count)
  const agrees = `encode ${bodyBytes}`
  const task = (name: string, run: () => Uint8Array | Uint32Array, more: object = {}): Task => ({
    name: `${name}, ${bodyBytes} bytes`,
    run,
    ...more,
  })
  return [
    task('TypeScript encodes', () => encodeRecordPlain(record, digestKey), { agrees }),
    task('digest and encodeRecord', () => (encode(out, 0, record), out), { agrees }),
    task('verifyRecord', () => (verifyRecord(log, 0, total, 1, 0, words), words)),
    task('scanRecords', () => (scanRecords(log, 0, log.length, 1, 0, scanned), scanned), {
      operations: count,
    }),
  ]
}

for (const bodyBytes of [100, 4096]) {
  await measure(`Records of ${bodyBytes} bytes`, size, tasksFor(bodyBytes))
}
