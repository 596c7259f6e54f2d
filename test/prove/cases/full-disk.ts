/** Cases of a full disk: three real nodes on one small file system, which needs root on Linux. */
import { spawnSync } from 'node:child_process'
import { closeSync, mkdirSync, openSync, rmSync, writeSync } from 'node:fs'
import { join } from 'node:path'
import { everwrite, ServedCluster } from '../../support/served-cluster.ts'
import { type Case, wrongUnless } from './case.ts'

const MIB = 1024 * 1024
const SLEEP_MS = 200
const RECOVER_MS_MAX = 20_000

export function fullDiskCases(directory: string): readonly Case[] {
  const what = 'three nodes on 64 MiB: full, killed, started, deleted from, freed'
  return [{ line: 'B2', what, run: () => onSmallDisk(join(directory, 'small'), fullDisk) }]
}

/** Right also where no file system may be mounted: then it says so. */
async function onSmallDisk(
  path: string,
  run: (path: string) => Promise<string | undefined>,
): Promise<string | undefined> {
  mkdirSync(path)
  const mounted = spawnSync('mount', ['-t', 'tmpfs', '-o', 'size=64m', 'tmpfs', path])
  if (mounted.status !== 0) {
    console.log('     not run: a tmpfs cannot be mounted here')
    return undefined
  }
  try {
    return await run(path)
  } finally {
    spawnSync('umount', [path])
  }
}

async function fullDisk(path: string): Promise<string | undefined> {
  const cluster = await ServedCluster.start({ nodes: 3, dataRoot: path })
  const seeds = ['--seeds', cluster.seeds.join(',')]
  const ask = (...argv: readonly string[]): Promise<{ code: number | null; stdout: string }> =>
    everwrite([...argv, ...seeds, '--timeout', '5000'])
  try {
    for (const key of ['a', 'b', 'c']) {
      const { code, stdout } = await ask('put', 'full', key, 'x')
      if (code !== 0) return `a put on 64 MiB: exit ${code}: ${stdout}`
    }
    fill(join(path, 'filler'))
    let code: number | null = 0
    const value = new Uint8Array(MIB / 2).fill(97)
    for (let i = 0; i < 200 && code === 0; i++) {
      const argv = ['put', 'full', `k${i}`, '-', ...seeds, '--timeout', '2000']
      code = (await everwrite(argv, { input: value })).code
    }
    if (code === 0) return 'two hundred puts of half a MiB fit a full disk'
    const told = await ask('status')
    if (told.code !== 4 || !told.stdout.includes('has no room for')) {
      return `status: exit ${told.code}: ${told.stdout}`
    }
    await cluster.killAll()
    await Promise.all(cluster.members.map((_, node) => cluster.startNode(node)))
    await Promise.all(cluster.members.map((_, node) => cluster.sees(node)))
    const read = await ask('get', 'full', 'a')
    if (read.code !== 0 || read.stdout.trim() !== 'x') return `get: ${read.code}: ${read.stdout}`
    const deleted = await ask('delete', 'full', 'a')
    if (deleted.code !== 0) return `delete: exit ${deleted.code}: ${deleted.stdout}`
    rmSync(join(path, 'filler'))
    return await recovered(ask)
  } finally {
    await cluster.stop()
  }
}

async function recovered(
  ask: (...argv: readonly string[]) => Promise<{ code: number | null; stdout: string }>,
): Promise<string | undefined> {
  const until = performance.now() + RECOVER_MS_MAX
  for (;;) {
    const put = await ask('put', 'full', 'again', 'x')
    const status = await ask('status')
    if (put.code === 0 && !status.stdout.includes('has no room')) return undefined
    if (performance.now() > until) return wrongUnless(false, `put: ${put.code}, ${status.stdout}`)
    await new Promise((resolve) => setTimeout(resolve, SLEEP_MS))
  }
}

/** A file that takes all the space that is left, to the last block. */
function fill(path: string): void {
  const fd = openSync(path, 'w')
  try {
    for (const bytes of [MIB, 4096]) {
      const piece = new Uint8Array(bytes)
      try {
        while (writeSync(fd, piece) > 0);
      } catch {
        // No space is left for such a piece.
      }
    }
  } finally {
    closeSync(fd)
  }
}
