import t from 'tap'
import {
  base64urlOf,
  bytesOfBase64url,
  bytesOfHex,
  compareBytes,
  equalBytes,
  equalSecrets,
  hexOf,
  joinBytes,
  latin1Of,
  readU16,
  readU32,
  readU48,
  U48_MAX,
  utf8Bytes,
  utf8BytesExact,
  utf8Text,
  utf8TextExact,
  writeU16,
  writeU32,
  writeU48,
} from '../../../src/base/bytes.ts'
import { Prng } from '../../../src/base/prng.ts'

const SEED = 20_261_123

t.test(
  'compareBytes and equalBytes agree with Buffer, for short, long, equal and nearly equal bytes',
  async (t) => {
    const prng = Prng.of(SEED)
    for (const length of [0, 1, 7, 255, 256, 257, 5_000]) {
      const a = prng.fill(new Uint8Array(length))
      const same = a.slice()
      t.ok(equalBytes(a, same) && equalSecrets(a, same), `${length} equal bytes`)
      t.equal(compareBytes(a, same), 0)
      t.notOk(equalBytes(a, joinBytes([a, Uint8Array.of(0)])), 'a prefix is not the whole')
      t.notOk(equalSecrets(a, joinBytes([a, Uint8Array.of(0)])))
      if (length === 0) continue
      const other = a.slice()
      const at = prng.below(length)
      other[at] = (other[at] as number) ^ 1
      t.notOk(equalBytes(a, other), `${length} bytes, one bit apart at ${at}`)
      t.notOk(equalSecrets(a, other))
      t.equal(Math.sign(compareBytes(a, other)), Buffer.compare(a, other))
    }
    t.ok(compareBytes(Uint8Array.of(1), Uint8Array.of(1, 0)) < 0, 'a prefix comes first')
    t.notOk(equalSecrets(Uint8Array.of(1), new Uint8Array(0)), 'an empty secret equals no other')
  },
)

/** The same bytes, noting how often one of them is looked at. */
function watched(bytes: Uint8Array): { readonly bytes: Uint8Array; looks: () => number } {
  let looks = 0
  const watching = new Proxy(bytes, {
    get: (target, name) => {
      if (/^\d+$/.test(String(name))) looks += 1
      return Reflect.get(target, name) as unknown
    },
  })
  return { bytes: watching, looks: () => looks }
}

t.test('secrets are compared to their ends, wherever they differ', async (t) => {
  const secret = utf8Bytes('0123456789abcdef')
  const guesses = ['0123456789abcdef', '0123456789abcdeX', 'X123456789abcdef', 'XXXXXXXXXXXXXXXX']
  for (const guess of guesses) {
    const [own, shown] = [watched(secret), watched(utf8Bytes(guess))]
    t.equal(equalSecrets(own.bytes, shown.bytes), guess === guesses[0])
    t.equal(own.looks(), secret.length, guess)
    t.equal(shown.looks(), secret.length, guess)
  }
})

t.test('integers come back from their bytes, in the byte order of DataView', async (t) => {
  const bytes = new Uint8Array(16)
  const view = new DataView(bytes.buffer)
  for (const value of [0, 1, 0xff, 0x100, 0x7fff, 0x8000, 0xffff]) {
    writeU16(bytes, 3, value)
    t.equal(readU16(bytes, 3), value)
    t.equal(view.getUint16(3, true), value)
  }
  for (const value of [0, 1, 0x7fff_ffff, 0x8000_0000, 0xffff_ffff]) {
    writeU32(bytes, 5, value)
    t.equal(readU32(bytes, 5), value)
    t.equal(view.getUint32(5, true), value)
  }
  for (const value of [0, 1, 2 ** 31, 2 ** 32 - 1, 2 ** 32, 2 ** 40 + 17, U48_MAX]) {
    writeU48(bytes, 1, value)
    t.equal(readU48(bytes, 1), value)
    t.equal(Number(view.getBigUint64(1, true) & 0xffff_ffff_ffffn), value)
  }
  t.throws(() => writeU48(bytes, 0, U48_MAX + 1))
  t.throws(() => writeU48(bytes, 0, -1))
})

t.test(
  'text, hexadecimal and base64url are encoded and decoded, and wrong text is refused',
  async (t) => {
    const bytes = Prng.of(SEED).fill(new Uint8Array(100))
    t.same(bytesOfHex(hexOf(bytes)), bytes)
    t.same(bytesOfHex(hexOf(bytes).toUpperCase()), bytes)
    t.equal(hexOf(bytes, 2, 4), hexOf(bytes.subarray(2, 4)))
    for (const wrong of ['0', 'zz', '0x11', ' 1']) t.equal(bytesOfHex(wrong), undefined, wrong)
    t.same(bytesOfBase64url(base64urlOf(bytes.subarray(3, 50))), bytes.subarray(3, 50))
    t.equal(utf8Text(utf8Bytes('schön ✓')), 'schön ✓')
    t.equal(utf8TextExact(utf8Bytes('\ufeffschön')), '\ufeffschön', 'nothing is eaten')
    t.equal(utf8TextExact(Uint8Array.of(0xff)), undefined)
    t.equal(latin1Of(Uint8Array.of(0, 0xff, 0x41)), '\u0000\u00ffA')
    t.same(joinBytes([Uint8Array.of(1), new Uint8Array(0), Uint8Array.of(2, 3)]), [1, 2, 3])
  },
)

t.test('text with a surrogate that has no pair has no bytes', async (t) => {
  for (const text of ['\ud83d', 'i\udc4d', '\udc4d\ud83d', 'a\ud83db']) {
    t.equal(utf8BytesExact(text), undefined, JSON.stringify(text))
  }
  for (const text of ['', 'a', '👍', '\ufffd', 'ä\u0000']) {
    t.equal(utf8Text(utf8BytesExact(text) as Uint8Array), text)
  }
})
