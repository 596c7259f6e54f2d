/**
 * The log engine on this machine's disk, beside the plainest rival: one file, appended to with
 * `fs.write` and `fs.fdatasync` in groups, and a Map from key to place (Bitcask without checks).
 *
 * Keys of 24 bytes, objects of 1 KiB, in the system's cache. `node dist/bench/store.bench.js full`
 * measures; without `full` it shows that it runs. Directory: EVERWRITE_BENCH_DIRECTORY or the
 * system's for temporary files.
 */
import { mkdtempSync, rmSync } from 'node:fs'
import { type FileHandle, open } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Prng } from '../src/base/prng.ts'
import type { KeyName } from '../src/dynamo/names.ts'
import { hostWorld } from '../src/host/world.ts'
import { type Digest, sipHash64, type Token, tokenOf } from '../src/native/digest.ts'
import { copyOf } from '../src/store/conformance/subject.ts'
import type { Engine } from '../src/store/engine.ts'
import { openLog } from '../src/store/log/open-log.ts'
import { sizeFrom } from './harness.ts'

const isFull = sizeFrom(process.argv) === 'full'
const COUNT = isFull ? 200_000 : 2000
const OBJECT_BYTES = 1024
const DEPTHS = [1, 16, 64, 1024]
const digestKey = Uint8Array.from({ length: 16 }, (_, i) => i)
const prng = Prng.of(1)
const bucket = Buffer.from('carts')
const note = prng.fill(new Uint8Array(15))
const object = prng.fill(new Uint8Array(OBJECT_BYTES))
const names: readonly { readonly name: KeyName; readonly token: Token }[] = Array.from(
  { length: COUNT },
  () => {
    const key = prng.fill(new Uint8Array(24))
    return { name: { bucket, key }, token: tokenOf(bucket, key) }
  },
)
const order = prng.shuffled(names)
const root = mkdtempSync(join(process.env['EVERWRITE_BENCH_DIRECTORY'] ?? tmpdir(), 'ew-bench-'))

interface Store {
  /** Resolves when it is durable. */
  put(index: number): Promise<void>
  get(index: number): Uint8Array | Promise<Uint8Array>
  close(): Promise<void>
}

async function openOurs(): Promise<{ readonly engine: Engine; readonly tookMs: number }> {
  const { clock, disk, trace } = hostWorld()
  const directory = await disk.directory(join(root, 'log'))
  const began = performance.now()
  const options = { directory, clock, trace, digestKey, segmentBytes: 64 << 20 }
  const { engine } = await openLog(options)
  return { engine, tookMs: performance.now() - began }
}

function ours(engine: Engine): Store {
  return {
    put(index) {
      const { name, token } = names[index] as (typeof names)[number]
      const digest = sipHash64<Digest>(digestKey, object)
      const copy = copyOf(name, { token })
      const record = { note, object, prefixBytes: 0, digestStart: 0, digest }
      return engine.synced(engine.append([{ kind: 'object', ...copy, ...record }]))
    },
    get(index) {
      const { name, token } = order[index] as (typeof order)[number]
      const stored = engine.get(copyOf(name, { token }))
      return stored instanceof Promise
        ? stored.then((found) => found?.object as Uint8Array)
        : (stored?.object as Uint8Array)
    },
    close: () => engine.close(),
  }
}

/** Groups like ours, with nothing else: no checksum, no preparation, no token. */
class Rival implements Store {
  readonly #file: FileHandle
  readonly #places = new Map<string, number>()
  #end = 0
  #group: Uint8Array[] = []
  #next: Promise<void> | undefined
  #last: Promise<void> = Promise.resolve()

  constructor(file: FileHandle) {
    this.#file = file
  }

  put(index: number): Promise<void> {
    const { name } = names[index] as (typeof names)[number]
    this.#places.set(Buffer.from(name.key).toString('latin1'), this.#end + 24)
    this.#group.push(name.key, object)
    this.#end += 24 + OBJECT_BYTES
    this.#next ??= this.#last = this.#last.then(async () => {
      await new Promise((resolve) => setImmediate(resolve))
      const group = this.#group
      this.#group = []
      this.#next = undefined
      await this.#file.writev(group)
      await this.#file.datasync()
    })
    return this.#next
  }

  async get(index: number): Promise<Uint8Array> {
    const { name } = order[index] as (typeof order)[number]
    const place = this.#places.get(Buffer.from(name.key).toString('latin1')) as number
    const into = Buffer.allocUnsafe(OBJECT_BYTES)
    await this.#file.read(into, 0, OBJECT_BYTES, place)
    return into
  }

  close(): Promise<void> {
    return this.#file.close()
  }
}

/** Keeps `depth` under way until `count` are done; prints rate, CPU and waiting time. */
async function drive(
  title: string,
  count: number,
  depth: number,
  once: (index: number) => unknown,
): Promise<void> {
  const waits = new Float64Array(count)
  const cpu = process.cpuUsage()
  const began = performance.now()
  let next = 0
  const worker = async (): Promise<void> => {
    while (next < count) {
      const index = next++
      const start = performance.now()
      const done = once(index)
      if (done instanceof Promise) await done
      waits[index] = performance.now() - start
    }
  }
  await Promise.all(Array.from({ length: depth }, worker))
  const seconds = (performance.now() - began) / 1000
  const { user, system } = process.cpuUsage(cpu)
  waits.sort()
  const at = (share: number): string =>
    ((waits[Math.floor(count * share)] as number) * 1000).toFixed(0)
  const rate = Math.round(count / seconds).toLocaleString('en')
  console.log(
    `  ${title.padEnd(26)} ${rate.padStart(9)}/s  ` +
      `cpu ${((user + system) / count).toFixed(1)} µs  ` +
      `p50 ${at(0.5)}, p99 ${at(0.99)}, p99.9 ${at(0.999)} µs`,
  )
}

const countAt = (depth: number): number => Math.min(COUNT, Math.max(200, depth * (COUNT / 200)))

async function compare(title: string, store: Store): Promise<void> {
  for (const depth of DEPTHS) {
    await drive(`${title}, put, ${depth} waiting`, countAt(depth), depth, (i) => store.put(i))
  }
  await drive(`${title}, put, all`, COUNT, 1024, (i) => store.put(i))
  for (const depth of [1, 64]) {
    await drive(`${title}, get, ${depth} waiting`, COUNT, depth, (i) => store.get(i))
  }
}

try {
  console.log(`store: ${COUNT} keys, objects of ${OBJECT_BYTES} bytes`)
  const { engine } = await openOurs()
  await compare('log', ours(engine))
  const { bytes, syncs, appends } = engine.report()
  console.log(`  log: ${syncs} syncs for ${appends} appends, ${(bytes / 1e6).toFixed(0)} MB`)
  await engine.close()
  const again = await openOurs()
  const rate = bytes / 1e6 / (again.tookMs / 1000)
  console.log(`  log: recovered in ${again.tookMs.toFixed(0)} ms, ${rate.toFixed(0)} MB/s`)
  await again.engine.close()
  const rival = new Rival(await open(join(root, 'rival'), 'w+'))
  await compare('rival', rival)
  await rival.close()
} finally {
  rmSync(root, { recursive: true })
}
