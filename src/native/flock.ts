/**
 * Keeps other processes away from an open file, until it is closed or this process ends.
 *
 * Only src/host may use this. See native/host/flock.h.
 */
import { addon } from './addon.ts'

const TAKEN = 0
const HELD_ELSEWHERE = 1

/** True if the lock is ours now, false if another open file holds it; throws otherwise. */
export function tryLock(fd: number): boolean {
  const outcome = addon.tryLock(fd)
  if (outcome === TAKEN) return true
  if (outcome === HELD_ELSEWHERE) return false
  throw new Error('this system or file system cannot lock files (flock failed)')
}
