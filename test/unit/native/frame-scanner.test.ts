/** Frames cut by the addon, against the same in TypeScript: whole, cut short, and damaged. */
import { fail } from 'node:assert/strict'
import t from 'tap'
import { tokenOf } from '../../../src/native/digest.ts'
import {
  FRAME_HEADER_BYTES,
  FRAME_SUMMARY_WORDS,
  FRAME_TRAILER_BYTES,
  FRAME_WORDS,
  FrameFault,
  FrameSummary,
  FrameWord,
  frameSummaryAt,
  frameWords,
  scanFrames,
  writeFrame,
} from '../../../src/native/frame-scanner.ts'
import { crc32c as crc32cPlain } from '../../../src/native/portable/crc32c.ts'
import { scanFrames as scanFramesPlain } from '../../../src/native/portable/frames.ts'
import { Random } from './rivals.ts'

const BODY_MAX = 5000

interface Frame {
  readonly kind: number
  readonly flags: number
  readonly callId: number
  readonly body: Uint8Array
}

function chunkOf(frames: readonly Frame[]): Buffer {
  const parts = frames.map(({ kind, flags, callId, body }) => {
    const bytes = Buffer.alloc(FRAME_HEADER_BYTES + body.length + FRAME_TRAILER_BYTES)
    bytes.set(body, FRAME_HEADER_BYTES)
    writeFrame(bytes, 0, kind, flags, callId, body.length)
    return bytes
  })
  return Buffer.concat(parts)
}

const frameOf = (kind: number, body: Uint8Array): Frame => ({ kind, flags: 0, callId: 1, body })

/** Writes header checksum anew over a header that a test has changed. */
function sealHeader(chunk: Buffer, at = 0): void {
  chunk.writeUInt32LE(crc32cPlain(chunk, at, 16), at + 16)
}

function field(tag: number, bytes: Uint8Array): Buffer {
  const length = bytes.length
  const varint = length < 128 ? [length] : [(length & 0x7f) | 0x80, length >>> 7]
  return Buffer.concat([Uint8Array.of(tag, ...varint), bytes])
}

/** Scans all of `chunk`; returns the words, and the summary by name. */
function scan(chunk: Uint8Array, room = 16, max = BODY_MAX) {
  const words = frameWords(room)
  const count = scanFrames(chunk, 0, chunk.length, max, words)
  const summary = (word: number): number => words[frameSummaryAt(words, word)] as number
  t.equal(summary(FrameSummary.count), count)
  return {
    words,
    count,
    consumed: summary(FrameSummary.consumed),
    needed: summary(FrameSummary.needed),
    fault: summary(FrameSummary.fault),
  }
}

t.test('a frame is written byte by byte as the contract says', async (t) => {
  const chunk = chunkOf([
    { kind: 0x21, flags: 0x0102, callId: 0x0a0b0c0d, body: Buffer.from('hi') },
  ])
  t.equal(chunk.subarray(0, 16).toString('hex'), '45570121020100000d0c0b0a02000000')
  t.equal(chunk.readUInt32LE(16), crc32cPlain(chunk, 0, 16))
  t.equal(chunk.readUInt32LE(22), crc32cPlain(chunk, 20, 2))
  t.equal(chunk.length, 26)
})

t.test('a scan finds and describes the records that were written', async (t) => {
  const body = Buffer.from('body')
  const chunk = chunkOf([
    { kind: 3, flags: 7, callId: 0xffffffff, body },
    { kind: 255, flags: 0xffff, callId: 0, body: Buffer.alloc(0) },
  ])
  const { words, count, consumed, needed, fault } = scan(chunk)
  t.same([count, consumed, needed, fault], [2, chunk.length, 0, FrameFault.none])
  t.same([...words.subarray(0, 8)], [3, 7, 0xffffffff, 20, 4, 0, 0, 0])
  t.same([...words.subarray(8, 16)], [255, 0xffff, 0, 48, 0, 0, 0, 0])
})

t.test('a frame about one key carries its token', async (t) => {
  const bucket = Buffer.from('carts')
  const key = Buffer.from('k'.repeat(200))
  const body = Buffer.concat([field(0x0a, bucket), field(0x12, key), field(0x1a, Buffer.alloc(9))])
  const { hi, lo } = tokenOf(bucket, key)
  for (const kind of [32, 40, 47]) {
    const { words } = scan(chunkOf([frameOf(kind, body)]))
    t.same([...words.subarray(FrameWord.tokenHi, FRAME_WORDS)], [hi, lo, 1], `kind ${kind}`)
  }
  for (const kind of [0, 31, 48, 63, 64, 96, 127, 160]) {
    const { words } = scan(chunkOf([frameOf(kind, body)]))
    t.same([...words.subarray(FrameWord.tokenHi, FRAME_WORDS)], [0, 0, 0], `kind ${kind}`)
  }
})

t.test('a body of another shape gets no token, and is a frame all the same', async (t) => {
  const bucket = field(0x0a, Buffer.from('b'))
  const key = field(0x12, Buffer.from('k'))
  const bodies: Record<string, Uint8Array> = {
    'no body': Buffer.alloc(0),
    'a bucket alone': bucket,
    'a key alone': key,
    'the key first': Buffer.concat([key, bucket]),
    'an empty bucket': Buffer.concat([field(0x0a, Buffer.alloc(0)), key]),
    'an empty key': Buffer.concat([bucket, field(0x12, Buffer.alloc(0))]),
    'a key that ends behind the body': Buffer.concat([bucket, Uint8Array.of(0x12, 2, 0x6b)]),
    'a length of ten bytes': Buffer.concat([Uint8Array.of(0x0a), Buffer.alloc(9, 0xff), bucket]),
    'a length that never ends': Buffer.concat([Uint8Array.of(0x0a), Buffer.alloc(30, 0xff)]),
    'a second key, which a reader would believe': Buffer.concat([bucket, key, key]),
    'a second bucket behind other fields': Buffer.concat([bucket, key, field(0x1a, key), bucket]),
    'a group, which proto3 has not': Buffer.concat([bucket, key, Uint8Array.of(0x1b)]),
    'a field of number 0': Buffer.concat([bucket, key, Uint8Array.of(0x02, 0)]),
  }
  for (const [name, body] of Object.entries(bodies)) {
    const { words, count } = scan(chunkOf([frameOf(33, body)]))
    t.same([count, ...words.subarray(FrameWord.tokenHi, FRAME_WORDS)], [1, 0, 0, 0], name)
  }
})

t.test('a frame cut short says how many bytes it needs once its header is there', async (t) => {
  const chunk = chunkOf([frameOf(1, Buffer.from('first')), frameOf(2, Buffer.alloc(100))])
  for (let length = 0; length <= chunk.length; length++) {
    const { count, consumed, needed, fault } = scan(chunk.subarray(0, length))
    const isFirst = length >= 29
    const inFrame = isFirst ? length - 29 : length
    const isLast = length === chunk.length
    t.equal(fault, FrameFault.none)
    t.equal(count, isLast ? 2 : isFirst ? 1 : 0)
    t.equal(consumed, isLast ? chunk.length : isFirst ? 29 : 0)
    t.equal(needed, isLast || inFrame < 20 ? 0 : isFirst ? 124 : 29)
  }
})

t.test('each fault is named, and the frames before it are good', async (t) => {
  const faults: readonly (readonly [keyof typeof FrameFault, (chunk: Buffer) => void])[] = [
    ['magic', (chunk) => chunk.write('GET ', 'latin1')],
    ['format', (chunk) => (chunk[2] = 2)],
    ['headerChecksum', (chunk) => chunk.writeUInt32LE(6, 12)],
    ['bodyTooLong', (chunk) => (chunk.writeUInt32LE(BODY_MAX + 1, 12), sealHeader(chunk))],
    ['bodyChecksum', (chunk) => (chunk[21] = 0)],
    ['bodyChecksum', (chunk) => (chunk[26] = (chunk[26] as number) ^ 1)],
    ['reservedBits', (chunk) => ((chunk[7] = 0x80), sealHeader(chunk))],
  ]
  const good = chunkOf([frameOf(9, Buffer.from('good'))])
  for (const [name, damage] of faults) {
    const bad = chunkOf([frameOf(9, Buffer.from('body!'))])
    damage(bad)
    const { count, consumed, needed, fault } = scan(Buffer.concat([good, bad, good]))
    t.same([count, consumed, needed, fault], [1, good.length, 0, FrameFault[name]], name)
  }
  t.equal(scan(Buffer.from('GE')).fault, FrameFault.magic, 'two bytes of another protocol')
  t.equal(scan(Buffer.from('EW\x02')).fault, FrameFault.format, 'three bytes of a newer format')
})

t.test('a length is not believed before its checksum', async (t) => {
  const chunk = chunkOf([frameOf(1, Buffer.from('x'))])
  chunk.writeUInt32LE(0xffffffff, 12)
  t.equal(scan(chunk).fault, FrameFault.headerChecksum)
  sealHeader(chunk)
  t.equal(scan(chunk, 4, 0xffffffff - 24).fault, FrameFault.bodyTooLong)
})

t.test('a scan ends when the output is full, and goes on from there', async (t) => {
  const chunk = chunkOf(Array.from({ length: 10 }, (_, i) => frameOf(i, Buffer.alloc(i))))
  const words = frameWords(3)
  const kinds: number[] = []
  for (let at = 0; at < chunk.length; ) {
    const count = scanFrames(chunk, at, chunk.length, BODY_MAX, words)
    if (count === 0) throw new Error(`nothing found at ${at}`)
    for (let i = 0; i < count; i++) kinds.push(words[i * FRAME_WORDS] as number)
    at += words[frameSummaryAt(words, FrameSummary.consumed)] as number
  }
  t.same(kinds, [0, 1, 2, 3, 4, 5, 6, 7, 8, 9])
  t.equal(words.length, 3 * FRAME_WORDS + FRAME_SUMMARY_WORDS)
})

function randomBody(chance: Random): Uint8Array {
  if (chance.below(4) === 0) return chance.bytes(chance.below(300))
  const bucket = field(0x0a, chance.bytes(chance.below(12)))
  const key = field(0x12, chance.bytes(chance.below(chance.below(8) === 0 ? 300 : 40)))
  const rest = field(chance.below(8) === 0 ? 0x12 : 0x1a, chance.bytes(chance.below(200)))
  return Buffer.concat(chance.below(8) === 0 ? [bucket, rest] : [bucket, key, rest])
}

t.test('chunks from a seed are cut as TypeScript cuts them, whole or damaged', async (t) => {
  const chance = new Random(6)
  for (let round = 0; round < 1500; round++) {
    const frames = Array.from({ length: chance.below(round % 50 === 0 ? 200 : 8) }, () => ({
      kind: chance.below(128),
      flags: chance.below(0x10000),
      callId: chance.word(),
      body: randomBody(chance),
    }))
    const chunk = chunkOf(frames)
    const damages = chance.below(3)
    for (let i = 0; i < damages && chunk.length > 0; i++) {
      const at = chance.below(chunk.length)
      chunk[at] = (chunk[at] as number) ^ (1 << chance.below(8))
    }
    const start = 0
    const end = chance.below(2) === 0 ? chunk.length : chance.below(chunk.length + 1)
    const max = chance.below(2) === 0 ? BODY_MAX : chance.below(400)
    const ours = frameWords(1 + chance.below(300))
    const plain = new Uint32Array(ours.length)
    const count = scanFrames(chunk, start, end, max, ours)
    if (count !== scanFramesPlain(chunk, start, end, max, plain)) fail(`round ${round}: count`)
    if (Buffer.compare(Buffer.from(ours.buffer), Buffer.from(plain.buffer)) !== 0) {
      t.same([...ours], [...plain], `round ${round}`)
    }
  }
  t.pass(`seed ${chance.seed}`)
})
