/**
 * Keep the log files of `everwrite dev` within a bound.
 *
 * A node appends to its file by itself, so that its last lines are there however this process ends.
 * A file that has grown is copied to `NAME.log.1`, in the place of the one before, and cut to
 * nothing; lines written between the two are lost. So a log takes about two times the bound.
 */
import { copyFileSync, statSync, truncateSync } from 'node:fs'
import { DEV_LOG_BYTES_MAX } from '../../limits.ts'

const LOOK_EVERY_MS = 5_000

/** Rotates each file as soon as it is too long, until this process ends. */
export function boundLogs(paths: readonly string[]): void {
  const look = (): void => {
    for (const path of paths) rotate(path)
  }
  look()
  setInterval(look, LOOK_EVERY_MS).unref()
}

/** Moves the content away where it is more than `bytesMax`. */
export function rotate(path: string, bytesMax: number = DEV_LOG_BYTES_MAX): void {
  try {
    const stat = statSync(path, { throwIfNoEntry: false })
    if (stat === undefined || stat.size <= bytesMax) return
    copyFileSync(path, `${path}.1`)
    truncateSync(path)
  } catch {
    // A full disk: the next look tries again, and the nodes themselves say what is wrong.
  }
}
