/**
 * Reads from the page cache, without waiting for the disk.
 *
 * Only src/host may use this, because it does I/O. A read of resident bytes takes less than a
 * microsecond; through the thread pool it takes tens of them. See native/host/resident.h.
 */
import { addon } from './addon.ts'

/** The read would wait, or this system or file cannot promise that it would not. */
export const WOULD_WAIT = -1
/** The read failed; a plain read will say how. */
export const READ_FAILED = -2

/**
 * Reads up to `length` bytes at `position` of the file into into[start, start + length).
 * Returns the bytes read (fewer at the end of what is resident, 0 at the end of the file),
 * WOULD_WAIT or READ_FAILED. On systems without preadv2 it is always WOULD_WAIT.
 */
export const readResident: (
  fd: number,
  position: number,
  into: Uint8Array,
  start: number,
  length: number,
) => number = addon.readResident
