/** A log over the simulated disk: opened, crashed, filled, spoilt and opened again. */
import { u64 } from '../../../src/base/u64.ts'
import { utf8Bytes, utf8Text } from '../../../src/base/bytes.ts'
import type { Prng } from '../../../src/base/prng.ts'
import { type KeyName, keyName } from '../../../src/dynamo/names.ts'
import { type Digest, sipHash64, type Token, tokenOf } from '../../../src/native/digest.ts'
import { type DiskOptions, type SimDisk, SimWorld } from '../../../src/sim/index.ts'
import type { Engine, Entry, ScanPage } from '../../../src/store/engine.ts'
import { type LogOptions, type OpenedLog, openLog } from '../../../src/store/log/open-log.ts'
import type { Directory } from '../../../src/world/disk.ts'
import type { World } from '../../../src/world/world.ts'

export const DIGEST_KEY: Uint8Array = Uint8Array.from({ length: 16 }, (_, i) => i)
export const LAST_TOKEN: Token = u64(0xffff_ffff, 0xffff_ffff)
export const PATH = '/data'

const LIMIT_MS = 600_000

export type ObjectEntry = Extract<Entry, { kind: 'object' }>

export class Lab {
  readonly sim: SimWorld
  readonly prng: Prng
  world: World

  constructor(seed = 1, disk: Partial<DiskOptions> = {}) {
    this.sim = new SimWorld({ seed, disk })
    this.prng = this.sim.prng('workload')
    this.world = this.sim.start(0)
  }

  get disk(): SimDisk {
    return this.sim.disk(0)
  }

  /** Runs a test's body while virtual time passes. */
  done<Value>(body: Promise<Value>): Promise<Value> {
    return this.sim.complete(body, LIMIT_MS)
  }

  directory(): Promise<Directory> {
    return this.world.disk.directory(PATH)
  }

  async open(options: Partial<LogOptions> = {}): Promise<OpenedLog> {
    return openLog({
      directory: await this.directory(),
      clock: this.world.clock,
      trace: this.world.trace,
      digestKey: DIGEST_KEY,
      segmentBytes: 400,
      ...options,
    })
  }

  /** The power goes and comes back. */
  crash(): void {
    this.world = this.sim.restart(0)
  }

  /** The process ends and starts again; what the system holds of the files stays. */
  kill(): void {
    this.sim.kill(0)
    this.world = this.sim.start(0)
  }

  pause(ms: number): Promise<void> {
    return new Promise((resolve) => this.sim.after(ms, resolve))
  }

  /** The bytes of a file, as a process sees them. */
  async read(name: string): Promise<Uint8Array> {
    const file = await (await this.directory()).open(name)
    const bytes = new Uint8Array(await file.size())
    for (let at = 0; at < bytes.length; ) at += await file.read(at, bytes, at, bytes.length - at)
    await file.close()
    return bytes
  }

  /** Puts a file there, durable, in the place of any other. */
  async write(name: string, bytes: Uint8Array): Promise<void> {
    const directory = await this.directory()
    if ((await directory.list()).includes(name)) await directory.remove(name)
    const file = await directory.create(name)
    await file.write(0, bytes)
    await file.sync()
    await directory.sync()
    await file.close()
  }

  async segments(): Promise<readonly string[]> {
    const names = await (await this.directory()).list()
    return names.filter((name) => name.endsWith('.seg'))
  }
}

export function put(name: KeyName, text: string, note = ''): ObjectEntry {
  const object = utf8Bytes(text)
  return {
    kind: 'object',
    token: tokenOf(name.bucket, name.key),
    name,
    note: utf8Bytes(note),
    object,
    digest: digestOf(object),
  }
}

/** The digest of an object, as a replica of the cluster computes it. */
export function digestOf(object: Uint8Array): Digest {
  return sipHash64(DIGEST_KEY, object)
}

export function erasure(name: KeyName): Entry {
  return { kind: 'erasure', token: tokenOf(name.bucket, name.key), name }
}

/** The object of a key in bucket `b`, as text. */
export async function textOf(engine: Engine, key: string): Promise<string | undefined> {
  const name = keyName('b', key)
  const stored = await engine.get(tokenOf(name.bucket, name.key), name)
  return stored === undefined ? undefined : utf8Text(stored.object)
}

/** Puts a key in bucket `b`, and waits until it is durable. */
export async function keep(engine: Engine, key: string, text: string): Promise<void> {
  await engine.synced(engine.append([put(keyName('b', key), text)]))
}

/** All that a scan finds. */
export async function scanAll(
  engine: Engine,
  keysMax = 100,
): Promise<readonly ScanPage['entries'][number][]> {
  const entries: ScanPage['entries'][number][] = []
  let from: Token | undefined = u64(0, 0)
  while (from !== undefined) {
    const page: ScanPage = await engine.scan({ from, to: LAST_TOKEN, keysMax, bytesMax: 1 << 20 })
    entries.push(...page.entries)
    from = page.next
  }
  return entries
}

/** Keys of bucket `b` with their texts, sorted by key. */
export async function contents(engine: Engine): Promise<ReadonlyMap<string, string>> {
  const entries = await scanAll(engine)
  const pairs = entries.map((entry): [string, string] => [
    utf8Text(entry.name.key),
    utf8Text(entry.object),
  ])
  return new Map(pairs.sort(([a], [b]) => (a < b ? -1 : 1)))
}
