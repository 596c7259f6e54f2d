/** How much of the log a scan reads: prefixes alone, and few records of other buckets. */
import t from 'tap'
import { utf8Bytes } from '../../../../src/base/bytes.ts'
import { keyName, NEVER_CREATED, OWN } from '../../../../src/dynamo/names.ts'
import {
  digestOf,
  FIRST_TOKEN,
  LAST_TOKEN,
  type ObjectEntry,
  put,
} from '../../../../src/store/conformance/subject.ts'
import type { Engine, ScanPage } from '../../../../src/store/engine.ts'
import type { Directory, File } from '../../../../src/world/disk.ts'
import { Lab } from '../lab.ts'

interface Reads {
  count: number
  bytes: number
}

/** `target`, with some of its methods replaced. */
function withMethods<T extends object>(target: T, methods: Record<string, unknown>): T {
  return new Proxy(target, {
    get(of, name) {
      const own = methods[String(name)] ?? Reflect.get(of, name, of)
      return typeof own === 'function' ? own.bind(of) : own
    },
  })
}

function countingFile(file: File, reads: Reads): File {
  const counted = (bytes: number): number => {
    reads.count += 1
    reads.bytes += bytes
    return bytes
  }
  return withMethods(file, {
    read: async (...args: Parameters<File['read']>) => counted(await file.read(...args)),
    readResident: (...args: Parameters<File['readResident']>) =>
      counted(file.readResident(...args)),
  })
}

function counting(directory: Directory, reads: Reads): Directory {
  return withMethods(directory, {
    open: async (name: string) => countingFile(await directory.open(name), reads),
    create: async (name: string) => countingFile(await directory.create(name), reads),
  })
}

/** What a scan of a log with these entries reads once they are durable, and what it finds. */
async function readsOf(
  entries: readonly ObjectEntry[],
  page: (engine: Engine, from: typeof FIRST_TOKEN) => Promise<ScanPage>,
): Promise<Reads & { readonly found: ScanPage['entries']; readonly pages: number }> {
  const lab = new Lab(1, { residentChance: 1 })
  return lab.done(
    (async () => {
      const reads = { count: 0, bytes: 0 }
      const directory = counting(await lab.directory(), reads)
      const first = await lab.open({ segmentBytes: 1 << 24 })
      for (const entry of entries) await first.engine.synced(first.engine.append([entry]))
      await first.engine.close()
      const { engine } = await lab.open({ segmentBytes: 1 << 24, directory })
      Object.assign(reads, { count: 0, bytes: 0 })
      const found: ScanPage['entries'][number][] = []
      let pages = 0
      for (let from: typeof FIRST_TOKEN | undefined = FIRST_TOKEN; from !== undefined; pages++) {
        const { entries: more, next }: ScanPage = await page(engine, from)
        found.push(...more)
        from = next
      }
      const result = { ...reads, found, pages }
      await engine.close()
      return result
    })(),
  )
}

function large(key: string, prefixBytes: number, bytes: number): ObjectEntry {
  const object = new Uint8Array(bytes).fill(key.charCodeAt(0))
  return { ...put(keyName('b', key), ''), object, prefixBytes, ...digestOf(object) }
}

const RANGE = { place: OWN, to: LAST_TOKEN, keysMax: 1000, bytesMax: 1 << 20 }

void t.test('S16: a scan of prefixes reads no more of a record than its prefix', async (t) => {
  const entries = Array.from({ length: 20 }, (_, i) => large(`k${i}`, i < 2 ? 9_000 : 50, 200_000))
  const read = await readsOf(entries, (engine, from) => engine.prefixes({ from, ...RANGE }))
  t.equal(read.found.length, 20)
  t.equal(read.pages, 1, 'prefixes alone count')
  t.same(
    read.found
      .map(({ object }) => object.length)
      .sort((a, b) => a - b)
      .slice(17),
    [50, 9_000, 9_000],
  )
  t.ok(read.bytes <= 20 * 4096 + 2 * 16_384, `${read.bytes} bytes read`)
})

void t.test('S17: a scan of a small bucket reads few records of the others', async (t) => {
  const others = Array.from({ length: 1_500 }, (_, i) => put(keyName('large', `k${i}`), 'x'))
  const own = Array.from({ length: 10 }, (_, i) => put(keyName('small', `k${i}`), 'x'))
  const bucket = utf8Bytes('small')
  const read = await readsOf([...others, ...own], (engine, from) => {
    return engine.scan({ from, ...RANGE, bucket: { name: bucket, creation: NEVER_CREATED } })
  })
  t.equal(read.found.length, 10)
  t.ok(read.count <= 60, `${read.count} reads`)
  t.equal(read.pages, 1)
})

void t.test(
  'a page ends before the copy that would pass its bytes, and reads it once',
  async (t) => {
    const entries = Array.from({ length: 6 }, (_, i) =>
      large(`k${i}`, 10, i % 2 === 0 ? 90 : 700_000),
    )
    const pages: number[] = []
    const read = await readsOf(entries, async (engine, from) => {
      const page = await engine.scan({ from, ...RANGE, bytesMax: 600_000 })
      const bytes = page.entries.reduce((sum, { object }) => sum + object.length, 0)
      if (bytes > 600_000) pages.push(page.entries.length)
      return page
    })
    t.equal(read.found.length, 6)
    t.same(pages, [1, 1, 1], 'a larger one stands alone')
    t.ok(read.bytes < 3 * 700_000 + 40 * 4096, `${read.bytes} bytes read`)
  },
)
