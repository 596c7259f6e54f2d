/**
 * The disk of one simulated machine: a crash keeps all synced bytes and some of the others.
 *
 * A `SimDisk` belongs to a machine and outlives its processes; `process-disk.ts` is its interface
 * for a process. Its generator draws how long a call takes, how many unsynced bytes a crash keeps,
 * and which bytes are in memory. Faults happen only when the caller asks for them (`arm`, `rot`,
 * `limit`, …).
 */
import { assert } from '../../base/assert.ts'
import { OperatingError } from '../../base/errors.ts'
import type { Prng } from '../../base/prng.ts'
import { SimDirectory } from './sim-directory.ts'
import type { SimProcess } from '../time/sim-process.ts'
import { Inode } from './sim-file.ts'
import type { SimTrace } from '../trace.ts'

export type DiskCall =
  | 'directory'
  | 'list'
  | 'create'
  | 'open'
  | 'rename'
  | 'remove'
  | 'sync-directory'
  | 'lock'
  | 'free-bytes'
  | 'size'
  | 'read'
  | 'write'
  | 'sync'
  | 'truncate'
  | 'close'

export interface DiskOptions {
  readonly capacityBytes: number
  /** Files that one process may have open. */
  readonly openFilesMax: number
  /** How often `readResident` finds the bytes in memory. */
  readonly residentChance: number
  /** How often a read brings fewer bytes than it could. */
  readonly shortReadChance: number
  /** Least and most, evenly drawn. */
  readonly readMicros: readonly [number, number]
  readonly writeMicros: readonly [number, number]
  readonly syncMicros: readonly [number, number]
  /** Of every other call. */
  readonly callMicros: readonly [number, number]
}

const DISK_DEFAULTS: DiskOptions = {
  capacityBytes: 1024 * 1024 * 1024,
  openFilesMax: Number.POSITIVE_INFINITY,
  residentChance: 0.9,
  shortReadChance: 0.02,
  readMicros: [40, 150],
  writeMicros: [5, 40],
  syncMicros: [150, 900],
  callMicros: [5, 60],
}

/** A fault to come: a call fails, or reports success without having done its work. */
export interface DiskFault {
  readonly call: DiskCall
  /**
   * `fail`: the call returns an error. `misdirect` (writes): the disk writes the bytes to another
   * place of the same file. `drop` (writes): the disk keeps the old bytes. The last two report
   * success, and the cache hides them until a crash or `evictCache`.
   */
  readonly effect?: 'fail' | 'misdirect' | 'drop'
  /** Of the error; `EIO` unless told. */
  readonly code?: string
  /** Only calls on files (or directories) whose name ends so. */
  readonly name?: string
  /** Calls let through first. */
  readonly skip?: number
  /** How often; once unless told. */
  readonly times?: number
}

/** A file of the disk: a candidate for rot. */
export interface DiskFile {
  readonly directory: string
  readonly name: string
  readonly size: number
  readonly durableSize: number
}

/** The content of a disk at some instant, file by file. */
export type Backup = ReadonlyMap<string, ReadonlyMap<string, Uint8Array>>

interface Armed {
  readonly fault: DiskFault
  skip: number
  times: number
}

export class SimDisk {
  readonly prng: Prng
  readonly trace: SimTrace
  readonly #options: DiskOptions
  readonly #directories = new Map<string, SimDirectory>()
  readonly #locks = new Map<string, SimProcess>()
  #armed: Armed[] = []
  #capacityBytes: number
  #usedBytes = 0
  #openFilesMax: number
  #slowness = 1
  /** Calls so far that returned an error or too little free space. */
  failures = 0
  /** Writes that the disk reported as done and did elsewhere or not at all. */
  lies = 0

  constructor(prng: Prng, trace: SimTrace, options: Partial<DiskOptions> = {}) {
    this.prng = prng
    this.trace = trace
    this.#options = { ...DISK_DEFAULTS, ...options }
    this.#capacityBytes = this.#options.capacityBytes
    this.#openFilesMax = this.#options.openFilesMax
  }

  /** Fails, or falsifies, calls to come. */
  arm(fault: DiskFault): void {
    this.#armed.push({ fault, skip: fault.skip ?? 0, times: fault.times ?? 1 })
  }

  /** Removes all armed faults that have not happened. */
  disarm(): void {
    this.#armed = []
  }

  /** Multiplies the time of every call. */
  slow(factor: number): void {
    this.#slowness = factor
  }

  /** Sets the capacity from now on; without a number, the original one. */
  limit(capacityBytes: number = this.#options.capacityBytes): void {
    this.#capacityBytes = capacityBytes
  }

  /** The same for the files that one process may have open. */
  limitFiles(openFilesMax: number = this.#options.openFilesMax): void {
    this.#openFilesMax = openFilesMax
  }

  get openFilesMax(): number {
    return this.#openFilesMax
  }

  get isLimited(): boolean {
    return this.#capacityBytes < this.#options.capacityBytes
  }

  get freeBytes(): number {
    return Math.max(0, this.#capacityBytes - this.#usedBytes)
  }

  get usedBytes(): number {
    return this.#usedBytes
  }

  /** Every file that has a name now, in a fixed order. */
  files(): readonly DiskFile[] {
    const files: DiskFile[] = []
    for (const directory of this.#directories.values()) {
      for (const name of directory.names()) {
        const inode = directory.get(name) as Inode
        const [size, durableSize] = [inode.cached.size, inode.durable.size]
        files.push({ directory: directory.path, name, size, durableSize })
      }
    }
    return files
  }

  /** Flips one bit of each byte in that range, on the disk and in memory. */
  rot(directory: string, name: string, position: number, length = 1): void {
    const inode = this.#directories.get(directory)?.get(name)
    assert(inode !== undefined, 'what rots is there')
    for (let at = position; at < position + length; at++) {
      const mask = 1 << this.prng.below(8)
      inode.durable.flip(at, mask)
      inode.cached.flip(at, mask)
    }
  }

  /** Empties the cache: reads return the disk's own bytes and the changes not yet synced. */
  evictCache(): void {
    for (const inode of this.#all()) inode.evict()
    this.#recount()
  }

  /** A process ended; the machine did not. */
  interrupt(): void {
    for (const inode of this.#all()) inode.interrupt(this.prng)
    this.#recount()
  }

  /** The power went. */
  crash(): void {
    const inodes = this.#all()
    for (const directory of this.#directories.values()) directory.crash(this.prng)
    for (const inode of inodes) inode.crash(this.prng)
    this.#recount()
  }

  /** The durable content of all files. */
  backup(): Backup {
    const directories = new Map<string, ReadonlyMap<string, Uint8Array>>()
    for (const directory of this.#directories.values())
      directories.set(directory.path, directory.backup())
    return directories
  }

  /** Sets the content to that of `backup`. Requires: nothing runs on the machine. */
  restore(backup: Backup): void {
    this.wipe()
    for (const [path, files] of backup) {
      const directory = this.directory(path)
      for (const [name, bytes] of files) directory.create(name, Inode.of(bytes))
      directory.sync(directory.mark())
    }
    this.#recount()
  }

  /** Removes all content and all armed faults. */
  wipe(): void {
    this.disarm()
    this.#directories.clear()
    this.#locks.clear()
    this.#recount()
  }

  // Called by `process-disk.ts` only.

  directory(path: string): SimDirectory {
    let directory = this.#directories.get(path)
    if (directory === undefined) {
      directory = new SimDirectory(path)
      this.#directories.set(path, directory)
    }
    return directory
  }

  isResident(): boolean {
    return this.prng.chance(this.#options.residentChance)
  }

  isShort(): boolean {
    return this.prng.chance(this.#options.shortReadChance)
  }

  micros(call: DiskCall): number {
    const [least, most] = this.#range(call)
    return Math.round(this.prng.between(least, most) * this.#slowness)
  }

  /** The fault that this call meets, if one was armed for it. */
  takeFault(call: DiskCall, name: string): DiskFault | undefined {
    for (const armed of this.#armed) {
      if (armed.fault.call !== call || !name.endsWith(armed.fault.name ?? '')) continue
      if (armed.skip > 0) {
        armed.skip -= 1
        continue
      }
      armed.times -= 1
      if (armed.times <= 0) this.#armed = this.#armed.filter((other) => other !== armed)
      const effect = armed.fault.effect ?? 'fail'
      this.trace.mark('disk-fault', { call, effect, name })
      if (effect !== 'fail') this.lies += 1
      return armed.fault
    }
    return undefined
  }

  grow(bytes: number): void {
    this.#usedBytes += bytes
  }

  #recount(): void {
    this.#usedBytes = 0
    for (const { size } of this.files()) this.#usedBytes += size
  }

  lock(path: string, process: SimProcess): () => void {
    const holder = this.#locks.get(path)
    if (holder !== undefined && !holder.isEnded) {
      throw new OperatingError('data-locked', `${path} is in use by another process`)
    }
    this.#locks.set(path, process)
    return () => {
      if (this.#locks.get(path) === process) this.#locks.delete(path)
    }
  }

  #range(call: DiskCall): readonly [number, number] {
    switch (call) {
      case 'read':
        return this.#options.readMicros
      case 'write':
        return this.#options.writeMicros
      case 'sync':
      case 'sync-directory':
        return this.#options.syncMicros
      default:
        return this.#options.callMicros
    }
  }

  /** All inodes, also those that have only a durable name. */
  #all(): ReadonlySet<Inode> {
    const inodes = new Set<Inode>()
    for (const directory of this.#directories.values()) {
      for (const inode of directory.inodes()) inodes.add(inode)
      for (const inode of directory.durableInodes()) inodes.add(inode)
    }
    return inodes
  }
}
