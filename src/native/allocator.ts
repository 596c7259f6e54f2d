/**
 * Sets what this process's allocator does with memory that is freed.
 *
 * Only src/host may use this. See native/host/allocator.h.
 */
import { addon } from './addon.ts'

/** Keeps up to `bytes` that were freed for the next use; false if this C library cannot. */
export function keepFreedMemory(bytes: number): boolean {
  return addon.keepFreedMemory(bytes) === 1
}
