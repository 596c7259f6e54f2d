/** Tokens, MD5, CRC-32C and SipHash beside node:crypto, zlib and plain TypeScript. */
import { createHash } from 'node:crypto'
import * as zlib from 'node:zlib'
import { addon } from '../src/native/addon.ts'
import { crc32c, md5Batch, md5Into, sipHash64Into, tokenInto } from '../src/native/digest.ts'
import { crc32c as crc32cPlain } from '../src/native/portable/crc32c.ts'
import { Random, sipHashPlain } from '../test/unit/native/rivals.ts'
import { measure, sizeFrom, type Task } from './harness.ts'

/** Calls in one run, so that the clock is read seldom. */
const CALLS = 256
const KEY_BYTES = 24

const size = sizeFrom(process.argv)
const chance = new Random(1)
const keys = chance.bytes(CALLS * KEY_BYTES)
const keyAt = Array.from({ length: CALLS }, (_, i) => keys.subarray(24 * i, 24 * i + 24))
const bucket = Buffer.from('carts')
const digests = new Uint8Array(CALLS * 16)
const pair = new Uint32Array(2)
const spans = Uint32Array.from({ length: 2 * 64 }, (_, i) => (i % 2 === 0 ? 12 * i : KEY_BYTES))

const md5Tasks: readonly Task[] = [
  {
    name: 'createHash, one key',
    agrees: 'md5',
    operations: CALLS,
    run: () => {
      keyAt.forEach((key, i) => digests.set(createHash('md5').update(key).digest(), 16 * i))
      return digests
    },
  },
  {
    name: 'md5Into, one key',
    agrees: 'md5',
    operations: CALLS,
    run: () => {
      for (let i = 0; i < CALLS; i++) md5Into(keys, 24 * i, 24, digests, 16 * i)
      return digests
    },
  },
  {
    name: 'tokenInto, one key with its bucket',
    operations: CALLS,
    run: () => {
      for (const key of keyAt) tokenInto(bucket, key, pair)
      return pair
    },
  },
  {
    name: 'md5Batch, 64 keys',
    operations: 64,
    run: () => {
      md5Batch(keys, spans, 64, digests)
      return digests
    },
  },
  ...addon.md5Lanes.slice(1).map(
    (lanes, i): Task => ({
      name: `md5Batch, 64 keys, ${lanes} lanes`,
      operations: 64,
      run: () => {
        addon.md5Batch(keys, spans, 64, digests, i + 1)
        return digests
      },
    }),
  ),
]

/** Node.js has had zlib.crc32 since 20.15 and 22.2. */
const zlibCrc32: (bytes: Uint8Array) => number = zlib.crc32

function crcTasks(length: number): readonly Task[] {
  const bytes = chance.bytes(length)
  const many = (call: () => number) => (): number => {
    let last = 0
    for (let i = 0; i < CALLS; i++) last = call()
    return last
  }
  const task = (name: string, call: () => number, agrees?: string): Task => ({
    name: `${name}, ${length} bytes`,
    operations: CALLS,
    run: many(call),
    ...(agrees === undefined ? {} : { agrees: `${agrees} ${length}` }),
  })
  return [
    task('zlib.crc32', () => zlibCrc32(bytes)),
    task('table in TypeScript', () => crc32cPlain(bytes, 0, length), 'crc32c'),
    task('crc32c', () => crc32c(bytes, 0, length), 'crc32c'),
    ...addon.crc32cVariants
      .slice(1)
      .map((name, i) => task(name, () => addon.crc32cBy(i + 1, bytes, 0, length), 'crc32c')),
  ]
}

const sipKey = chance.bytes(16)
const value = chance.bytes(1024)
const sipTasks: readonly Task[] = [
  {
    name: 'BigInt in TypeScript, 1 KiB',
    agrees: 'sip',
    run: () => {
      const digest = Buffer.from(sipHashPlain(sipKey, value, 8))
      return Uint32Array.of(digest.readUInt32LE(4), digest.readUInt32LE(0))
    },
  },
  {
    name: 'sipHash64Into, 1 KiB',
    agrees: 'sip',
    run: () => {
      sipHash64Into(sipKey, value, 0, value.length, pair)
      return pair
    },
  },
]

await measure('MD5 of 24 bytes', size, md5Tasks)
for (const length of [100, 1024, 4096]) {
  await measure(`CRC-32C of ${length} bytes`, size, crcTasks(length))
}
await measure('SipHash-2-4', size, sipTasks)
