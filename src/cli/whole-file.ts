/**
 * Write files whole: a power cut at any moment leaves the old content or the new one.
 *
 * The new content goes to a file beside it, is synced and then gets the name; then the directory is
 * synced. A reader of the name never sees a part.
 */
import {
  chmodSync,
  closeSync,
  fsyncSync,
  linkSync,
  openSync,
  realpathSync,
  renameSync,
  rmSync,
  statSync,
  writeSync,
} from 'node:fs'
import { dirname } from 'node:path'

/** Puts `text` in the place of the file. The umask does not narrow `mode`. */
export function writeWhole(path: string, text: string, mode: number): void {
  const part = writePart(path, text, mode)
  replaceBy(part, path)
}

/** Makes the file. Fails with `EEXIST` if the name is taken. */
export function createWhole(path: string, text: string, mode: number): void {
  const part = writePart(path, text, mode)
  try {
    linkSync(part, path)
  } finally {
    rmSync(part)
  }
  syncDirectoryOf(path)
}

/** Gives the synced file `part` the name `path`, durably. */
export function replaceBy(part: string, path: string): void {
  renameSync(part, path)
  syncDirectoryOf(path)
}

/** The name beside `path` for content that is not whole yet. */
export function partOf(path: string): string {
  return `${path}.${process.pid}.part`
}

export interface Target {
  readonly path: string
  readonly mode: number
}

/** The file that a name leads to, through symbolic links; undefined if none is there. */
export function targetOf(path: string): Target | undefined {
  const stat = statSync(path, { throwIfNoEntry: false })
  return stat === undefined ? undefined : { path: realpathSync(path), mode: stat.mode & 0o7777 }
}

/** True for a pipe or a device, which is written to as it is. */
export function isStream(path: string): boolean {
  const stat = statSync(path, { throwIfNoEntry: false })
  return stat !== undefined && !stat.isFile() && !stat.isDirectory()
}

function writePart(path: string, text: string, mode: number): string {
  const part = partOf(path)
  const file = openSync(part, 'wx', mode)
  try {
    chmodSync(part, mode)
    writeSync(file, text)
    fsyncSync(file)
  } catch (error) {
    rmSync(part, { force: true })
    throw error
  } finally {
    closeSync(file)
  }
  return part
}

function syncDirectoryOf(path: string): void {
  const directory = openSync(dirname(path), 'r')
  try {
    fsyncSync(directory)
  } finally {
    closeSync(directory)
  }
}
