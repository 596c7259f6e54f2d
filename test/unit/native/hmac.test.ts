/** HMAC-SHA-256 against the vectors of RFC 4231. */
import t from 'tap'
import { bytesOfHex, hexOf, utf8Bytes } from '../../../src/base/bytes.ts'
import { hmacSha256 } from '../../../src/native/hmac.ts'

const repeated = (hex: string, count: number): Uint8Array =>
  bytesOfHex(hex.repeat(count)) as Uint8Array

/** Key, message, digest. */
const VECTORS: readonly (readonly [Uint8Array, Uint8Array, string])[] = [
  [
    repeated('0b', 20),
    utf8Bytes('Hi There'),
    'b0344c61d8db38535ca8afceaf0bf12b881dc200c9833da726e9376c2e32cff7',
  ],
  [
    utf8Bytes('Jefe'),
    utf8Bytes('what do ya want for nothing?'),
    '5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843',
  ],
  [
    repeated('aa', 131),
    utf8Bytes('Test Using Larger Than Block-Size Key - Hash Key First'),
    '60e431591ee0b67f0d8a26aacbf5b77f8e0bc6213728c5140546040f0ee37f54',
  ],
]

t.test('HMAC-SHA-256 gives the digests of the RFC, however the message is cut', async (t) => {
  for (const [key, message, digest] of VECTORS) {
    t.equal(hexOf(hmacSha256(key, [message])), digest)
    const parts = [message.subarray(0, 3), message.subarray(3, 3), message.subarray(3)]
    t.equal(hexOf(hmacSha256(key, parts)), digest)
  }
})
