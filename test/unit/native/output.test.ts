/** Native code and its TypeScript stand-in set each byte of an output, and none beside it. */
import t from 'tap'
import { addon } from '../../../src/native/addon.ts'
import { frameSummaryAt, FrameSummary, frameWords } from '../../../src/native/frame-scanner.ts'
import { DIRECTORY_WORDS, KeyDirectory } from '../../../src/native/key-directory.ts'
import { portable } from '../../../src/native/portable/portable.ts'
import { recordBytes, recordScanWords } from '../../../src/native/record.ts'

const FILLS = [0xdb, 0x24] as const
/** Before and behind each output. */
const MARGIN = 16
const KEY = Uint8Array.from({ length: 16 }, (_, i) => i)
const TEXT = Uint8Array.from({ length: 300 }, (_, i) => i % 251)
const IMPLEMENTATIONS = [
  ['addon', addon],
  ['portable', portable],
] as const

/** Asserts that `write` sets the `length` bytes at `at` of its buffer, and nothing around them. */
function setsAll(t: Tap, name: string, length: number, write: (out: Uint8Array) => void): void {
  const [one, other] = FILLS.map((fill) => {
    const out = new Uint8Array(length + 2 * MARGIN).fill(fill)
    write(out)
    const margins = [...out.subarray(0, MARGIN), ...out.subarray(MARGIN + length)]
    t.ok(
      margins.every((byte) => byte === fill),
      `${name}: nothing beside the output is written`,
    )
    return out.slice(MARGIN, MARGIN + length)
  })
  t.same(one, other, `${name}: all of the output is set`)
}

/** As `setsAll`, for an output of `length` words. */
function setsWords(t: Tap, name: string, length: number, write: (out: Uint32Array) => void): void {
  const bytes = 4 * length
  setsAll(t, name, bytes, (out) => write(new Uint32Array(out.buffer, MARGIN, length)))
}

type Tap = Pick<typeof t, 'ok' | 'same' | 'equal'>

t.test('digests and frames are written whole', async (t) => {
  for (const [which, functions] of IMPLEMENTATIONS) {
    const named = (name: string): string => `${which}, ${name}`
    setsAll(t, named('md5Into'), 16, (out) => functions.md5Into(TEXT, 0, 200, out, MARGIN))
    setsWords(t, named('tokenInto'), 2, (out) => functions.tokenInto(KEY, TEXT, out))
    setsWords(t, named('sipHash64Into'), 2, (out) => functions.sipHash64Into(KEY, TEXT, 0, 33, out))
    setsAll(t, named('sipHash128Into'), 16, (out) =>
      functions.sipHash128Into(KEY, TEXT, 0, 33, out, MARGIN),
    )
    for (const length of [0, 1, 7, 300]) {
      const { frameHeaderBytes, frameTrailerBytes } = functions
      const bytes = frameHeaderBytes + length + frameTrailerBytes
      setsAll(t, named(`writeFrame of ${length}`), bytes, (out) => {
        out.set(TEXT.subarray(0, length), MARGIN + frameHeaderBytes)
        functions.writeFrame(out, MARGIN, 33, 1, 7, length)
      })
    }
  }
})

t.test('a scan of frames describes each frame in all of its words', async (t) => {
  for (const [which, functions] of IMPLEMENTATIONS) {
    const chunk = new Uint8Array(1_000)
    let at = 0
    for (const kind of [1, 33, 97]) {
      // Bucket and key, so that kind 33 has a token.
      chunk.set([0x0a, 1, 65, 0x12, 1, 66], at + functions.frameHeaderBytes)
      functions.writeFrame(chunk, at, kind, 0, 7, 6)
      at += functions.frameHeaderBytes + 6 + functions.frameTrailerBytes
    }
    const words = frameWords(3)
    setsWords(t, `${which}, scanFrames`, words.length, (out) => {
      t.equal(functions.scanFrames(chunk, 0, at, 1_000, out), 3)
      t.equal(out[frameSummaryAt(out, FrameSummary.consumed)], at)
    })
  }
})

const HEAD = new Uint32Array(addon.recordWords).fill(0)
HEAD.set([2, 64], 6)

t.test('a record is written whole, its padding with it', async (t) => {
  for (let length = 0; length < 17; length++) {
    const bytes = recordBytes(3, 5, 2, length)
    const body = TEXT.subarray(0, length)
    const encode = (out: Uint8Array, at: number): number =>
      addon.encodeRecord(
        out,
        at,
        HEAD,
        TEXT.subarray(0, 3),
        TEXT.subarray(0, 5),
        TEXT.subarray(0, 2),
        body,
      )
    setsAll(t, `a body of ${length} bytes`, bytes, (out) => {
      t.equal(encode(out, MARGIN), bytes)
    })
    const record = new Uint8Array(bytes)
    encode(record, 0)
    setsWords(t, 'verifyRecord', addon.recordWords, (out) => {
      t.equal(addon.verifyRecord(record, 0, bytes, 2, 64, out), 0)
    })
    setsWords(t, 'scanRecords', recordScanWords(1).length, (out) => {
      t.equal(addon.scanRecords(record, 0, bytes, 2, 64, out), 1)
    })
  }
})

t.test('digests of a batch and entries of the key directory are written whole', async (t) => {
  const spans = Uint32Array.from([0, 5, 5, 100, 0, 0])
  addon.md5Lanes.forEach((lanes, variant) => {
    const bytes = 16 * 3
    setsAll(t, `md5Batch by ${lanes}`, bytes, (out) =>
      addon.md5Batch(TEXT, spans, 3, out.subarray(MARGIN), variant),
    )
  })
  const directory = new KeyDirectory()
  directory.insert(1, 2, 3, 4)
  setsWords(t, 'find', 2, (out) => void directory.find(1, 2, out))
  setsWords(t, 'page', DIRECTORY_WORDS, (out) => void directory.page(0, 0, out))
})
