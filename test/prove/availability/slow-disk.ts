/**
 * Makes the disk of a node ten times slower, for as long as a proof wants.
 *
 * A small library (`slow_disk.c`) is loaded into the node's process. It lets each call on a file
 * take longer while its control file says so, and counts the calls. A virtual disk may sync within
 * a fifth of a millisecond, and ten times that would be no fault: a sync takes at least ten times
 * as long as on a common disk.
 *
 * Why not dm-delay, or limits of a cgroup: few kernels have the first, and the second do not meet
 * what the page cache writes.
 */
import { closeSync, openSync, readSync, writeFileSync, writeSync } from 'node:fs'
import { spawnSync } from 'node:child_process'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import type { End } from '../machine/held-faults.ts'
import { CannotRun } from '../proof.ts'

const SOURCE = fileURLToPath(
  new URL('../../../../test/prove/availability/slow_disk.c', import.meta.url),
)
const TIMES = 10
const COMMON_SYNC_MICROS = 1_000
const CONTROL_BYTES = 16
const SLOWED_AT = 8

/** Compiles the library below `root`; its path. Throws `CannotRun` where there is no compiler. */
export function compileSlowDisk(root: string): string {
  const library = join(root, 'slow_disk.so')
  const argv = ['-shared', '-fPIC', '-O2', '-o', library, SOURCE, '-ldl']
  const { error, status, stderr } = spawnSync('cc', argv, { encoding: 'utf8' })
  if (error !== undefined) throw new CannotRun('cc is missing: apt-get install gcc libc6-dev')
  if (status !== 0) throw new CannotRun(`slow_disk.c does not compile here: ${stderr}`)
  return library
}

/** Makes a control file; at first the disk is as fast as it is. */
export function makeControl(path: string): void {
  writeFileSync(path, new Uint8Array(CONTROL_BYTES))
}

/** Put before the command of a process whose disk is to be made slow. */
export function slowable(library: string, control: string): readonly string[] {
  return ['env', `LD_PRELOAD=${library}`, `SLOW_DISK=${control}`]
}

/** Makes the disk slow until the end. */
export function slowDown(control: string): End {
  const file = openSync(control, 'r+')
  const before = slowedBy(file)
  writeSync(file, Uint32Array.of(TIMES, TIMES * COMMON_SYNC_MICROS), 0, SLOWED_AT, 0)
  return async () => {
    writeSync(file, Uint32Array.of(0, 0), 0, SLOWED_AT, 0)
    const isSlowed = slowedBy(file) > before
    closeSync(file)
    return isSlowed
  }
}

/** Calls that the library made to take longer. */
function slowedBy(file: number): bigint {
  const count = new BigUint64Array(1)
  readSync(file, count, 0, count.byteLength, SLOWED_AT)
  return count[0] as bigint
}
