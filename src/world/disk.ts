/**
 * The disk that a node may use, and exactly which promises survive a crash.
 *
 * - After `File.sync` has resolved, every byte written to that file before the call survives.
 * - After `Directory.sync` has resolved, every create, rename and remove before the call survives.
 * - Of anything else a crash keeps some: any part of unsynced bytes, any of the unsynced names.
 * - When `sync` fails, what was written since the last good one is in doubt for ever, and a later
 *   `sync` that succeeds says nothing about it.
 * - What was synced may still rot: readers verify.
 *
 * Failures are system errors with their usual `code` (`ENOSPC`, `EIO`, `ENOENT`).
 */

export interface File {
  /** Bytes, as of now. */
  size(): Promise<number>
  /**
   * Reads up to `length` bytes at `position` into `into` from `start`; the count, which may be
   * short anywhere, and is 0 at the end alone.
   */
  read(position: number, into: Uint8Array, start: number, length: number): Promise<number>
  /**
   * The same without waiting: the count read (perhaps short), or -1 where the bytes would have to
   * come from the disk, and `read` is to be used.
   */
  readResident(position: number, into: Uint8Array, start: number, length: number): number
  /** Writes all of `bytes`, growing the file where needed. They must not change meanwhile. */
  write(position: number, bytes: Uint8Array): Promise<void>
  sync(): Promise<void>
  truncate(size: number): Promise<void>
  close(): Promise<void>
}

export interface Directory {
  readonly path: string
  /** All names in it, sorted. */
  list(): Promise<readonly string[]>
  /** Fails with `EEXIST` where the name is taken. Its owner alone may read the new file. */
  create(name: string): Promise<File>
  /** Fails with `EISDIR`, `ELOOP`, `ENXIO` or `EFTYPE` where the name is of no plain file. */
  open(name: string): Promise<File>
  /** Replaces `to` where it exists. */
  rename(from: string, to: string): Promise<void>
  remove(name: string): Promise<void>
  sync(): Promise<void>
  /**
   * Keeps every other process out until `unlock` or the end of this process, however it ends.
   * Fails with `data-locked`.
   */
  lock(): Promise<Lock>
  /** Bytes that can still be written. */
  freeBytes(): Promise<number>
  /** Files that this process may have open at once; `Infinity` where that is not known. */
  openFilesMax(): Promise<number>
}

export interface Lock {
  unlock(): Promise<void>
}

export interface Disk {
  /** The directory at `path`, made (with its parents, for its owner alone) where missing. */
  directory(path: string): Promise<Directory>
}
