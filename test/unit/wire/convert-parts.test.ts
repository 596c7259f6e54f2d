import t from 'tap'
import { everwrite as pb } from '../../../src/wire/generated/messages.js'
import { PartedWriter } from '../../../src/wire/convert-parts.ts'
import { Prng } from '../../../src/base/prng.ts'

const PART_BYTES_MIN = 16 * 1024
const LENGTHS = [0, 1, 127, 128, PART_BYTES_MIN - 1, PART_BYTES_MIN, 100_000, 2 ** 21]

function value(length: number, rng: Prng): Uint8Array {
  return new Uint8Array(length).fill(rng.below(256))
}

t.test('parts joined are the bytes that protobufjs writes', async (t) => {
  const rng = Prng.of(7)
  for (let i = 0; i < 100; i++) {
    const values = Array.from({ length: rng.below(5) }, () => value(rng.pick(LENGTHS), rng))
    const message = {
      siblings: values.map((value) => ({ value })),
      context: value(rng.pick(LENGTHS), rng),
      tombstones: rng.below(3),
      answered: 2,
    }
    const writer = new PartedWriter()
    pb.GetReply.encode(message, writer)
    const joined = Buffer.concat(writer.parts)
    if (!joined.equals(pb.GetReply.encode(message).finish())) {
      t.fail(`values of ${values.map(({ length }) => length).join(', ')} bytes`)
    }
  }
  t.pass('100 messages')
})

t.test('a message two levels deep states lengths that count the parts in it', async (t) => {
  const rng = Prng.of(8)
  const entry = (length: number): object => ({
    key: value(20, rng),
    siblings: [{ value: value(length, rng) }, { value: value(3, rng) }],
    context: value(40, rng),
  })
  const message = { entries: LENGTHS.map(entry), cursor: value(30, rng) }
  const writer = new PartedWriter()
  pb.ScanReply.encode(message, writer)
  t.ok(Buffer.concat(writer.parts).equals(pb.ScanReply.encode(message).finish()))
})

t.test('a long value is a part itself, a short one is copied', async (t) => {
  const long = new Uint8Array(PART_BYTES_MIN)
  const short = new Uint8Array(PART_BYTES_MIN - 1)
  const writer = new PartedWriter()
  pb.GetReply.encode({ siblings: [{ value: long }, { value: short }] }, writer)
  const { parts } = writer
  t.equal(parts.length, 3)
  t.equal(parts[1], long)
  t.not(parts[2]?.buffer, short.buffer)
})
