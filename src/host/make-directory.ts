/**
 * Make a directory and the missing ones above it, durably.
 *
 * Why not the `recursive` of Node.js: it tries for ever where a file system says that the parent is
 * not there and the parent says that it exists, as `/proc` does.
 */
import { closeSync, existsSync, fsyncSync, mkdirSync, openSync, statSync } from 'node:fs'
import { dirname, resolve } from 'node:path'

const MODE = 0o700

/** Throws a system error. What exists and is no directory is found when it is opened. */
export function makeDirectory(path: string): void {
  const missing: string[] = []
  for (let at = resolve(path); !existsSync(at); at = dirname(at)) missing.unshift(at)
  for (const one of missing) {
    try {
      mkdirSync(one, MODE)
    } catch (error) {
      // Another process may have made it meanwhile; a loop of links exists, and leads nowhere.
      if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error
      if (!statSync(one).isDirectory()) throw error
    }
    syncDirectory(dirname(one))
  }
}

/** The name of a new directory is durable once the one above it is synced. */
function syncDirectory(path: string): void {
  const fd = openSync(path, 'r')
  try {
    fsyncSync(fd)
  } finally {
    closeSync(fd)
  }
}
