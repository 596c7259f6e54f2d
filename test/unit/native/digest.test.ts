/** Digests against published vectors, `node:crypto` and plain TypeScript, for every variant. */
import { fail } from 'node:assert/strict'
import { createHash } from 'node:crypto'
import t from 'tap'
import { addon } from '../../../src/native/addon.ts'
import {
  crc32c,
  md5Batch,
  md5Into,
  sipHash64Into,
  sipHash128Into,
  tokenInto,
  tokenOf,
} from '../../../src/native/digest.ts'
import { crc32c as crc32cPlain } from '../../../src/native/portable/crc32c.ts'
import { Random, md5Plain, sipHashPlain, tokenPlain } from './rivals.ts'
import { SIPHASH_64, SIPHASH_128 } from './siphash-vectors.ts'

const bytesOf = (text: string): Uint8Array => Buffer.from(text, 'latin1')
const hex = (bytes: Uint8Array): string => Buffer.from(bytes).toString('hex')

function md5(bytes: Uint8Array): string {
  const out = new Uint8Array(16)
  md5Into(bytes, 0, bytes.length, out, 0)
  return hex(out)
}

t.test('MD5 gives the digests of RFC 1321, A.5', async (t) => {
  t.equal(md5(bytesOf('')), 'd41d8cd98f00b204e9800998ecf8427e')
  t.equal(md5(bytesOf('a')), '0cc175b9c0f1b6a831c399e269772661')
  t.equal(md5(bytesOf('abc')), '900150983cd24fb0d6963f7d28e17f72')
  t.equal(md5(bytesOf('message digest')), 'f96b697d7cb7938d525a2f31aaf161d0')
  t.equal(md5(bytesOf('abcdefghijklmnopqrstuvwxyz')), 'c3fcd3d76192e4007dfb496cca67e13b')
  t.equal(md5(bytesOf('1234567890'.repeat(8))), '57edf4a22be3c955ac49da2e2107b67a')
})

t.test('MD5 agrees with node:crypto at every length around its blocks', async (t) => {
  const chance = new Random(1)
  for (let length = 0; length <= 300; length++) {
    const bytes = chance.bytes(length)
    if (md5(bytes) !== hex(md5Plain(bytes))) fail(`length ${length}`)
  }
  const long = chance.bytes(100_000)
  t.equal(md5(long), hex(md5Plain(long)))
  const out = new Uint8Array(20)
  md5Into(long, 7, 24, out, 4)
  t.equal(hex(out.subarray(4)), hex(md5Plain(long.subarray(7, 31))), 'a part, into a part')
  t.same([...out.subarray(0, 4)], [0, 0, 0, 0], 'and nothing before it')
})

t.test('a batch gives each message its own digest, in every variant', async (t) => {
  const chance = new Random(2)
  for (const [variant, lanes] of addon.md5Lanes.entries()) {
    for (let round = 0; round < 60; round++) {
      const count = chance.below(150)
      const spans = new Uint32Array(2 * count)
      const input = chance.bytes(4096)
      for (let i = 0; i < count; i++) {
        const length = chance.below(round % 2 === 0 ? 64 : 1000)
        spans[2 * i + 1] = length
        spans[2 * i] = chance.below(input.length - length + 1)
      }
      const out = new Uint8Array(16 * count)
      addon.md5Batch(input, spans, count, out, variant)
      for (let i = 0; i < count; i++) {
        const start = spans[2 * i] as number
        const message = input.subarray(start, start + (spans[2 * i + 1] as number))
        const digest = out.subarray(16 * i, 16 * i + 16)
        if (hex(digest) !== hex(md5Plain(message))) fail(`${lanes} lanes, round ${round}, ${i}`)
      }
    }
    t.pass(`${lanes} lanes, seed ${chance.seed}`)
  }
})

t.test('a token is the first 64 bits of the digest, read big-endian', async (t) => {
  const token = tokenOf(bytesOf('b'), bytesOf('key'))
  const digest = createHash('md5').update('\x01\x00bkey', 'latin1').digest('hex')
  const hex32 = (word: number): string => word.toString(16).padStart(8, '0')
  t.equal(hex32(token.hi) + hex32(token.lo), digest.slice(0, 16))
  t.not(
    tokenOf(bytesOf('a'), bytesOf('bc')).hi,
    tokenOf(bytesOf('ab'), bytesOf('c')).hi,
    'the length of the bucket keeps buckets apart',
  )
  const chance = new Random(3)
  const pair = new Uint32Array(2)
  for (let i = 0; i < 500; i++) {
    const bucket = chance.bytes(chance.below(i % 10 === 0 ? 300 : 20))
    const key = chance.bytes(chance.below(i % 7 === 0 ? 4096 : 60))
    const { hi, lo } = tokenOf(bucket, key)
    const [plainHi, plainLo] = tokenPlain(bucket, key)
    tokenInto(bucket, key, pair)
    if (hi !== plainHi || lo !== plainLo || pair[0] !== hi || pair[1] !== lo)
      fail(`${bucket.length} and ${key.length} bytes`)
  }
  t.doesNotThrow(() => tokenOf(new Uint8Array(65_535), new Uint8Array(0)))
  t.throws(() => tokenOf(new Uint8Array(65_536), new Uint8Array(0)), RangeError)
})

t.test('CRC-32C gives the checksums of RFC 3720, B.4', async (t) => {
  const crc = (bytes: Uint8Array): number => crc32c(bytes, 0, bytes.length)
  const ascending = Uint8Array.from({ length: 32 }, (_, i) => i)
  t.equal(crc(bytesOf('123456789')), 0xe3069283)
  t.equal(crc(new Uint8Array(32)), 0x8a9136aa)
  t.equal(crc(new Uint8Array(32).fill(0xff)), 0x62a8ab43)
  t.equal(crc(ascending), 0x46dd794e)
  t.equal(crc(ascending.toReversed()), 0x113fdb5c)
  t.equal(crc(new Uint8Array(0)), 0)
})

t.test('CRC-32C agrees with a table in TypeScript, in every variant', async (t) => {
  const chance = new Random(4)
  const bytes = chance.bytes(70_000)
  for (const [variant, name] of addon.crc32cVariants.entries()) {
    const check = (start: number, length: number): void => {
      const wanted = crc32cPlain(bytes, start, length)
      if (addon.crc32cBy(variant, bytes, start, length) !== wanted) {
        fail(`${name}: ${length} bytes at ${start}`)
      }
    }
    for (let length = 0; length <= 1100; length++) check(length % 17, length)
    for (let i = 0; i < 60; i++) {
      const length = chance.below(bytes.length)
      check(chance.below(bytes.length - length + 1), length)
    }
    t.pass(`${name}, seed ${chance.seed}`)
  }
})

t.test('SipHash-2-4 gives all 64 published digests of both sizes', async (t) => {
  const key = Uint8Array.from({ length: 16 }, (_, i) => i)
  const input = Uint8Array.from({ length: 64 }, (_, i) => i)
  const pair = new Uint32Array(2)
  const out = Buffer.alloc(16)
  const short: string[] = []
  const long: string[] = []
  for (let length = 0; length < 64; length++) {
    sipHash64Into(key, input, 0, length, pair)
    out.writeUInt32LE(pair[1] as number, 0)
    out.writeUInt32LE(pair[0] as number, 4)
    short.push(hex(out.subarray(0, 8)))
    sipHash128Into(key, input, 0, length, out, 0)
    long.push(hex(out))
  }
  t.same(short, SIPHASH_64)
  t.same(long, SIPHASH_128)
})

t.test('SipHash agrees with BigInt on other keys and lengths', async (t) => {
  const chance = new Random(5)
  const pair = new Uint32Array(2)
  const out = Buffer.alloc(17)
  for (let i = 0; i < 300; i++) {
    const key = chance.bytes(16)
    const bytes = chance.bytes(chance.below(i < 200 ? 40 : 700))
    sipHash64Into(key, bytes, 0, bytes.length, pair)
    out.writeUInt32LE(pair[1] as number, 0)
    out.writeUInt32LE(pair[0] as number, 4)
    if (hex(out.subarray(0, 8)) !== hex(sipHashPlain(key, bytes, 8))) fail(`64 bits, ${i}`)
    sipHash128Into(key, bytes, 0, bytes.length, out, 1)
    if (hex(out.subarray(1)) !== hex(sipHashPlain(key, bytes, 16))) fail(`128 bits, ${i}`)
  }
  t.pass(`seed ${chance.seed}`)
})

t.test('batches of nothing and of more than there is', async (t) => {
  md5Batch(new Uint8Array(0), new Uint32Array(0), 0, new Uint8Array(0))
  const spans = Uint32Array.of(0, 4, 2, 3)
  const out = new Uint8Array(32)
  t.throws(() => md5Batch(new Uint8Array(4), spans, 2, out), RangeError, 'past the input')
  t.throws(() => md5Batch(new Uint8Array(8), spans, 3, out), RangeError, 'past the spans')
  t.throws(() => md5Batch(new Uint8Array(8), spans, 2, out.subarray(1)), RangeError, 'past out')
  t.throws(
    () => md5Batch(new Uint8Array(8), Uint32Array.of(0xffffffff, 0xffffffff), 1, out),
    RangeError,
    'a start and a length whose sum would wrap',
  )
})
