/**
 * The machine's files: implements `world/disk`.
 *
 * Every call but `readResident` goes through the thread pool of Node.js. The system reuses file
 * descriptors, so a file is closed only when its last call has returned; otherwise a late write
 * could go to another file.
 *
 * The lock of a directory is a lock on the directory itself. Why not: on a file in it. If that file
 * is removed, a second process makes a new one and locks that.
 */
import {
  close,
  constants,
  fdatasync,
  fstat,
  fsync,
  ftruncate,
  open,
  read,
  readdir,
  readFile,
  rename,
  statfs,
  unlink,
  write,
} from 'node:fs'
import { join, resolve as absolute } from 'node:path'
import { assert } from '../base/assert.ts'
import { OperatingError } from '../base/errors.ts'
import { tryLock } from '../native/flock.ts'
import { readResident, WOULD_WAIT } from '../native/resident.ts'
import type { Directory, Disk, File, Lock } from '../world/disk.ts'
import { makeDirectory } from './make-directory.ts'

const FILE_MODE = 0o600
/** Linux alone has it. */
const LIMITS_PATH = '/proc/self/limits'

type Callback<Value> = (error: Error | null, value: Value) => void

/** One call with a callback, as a promise. */
function asked<Value>(call: (answer: Callback<Value>) => void): Promise<Value> {
  return new Promise((resolve, reject) => {
    call((error, value) => {
      if (error === null) resolve(value)
      else reject(error)
    })
  })
}

/** The same, for calls without a result. */
function done(call: (answer: (error: Error | null) => void) => void): Promise<void> {
  return new Promise((resolve, reject) => {
    call((error) => {
      if (error === null) resolve()
      else reject(error)
    })
  })
}

class HostFile implements File {
  readonly #fd: number
  #isClosed = false
  #underWay = 0
  /** Called when the last call has returned. */
  #onIdle: (() => void) | undefined

  constructor(fd: number) {
    this.#fd = fd
  }

  async size(): Promise<number> {
    return this.#during(async () => {
      const stat = await asked<{ readonly size: number }>((answer) => fstat(this.#fd, answer))
      return stat.size
    })
  }

  read(position: number, into: Uint8Array, start: number, length: number): Promise<number> {
    return this.#during(() =>
      asked((answer) => read(this.#fd, into, start, length, position, answer)),
    )
  }

  readResident(position: number, into: Uint8Array, start: number, length: number): number {
    assert(!this.#isClosed, 'the file is open')
    return Math.max(readResident(this.#fd, position, into, start, length), WOULD_WAIT)
  }

  write(position: number, bytes: Uint8Array): Promise<void> {
    return this.#during(async () => {
      for (let at = 0; at < bytes.length; ) {
        const [start, length] = [at, bytes.length - at]
        at += await asked<number>((answer) => {
          write(this.#fd, bytes, start, length, position + start, answer)
        })
      }
    })
  }

  sync(): Promise<void> {
    return this.#during(() => done((answer) => fdatasync(this.#fd, answer)))
  }

  truncate(size: number): Promise<void> {
    return this.#during(() => done((answer) => ftruncate(this.#fd, size, answer)))
  }

  async close(): Promise<void> {
    if (this.#isClosed) throw badFile()
    this.#isClosed = true
    if (this.#underWay > 0) {
      await new Promise<void>((resolve) => {
        this.#onIdle = resolve
      })
    }
    await done((answer) => close(this.#fd, answer))
  }

  async #during<Value>(call: () => Promise<Value>): Promise<Value> {
    if (this.#isClosed) throw badFile()
    this.#underWay += 1
    try {
      return await call()
    } finally {
      this.#underWay -= 1
      if (this.#underWay === 0) this.#onIdle?.()
    }
  }
}

class HostDirectory implements Directory {
  readonly path: string

  constructor(path: string) {
    this.path = path
  }

  async list(): Promise<readonly string[]> {
    const names = await asked<string[]>((answer) => readdir(this.path, answer))
    return names.sort()
  }

  async create(name: string): Promise<File> {
    const flags = constants.O_RDWR | constants.O_CREAT | constants.O_EXCL
    return new HostFile(await openFile(this.#pathOf(name), flags))
  }

  async open(name: string): Promise<File> {
    // A link is not followed, and the other end of a pipe not waited for.
    const flags = constants.O_RDWR | constants.O_NOFOLLOW | constants.O_NONBLOCK
    const fd = await openFile(this.#pathOf(name), flags)
    try {
      const stat = await asked<{ isFile(): boolean }>((answer) => fstat(fd, answer))
      if (!stat.isFile()) throw notPlain(name)
    } catch (error) {
      await closeFile(fd)
      throw error
    }
    return new HostFile(fd)
  }

  rename(from: string, to: string): Promise<void> {
    return done((answer) => rename(this.#pathOf(from), this.#pathOf(to), answer))
  }

  remove(name: string): Promise<void> {
    return done((answer) => unlink(this.#pathOf(name), answer))
  }

  sync(): Promise<void> {
    return syncDirectory(this.path)
  }

  async lock(): Promise<Lock> {
    const fd = await openFile(this.path, constants.O_RDONLY | constants.O_DIRECTORY)
    try {
      if (!tryLock(fd)) {
        throw new OperatingError('data-locked', `${this.path} is in use by another process`)
      }
    } catch (error) {
      await closeFile(fd)
      throw error
    }
    let isHeld = true
    return {
      unlock: async () => {
        if (!isHeld) return
        isHeld = false
        await closeFile(fd)
      },
    }
  }

  async freeBytes(): Promise<number> {
    const stat = await asked<{ readonly bavail: number; readonly bsize: number }>((answer) => {
      statfs(this.path, answer)
    })
    return stat.bavail * stat.bsize
  }

  async openFilesMax(): Promise<number> {
    try {
      const text = await asked<string>((answer) => readFile(LIMITS_PATH, 'utf8', answer))
      const [, soft] = /^Max open files +(\d+) /m.exec(text) ?? []
      return soft === undefined ? Number.POSITIVE_INFINITY : Number(soft)
    } catch {
      return Number.POSITIVE_INFINITY
    }
  }

  #pathOf(name: string): string {
    assert(name.length > 0 && !name.includes('/'), 'a name is of a file in the directory')
    return join(this.path, name)
  }
}

export const hostDisk: Disk = {
  async directory(path: string): Promise<Directory> {
    const whole = absolute(path)
    makeDirectory(whole)
    return new HostDirectory(whole)
  },
}

function openFile(path: string, flags: number): Promise<number> {
  return asked((answer) => open(path, flags, FILE_MODE, answer))
}

function closeFile(fd: number): Promise<void> {
  return done((answer) => close(fd, answer))
}

async function syncDirectory(path: string): Promise<void> {
  const fd = await openFile(path, constants.O_RDONLY)
  try {
    await done((answer) => fsync(fd, answer))
  } finally {
    await closeFile(fd)
  }
}

function notPlain(name: string): Error {
  return Object.assign(new Error(`EFTYPE: ${name} is no plain file`), { code: 'EFTYPE' })
}

function badFile(): Error {
  return Object.assign(new Error('EBADF: the file is closed'), { code: 'EBADF' })
}
