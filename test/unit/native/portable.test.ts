/** The TypeScript that stands in for the addon: equal to it, and enough for a client. */
import { execFile } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import * as fc from 'fast-check'
import t from 'tap'
import { addon } from '../../../src/native/addon.ts'
import type { PortableFunctions } from '../../../src/native/contract.ts'
import { portable, portableAddon } from '../../../src/native/portable/portable.ts'
import { SIPHASH_64, SIPHASH_128 } from './siphash-vectors.ts'

const latin1 = (text: string): Uint8Array => Buffer.from(text, 'latin1')
const hex = (bytes: Uint8Array): string => Buffer.from(bytes).toString('hex')

/** Asserts that `call` gives the same over the addon and in TypeScript, errors included. */
function same(call: (functions: PortableFunctions) => unknown): void {
  const outcome = (functions: PortableFunctions): unknown => {
    try {
      return call(functions)
    } catch (error) {
      return (error as Error).constructor.name
    }
  }
  const [ours, native] = [outcome(portable), outcome(addon)]
  if (JSON.stringify(ours) !== JSON.stringify(native)) {
    throw new Error(`${JSON.stringify(ours)} in TypeScript, ${JSON.stringify(native)} natively`)
  }
}

/** Bytes, and a part of them that now and then does not lie inside. */
const part = fc.tuple(
  fc.uint8Array({ maxLength: 300 }),
  fc.integer({ min: -1, max: 40 }),
  fc.integer({ min: -1, max: 260 }),
)
const keyOf16 = fc.uint8Array({ minLength: 16, maxLength: 16 })

t.test('MD5, CRC-32C and SipHash give the published digests', async (t) => {
  const out = new Uint8Array(16)
  const input = latin1('message digest')
  portable.md5Into(input, 0, input.length, out, 0)
  t.equal(hex(out), 'f96b697d7cb7938d525a2f31aaf161d0', 'RFC 1321, A.5')
  t.equal(portable.crc32c(latin1('123456789'), 0, 9), 0xe3069283)
  t.equal(portable.crc32c(new Uint8Array(32).fill(0xff), 0, 32), 0x62a8ab43, 'RFC 3720, B.4')
  const key = Uint8Array.from({ length: 16 }, (_, i) => i)
  const ascending = Uint8Array.from({ length: 64 }, (_, i) => i)
  const halves = new Uint32Array(2)
  for (let length = 0; length < 64; length++) {
    portable.sipHash64Into(key, ascending, 0, length, halves)
    const short = Buffer.alloc(8)
    short.writeUInt32LE(halves[1] as number, 0)
    short.writeUInt32LE(halves[0] as number, 4)
    portable.sipHash128Into(key, ascending, 0, length, out, 0)
    if (hex(short) !== SIPHASH_64[length]) t.fail(`64 bits of ${length} bytes`)
    if (hex(out) !== SIPHASH_128[length]) t.fail(`128 bits of ${length} bytes`)
  }
})

t.test('digests and checksums equal the native ones, out of range too', async () => {
  fc.assert(
    fc.property(part, keyOf16, fc.integer({ min: -1, max: 12 }), (bytes, key, at) => {
      same((functions) => functions.crc32c(...bytes))
      same((functions) => {
        const out = new Uint8Array(26)
        functions.md5Into(...bytes, out, at)
        return [...out]
      })
      same((functions) => {
        const out = new Uint8Array(26)
        functions.sipHash128Into(key, ...bytes, out, at)
        return [...out]
      })
      same((functions) => {
        const out = new Uint32Array(3)
        functions.sipHash64Into(key, ...bytes, out)
        return [...out]
      })
    }),
    { numRuns: 500 },
  )
  const short = new Uint8Array(15)
  same((functions) => functions.sipHash64Into(short, short, 0, 1, new Uint32Array(2)))
  same((functions) => functions.sipHash64Into(new Uint8Array(16), short, 0, 1, new Uint32Array(1)))
})

t.test('tokens equal the native ones, and a bucket is as long as it may be', async () => {
  const bytes = fc.uint8Array({ maxLength: 200 })
  fc.assert(
    fc.property(bytes, bytes, (bucket, key) => {
      same((functions) => {
        const out = new Uint32Array(2)
        functions.tokenInto(bucket, key, out)
        functions.token(bucket, key)
        return [...out, ...functions.tokenWords]
      })
    }),
  )
  for (const length of [65_535, 65_536]) {
    const bucket = new Uint8Array(length)
    same((functions) => functions.tokenInto(bucket, bucket, new Uint32Array(2)))
  }
  same((functions) => functions.tokenInto(new Uint8Array(1), new Uint8Array(1), new Uint32Array(1)))
})

/** A body that often has the outline of a request about one key, and often nearly. */
const field = fc
  .tuple(
    fc.constantFrom(0x0a, 0x12, 0x1a, 0x08, 0x09, 0x0d, 0x0b, 0x02),
    fc.uint8Array({ maxLength: 12 }),
    fc.integer({ min: 0, max: 9 }),
  )
  .map(([tag, bytes, damage]) => {
    const length = damage === 0 ? bytes.length + 200 : bytes.length
    return Uint8Array.of(tag, length, ...bytes)
  })
const body = fc.tuple(fc.boolean(), fc.array(field, { maxLength: 4 })).map(([isKeyed, fields]) => {
  const start = isKeyed ? [Uint8Array.of(0x0a, 1, 0x62), Uint8Array.of(0x12, 1, 0x6b)] : []
  return Buffer.concat([...start, ...fields])
})
const frame = fc.record({
  kind: fc.integer({ min: -1, max: 256 }),
  flags: fc.integer({ min: 0, max: 0xffff }),
  callId: fc.integer({ min: 0, max: 0xffff_ffff }),
  body,
})

t.test('frames are written as the addon writes them', async () => {
  fc.assert(
    fc.property(frame, fc.integer({ min: 0, max: 3 }), ({ kind, flags, callId, body }, at) => {
      same((functions) => {
        const out = new Uint8Array(functions.frameHeaderBytes + body.length + 6)
        out.set(body, functions.frameHeaderBytes)
        functions.writeFrame(out, at, kind, flags, callId, body.length)
        return [...out]
      })
    }),
    { numRuns: 500 },
  )
})

t.test('chunks are cut as the addon cuts them, whole, cut short or damaged', async () => {
  const damage = fc.option(fc.tuple(fc.nat(), fc.integer({ min: 1, max: 255 })))
  const frames = fc.array(frame, { maxLength: 6 })
  fc.assert(
    fc.property(frames, damage, fc.nat(400), fc.nat(40), (each, damaged, max, room) => {
      const chunk = Buffer.concat(
        each.map(({ kind, flags, callId, body }) => {
          const out = Buffer.alloc(addon.frameHeaderBytes + body.length + addon.frameTrailerBytes)
          out.set(body, addon.frameHeaderBytes)
          addon.writeFrame(out, 0, kind & 0xff, flags, callId, body.length)
          return out
        }),
      )
      if (damaged !== null && chunk.length > 0) {
        const at = damaged[0] % chunk.length
        chunk[at] = (chunk[at] as number) ^ damaged[1]
      }
      for (const cut of [0, 1, 19, 30]) {
        same((functions) => {
          const out = new Uint32Array(room + 8)
          const end = chunk.length - cut
          return [functions.scanFrames(chunk, Math.min(1, cut) - 1, end, max, out), ...out]
        })
        same((functions) => {
          const out = new Uint32Array(room + 8)
          return [functions.scanFrames(chunk, 0, chunk.length - cut, max, out), ...out]
        })
      }
    }),
    { numRuns: 500 },
  )
})

t.test('the functions of a server are refused with the reason and the remedy', async (t) => {
  const stand = portableAddon('it cannot be loaded here (for a test)')
  const error = { code: 'addon-missing', message: /for a test.*npm rebuild everwrite/ }
  t.throws(() => new stand.KeyDirectory(), error)
  t.throws(() => stand.tryLock(1), error)
  t.throws(() => stand.scanRecords(new Uint8Array(1), 0, 1, 0, 0, new Uint32Array(1)), error)
})

/** Runs `script` where no addon is found. */
function runWithout(argv: readonly string[]): Promise<{ code: unknown; stderr: string }> {
  const folder = mkdtempSync(join(tmpdir(), 'everwrite-'))
  const env = { ...process.env, EVERWRITE_PREBUILD: folder }
  return new Promise((resolve) => {
    execFile(process.execPath, argv, { env, maxBuffer: 2 ** 26 }, (error, _, stderr) => {
      rmSync(folder, { recursive: true })
      resolve({ code: error === null ? 0 : error.code, stderr })
    })
  })
}

const compiled = (path: string): string => fileURLToPath(new URL(path, import.meta.url))

const CLIENT_TESTS = [
  'client/bucket',
  'client/calls',
  'client/routing',
  'wire/frame',
  'wire/session',
]

for (const name of CLIENT_TESTS) {
  t.test(`the tests of ${name} pass without the addon, which is said once`, async (t) => {
    const { code, stderr } = await runWithout([compiled(`../${name}.test.js`)])
    t.equal(code, 0)
    t.equal(stderr.split('EVERWRITE_ADDON').length - 1, 1, stderr)
  })
}

t.test('nodes and the simulator refuse to start without the addon', async (t) => {
  const main = compiled('../../../src/cli/main.js')
  const data = mkdtempSync(join(tmpdir(), 'everwrite-'))
  t.teardown(() => rmSync(data, { recursive: true }))
  for (const argv of [
    ['dev', '--data', join(data, 'dev')],
    ['simulate', '--seed', '1'],
  ]) {
    const { code, stderr } = await runWithout([main, ...argv])
    t.equal(code, 3, argv.join(' '))
    t.match(stderr, /addon-missing/)
  }
})
