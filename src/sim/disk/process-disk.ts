/**
 * The disk of one simulated process: implements `world/disk` over the machine's `SimDisk`.
 *
 * A call takes effect when it returns. Calls on one file that overlap return in any order, as from
 * a pool of threads. The calls of a process that has ended never return.
 */
import { assert } from '../../base/assert.ts'
import type { Directory, Disk, File, Lock } from '../../world/disk.ts'
import type { DiskCall, DiskFault, SimDisk } from './disk.ts'
import { systemFailure } from '../system-error.ts'
import type { SimDirectory } from './sim-directory.ts'
import type { SimProcess } from '../time/sim-process.ts'
import { Inode } from './sim-file.ts'

/** Runs the disk calls of one process. */
class Caller {
  readonly disk: SimDisk
  readonly #process: SimProcess
  /** Files that the process has open. */
  openFiles = 0

  constructor(disk: SimDisk, process: SimProcess) {
    this.disk = disk
    this.#process = process
  }

  get process(): SimProcess {
    return this.#process
  }

  /** Returns after the call's time. `fail` may do half of the work before an armed failure. */
  call<Value>(
    call: DiskCall,
    name: string,
    act: (fault: DiskFault | undefined) => Value,
    fail: () => void = nothing,
  ): Promise<Value> {
    if (this.#process.isEnded) return new Promise(nothing)
    const due = this.#process.scheduler.nowMicros + this.disk.micros(call)
    return new Promise((resolve, reject) => {
      this.#process.at(due, () => {
        this.disk.trace.mixCall(call)
        const fault = this.disk.takeFault(call, name)
        const isFailing = fault !== undefined && (fault.effect ?? 'fail') === 'fail'
        try {
          if (isFailing) {
            fail()
            throw systemFailure(fault.code ?? 'EIO', call)
          }
          resolve(act(fault))
        } catch (error) {
          assert(error instanceof Error, 'what is thrown is an error')
          this.disk.failures += 1
          reject(error)
        }
      })
    })
  }
}

export class ProcessDisk implements Disk {
  readonly #caller: Caller

  constructor(disk: SimDisk, process: SimProcess) {
    this.#caller = new Caller(disk, process)
  }

  directory(path: string): Promise<Directory> {
    const act = (): Directory => new DirectoryFace(this.#caller, this.#caller.disk.directory(path))
    return this.#caller.call('directory', path, act)
  }
}

class DirectoryFace implements Directory {
  readonly path: string
  readonly #caller: Caller
  readonly #directory: SimDirectory

  constructor(caller: Caller, directory: SimDirectory) {
    this.path = directory.path
    this.#caller = caller
    this.#directory = directory
  }

  list(): Promise<readonly string[]> {
    return this.#caller.call('list', this.path, () => this.#directory.names())
  }

  create(name: string): Promise<File> {
    return this.#caller.call('create', name, () => {
      if (this.#directory.get(name) !== undefined) throw systemFailure('EEXIST', 'create')
      this.#requireDescriptor('create')
      if (this.#caller.disk.freeBytes === 0) throw systemFailure('ENOSPC', 'create')
      const inode = new Inode()
      this.#directory.create(name, inode)
      return new FileFace(this.#caller, inode, name)
    })
  }

  open(name: string): Promise<File> {
    return this.#caller.call('open', name, () => {
      this.#requireDescriptor('open')
      return new FileFace(this.#caller, this.#inode(name, 'open'), name)
    })
  }

  rename(from: string, to: string): Promise<void> {
    return this.#caller.call('rename', from, () => {
      const inode = this.#inode(from, 'rename')
      const replaced = this.#directory.get(to)
      this.#directory.rename(from, to)
      if (replaced !== undefined && replaced !== inode) this.#free(replaced)
    })
  }

  remove(name: string): Promise<void> {
    return this.#caller.call('remove', name, () => {
      const inode = this.#inode(name, 'remove')
      this.#directory.remove(name)
      this.#free(inode)
    })
  }

  sync(): Promise<void> {
    const mark = this.#directory.mark()
    const act = (): void => this.#directory.sync(mark)
    const fail = (): void => this.#directory.failSync(mark, this.#caller.disk.prng)
    return this.#caller.call('sync-directory', this.path, act, fail)
  }

  lock(): Promise<Lock> {
    const { disk, process } = this.#caller
    return this.#caller.call('lock', this.path, () => {
      const release = disk.lock(this.path, process)
      return {
        unlock: async () => {
          if (!process.isEnded) release()
        },
      }
    })
  }

  freeBytes(): Promise<number> {
    const { disk } = this.#caller
    return this.#caller.call('free-bytes', this.path, () => {
      if (disk.isLimited) disk.failures += 1
      return disk.freeBytes
    })
  }

  openFilesMax(): Promise<number> {
    return Promise.resolve(this.#caller.disk.openFilesMax)
  }

  /** The file has lost its name. */
  #free({ cached }: Inode): void {
    this.#caller.disk.grow(-cached.size)
  }

  #requireDescriptor(syscall: string): void {
    const { disk, openFiles } = this.#caller
    if (openFiles >= disk.openFilesMax) throw systemFailure('EMFILE', syscall)
  }

  #inode(name: string, syscall: string): Inode {
    const inode = this.#directory.get(name)
    if (inode === undefined) throw systemFailure('ENOENT', syscall)
    return inode
  }
}

class FileFace implements File {
  readonly #caller: Caller
  readonly #inode: Inode
  readonly #name: string
  #isClosed = false

  constructor(caller: Caller, inode: Inode, name: string) {
    this.#caller = caller
    this.#inode = inode
    this.#name = name
    caller.openFiles += 1
  }

  size(): Promise<number> {
    return this.#call('size', () => this.#inode.cached.size)
  }

  read(position: number, into: Uint8Array, start: number, length: number): Promise<number> {
    assert(start + length <= into.length, 'what is read fits')
    return this.#call('read', () => {
      return this.#inode.cached.read(position, into, start, this.#lengthNow(length))
    })
  }

  readResident(position: number, into: Uint8Array, start: number, length: number): number {
    assert(start + length <= into.length, 'what is read fits')
    assert(!this.#isClosed, 'the file is open')
    const { disk } = this.#caller
    if (this.#caller.process.isEnded || !disk.isResident()) return -1
    return this.#inode.cached.read(position, into, start, this.#lengthNow(length))
  }

  write(position: number, bytes: Uint8Array): Promise<void> {
    const done = this.#caller.process.isEnded ? nothing : this.#inode.begin(position, bytes)
    const act = (fault: DiskFault | undefined): void => {
      done()
      this.#write(position, bytes, fault)
    }
    const fail = (): void => {
      done()
      const count = this.#caller.disk.prng.below(bytes.length + 1)
      this.#write(position, bytes.subarray(0, count), undefined)
    }
    return this.#call('write', act, fail)
  }

  sync(): Promise<void> {
    const mark = this.#inode.mark()
    const act = (): void => this.#inode.sync(mark)
    return this.#call('sync', act, () => this.#inode.failSync(mark, this.#caller.disk.prng))
  }

  truncate(size: number): Promise<void> {
    return this.#call('truncate', () => {
      const before = this.#inode.cached.size
      this.#inode.truncate(size)
      this.#caller.disk.grow(size - before)
    })
  }

  close(): Promise<void> {
    return this.#call('close', () => {
      if (!this.#isClosed) this.#caller.openFiles -= 1
      this.#isClosed = true
    })
  }

  #call<Value>(
    call: DiskCall,
    act: (fault: DiskFault | undefined) => Value,
    fail?: () => void,
  ): Promise<Value> {
    if (this.#isClosed) return Promise.reject(systemFailure('EBADF', call))
    return this.#caller.call(call, this.#name, act, fail)
  }

  /** Of `length`, all, or now and then only a beginning, as a system may. */
  #lengthNow(length: number): number {
    const { disk } = this.#caller
    return length > 1 && disk.isShort() ? 1 + disk.prng.below(length - 1) : length
  }

  #write(position: number, bytes: Uint8Array, fault: DiskFault | undefined): void {
    const { disk } = this.#caller
    const before = this.#inode.cached.size
    const growth = Math.max(0, position + bytes.length - before)
    const excess = growth - disk.freeBytes
    const kept = excess > 0 ? Math.max(0, bytes.length - excess) : bytes.length
    const written = kept === bytes.length ? bytes : bytes.subarray(0, kept)
    if (fault?.effect === 'drop') this.#inode.write(position, written, 'nowhere')
    else if (fault?.effect === 'misdirect') {
      this.#inode.write(position, written, disk.prng.below(before + written.length + 1))
    } else this.#inode.write(position, written)
    disk.grow(this.#inode.cached.size - before)
    if (excess > 0) throw systemFailure('ENOSPC', 'write')
  }
}

function nothing(): void {
  // Nothing to do.
}
