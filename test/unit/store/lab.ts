/** A log over the simulated disk: opened, crashed, filled, spoilt and opened again. */
import type { Prng } from '../../../src/base/prng.ts'
import { keyName } from '../../../src/dynamo/names.ts'
import { type DiskOptions, type SimDisk, SimWorld } from '../../../src/sim/index.ts'
import { DIGEST_KEY, put } from '../../../src/store/conformance/subject.ts'
import type { Engine } from '../../../src/store/engine.ts'
import { RESERVE_NAME } from '../../../src/store/files.ts'
import { type LogOptions, type OpenedLog, openLog } from '../../../src/store/log/open-log.ts'
import type { Directory } from '../../../src/world/disk.ts'
import type { World } from '../../../src/world/world.ts'

export const PATH = '/data'

const LIMIT_MS = 600_000

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

  /** Takes away the reserve and the empty segments that are prepared. Requires: no open log. */
  async strip(): Promise<void> {
    const directory = await this.directory()
    if ((await directory.list()).includes(RESERVE_NAME)) await directory.remove(RESERVE_NAME)
    for (const name of (await this.segments()).toReversed()) {
      const bytes = await this.read(name)
      if (bytes.subarray(32).some((byte) => byte !== 0)) break
      await directory.remove(name)
    }
    await directory.sync()
  }

  async segments(): Promise<readonly string[]> {
    const names = await (await this.directory()).list()
    return names.filter((name) => name.endsWith('.seg'))
  }
}

/** Puts a key in bucket `b`, and waits until it is durable. */
export async function keep(engine: Engine, key: string, text: string): Promise<void> {
  await engine.synced(engine.append([put(keyName('b', key), text)]))
}
