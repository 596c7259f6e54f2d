/** Frames arrive whole however they are cut, and not at all where a byte is wrong. */
import t from 'tap'
import { FRAME_BODY_BYTES_MAX } from '../../../src/limits.ts'
import { FrameReader } from '../../../src/wire/frame.ts'
import { FrameWriter } from '../../../src/wire/frame-writer.ts'
import { EXAMPLES } from '../../support/wire-examples.ts'
import { bytesOf, frameOf } from '../../support/wire-frames.ts'

interface Got {
  readonly frames: string[]
  readonly reader: FrameReader
}

/** A reader, and its frames as text. */
function reading(bodyBytesMax = 2 ** 24): Got {
  const frames: string[] = []
  const reader = new FrameReader(bodyBytesMax, (frame) => {
    const { kind, flags, callId, bytes, start, length, hasToken, tokenHi, tokenLo } = frame
    const body = Buffer.from(bytes.subarray(start, start + length)).toString('hex')
    const token = hasToken ? `${tokenHi}:${tokenLo}` : '-'
    frames.push(`${kind} ${flags} ${callId} ${token} ${body}`)
  })
  return { frames, reader }
}

function textsOf(...chunks: readonly Uint8Array[]): string[] {
  const { frames, reader } = reading()
  for (const chunk of chunks) if (reader.feed(chunk) !== undefined) break
  return frames
}

const SAMPLES = EXAMPLES.map(({ kind, callId, encode }) => frameOf(kind, callId, bytesOf(encode())))

t.test('every frame, split at every byte', async (t) => {
  for (const frame of SAMPLES) {
    const whole = textsOf(frame)
    t.equal(whole.length, 1)
    for (let cut = 1; cut < frame.length; cut++) {
      const parts = textsOf(frame.slice(0, cut), frame.slice(cut))
      if (parts[0] !== whole[0] || parts.length !== 1) t.fail(`cut at ${cut}: ${parts.join()}`)
    }
  }
})

t.test('all frames together, in pieces of every length', async (t) => {
  const stream = Buffer.concat(SAMPLES)
  const expected = SAMPLES.flatMap((frame) => textsOf(frame))
  for (let length = 1; length <= 80; length++) {
    const { frames, reader } = reading()
    for (let at = 0; at < stream.length; at += length) {
      reader.feed(stream.subarray(at, at + length))
      if (reader.carriedBytes > 4096) t.fail('what is carried grows without need')
    }
    if (frames.join('\n') !== expected.join('\n')) t.fail(`pieces of ${length}`)
    t.equal(reader.carriedBytes, 0)
  }
})

t.test('a thousand frames in one chunk, each once and in order', async (t) => {
  const many = Array.from({ length: 1000 }, (_, i) => frameOf(96, i, Uint8Array.of(i & 255)))
  const texts = textsOf(Buffer.concat(many))
  t.equal(texts.length, 1000)
  t.ok(texts.every((text, i) => text.startsWith(`96 0 ${i} -`)))
})

t.test('any wrong byte is detected, and the frames before it are read', async (t) => {
  for (const sample of SAMPLES) {
    const good = frameOf(96, 1, Uint8Array.of(1, 2, 3))
    for (let at = 0; at < sample.length; at++) {
      const stream = Buffer.concat([good, sample, good])
      stream[good.length + at] = (stream[good.length + at] as number) ^ (1 << (at & 7))
      const { frames, reader } = reading()
      const fault = reader.feed(stream)
      if (fault === undefined) t.fail(`byte ${at} is wrong and no fault is returned`)
      if (frames.length !== 1) t.fail(`byte ${at} is wrong and ${frames.length} frames are read`)
      if (reader.feed(good) !== undefined || frames.length !== 1)
        t.fail('reading goes on after a fault')
    }
  }
})

t.test('any wrong byte is detected when the frame comes byte by byte', async (t) => {
  const sample = SAMPLES.at(-1) as Uint8Array
  for (let at = 0; at < sample.length; at++) {
    const bad = sample.slice()
    bad[at] = (bad[at] as number) ^ 0x10
    const { frames, reader } = reading()
    let fault: string | undefined
    for (const byte of bad) fault ??= reader.feed(Uint8Array.of(byte))
    if (fault === undefined || frames.length > 0) t.fail(`byte ${at}`)
  }
})

t.test('each fault has its code', async (t) => {
  const frame = frameOf(96, 1, Uint8Array.of(1, 2, 3))
  const faultOf = (change: (frame: Uint8Array) => void, bound?: number): string | undefined => {
    const copy = frame.slice()
    change(copy)
    return reading(bound).reader.feed(copy)
  }
  t.equal(
    faultOf((f) => void (f[0] = 0x47)),
    'frame-magic',
  )
  t.equal(
    faultOf((f) => void (f[2] = 2)),
    'frame-format',
  )
  t.equal(
    faultOf((f) => void (f[8] = 2)),
    'frame-checksum',
  )
  t.equal(
    faultOf((f) => void (f[21] = 9)),
    'frame-checksum',
  )
  t.equal(
    faultOf(() => undefined, 2),
    'frame-too-long',
  )
  t.equal(
    faultOf(() => undefined, 3),
    undefined,
  )
})

t.test('memory follows the bytes received, not the announced length', async (t) => {
  const announced = FRAME_BODY_BYTES_MAX
  const header = frameOf(33, 1, new Uint8Array(announced)).slice(0, 20)
  const readers: FrameReader[] = []
  const before = process.memoryUsage().arrayBuffers
  for (let i = 0; i < 1000; i++) {
    const { reader } = reading()
    reader.feed(header)
    reader.feed(new Uint8Array(100))
    readers.push(reader)
  }
  const grown = process.memoryUsage().arrayBuffers - before
  t.ok(grown < 1000 * 1024, `a thousand half frames hold ${grown} bytes`)
  t.equal(readers[0]?.carriedBytes, 120)
})

t.test('a new bound applies from the next frame on, also within a chunk', async (t) => {
  const frames: number[] = []
  const reader = new FrameReader(10, ({ length }) => {
    frames.push(length)
    reader.raiseBodyBytesMax(100)
  })
  const stream = Buffer.concat([
    frameOf(96, 1, new Uint8Array(10)),
    frameOf(96, 2, new Uint8Array(100)),
  ])
  t.equal(reader.feed(stream), undefined)
  t.same(frames, [10, 100])
})

t.test('a stopped reader reads no further frame', async (t) => {
  let count = 0
  const reader = new FrameReader(100, () => {
    count += 1
    reader.stop()
  })
  reader.feed(Buffer.concat([frameOf(96, 1), frameOf(96, 2)]))
  reader.feed(frameOf(96, 3))
  t.equal(count, 1)
})

t.test('bodies are views of the chunk, and do not change afterwards', async (t) => {
  const bodies: Uint8Array[] = []
  const reader = new FrameReader(1000, ({ bytes, start, length }) => {
    bodies.push(bytes.subarray(start, start + length))
  })
  const first = frameOf(96, 1, new Uint8Array(50).fill(1))
  reader.feed(first)
  t.equal(bodies[0]?.buffer, first.buffer, 'the body is not copied')
  for (let i = 2; i < 9; i++) {
    const frame = frameOf(96, i, new Uint8Array(50).fill(i))
    reader.feed(frame.slice(0, 30))
    reader.feed(frame.slice(30))
  }
  t.ok(bodies.every((body, i) => body.every((byte) => byte === i + 1)))
})

t.test('the frames of a turn are one write, and written bytes do not change', async (t) => {
  const writes: Uint8Array[] = []
  const copies: string[] = []
  const writer = new FrameWriter((bytes) => {
    writes.push(bytes)
    copies.push(Buffer.from(bytes).toString('hex'))
  })
  const lengths = [0, 1, 23, 24, 500, 9_000, 30_000, 33_000, 70_000, 0, 12_000, 60_000]
  let texts = ''
  for (let turn = 0; turn < 4; turn++) {
    for (const [i, length] of lengths.slice(turn).entries()) {
      const body = new Uint8Array(length + 9).fill(turn + i)
      writer.add(96, 0, i, body, 4, length)
      texts += `${textsOf(frameOf(96, i, body.subarray(4, 4 + length))).join()}\n`
    }
    writer.flush()
    writer.flush()
    t.equal(writer.gatheredBytes, 0)
  }
  t.equal(`${textsOf(Buffer.concat(writes)).join('\n')}\n`, texts)
  t.same(
    writes.map((bytes) => Buffer.from(bytes).toString('hex')),
    copies,
  )
  const before = writes.length
  for (let i = 0; i < 100; i++) writer.add(96, 0, i, new Uint8Array(500), 0, 500)
  writer.flush()
  t.equal(writes.length, before + 1, 'a hundred frames in one write')
})
