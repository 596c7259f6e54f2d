/**
 * A copy of the build with one bug in it, in a folder of its own.
 *
 * The code that serves has no switches: a bug is a patch of the compiled JavaScript, or of the
 * addon's source, which is then built anew.
 *
 * A copy is removed by its user, or when the process that made it ends or is interrupted. A
 * process that was killed leaves its copies behind: the next one removes them.
 */
import { spawnSync } from 'node:child_process'
import {
  cpSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { placeOf, plantedText, ROOT } from './place.ts'
import type { Plant } from './plant.ts'

const LINKED = ['node_modules', 'package.json', 'protocol'] as const
/** Copied to build the addon. */
const FOR_ADDON = ['binding.gyp', 'native', 'scripts'] as const
const COMPILE = `
  import { compileWhereStale } from './scripts/addon.js'
  const faults = compileWhereStale()
  for (const fault of faults) console.error(fault)
  process.exit(faults.length)
`
const PREFIX = 'everwrite-plant-'
const SIGNALS = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const

/** Folders of copies that are to be removed. */
const present = new Set<string>()

/** Copies the build with `plant` in it; the folder is the caller's until `removeBuild`. */
export function patchedBuild(plant: Plant): string {
  const place = placeOf(plant)
  if (present.size === 0) removeAtEnd()
  const folder = mkdtempSync(join(tmpdir(), `${PREFIX}${process.pid}-`))
  present.add(folder)
  mkdirSync(join(folder, 'tmp'))
  copyBuild(folder)
  for (const name of LINKED) symlinkSync(join(ROOT, name), join(folder, name))
  const isOfAddon = place.path.startsWith('native')
  if (isOfAddon) copy(FOR_ADDON, folder)
  else symlinkSync(join(ROOT, 'build'), join(folder, 'build'))
  writeFileSync(join(folder, place.path), plantedText(place, plant))
  if (isOfAddon) buildAddon(folder, plant)
  return folder
}

export function removeBuild(folder: string): void {
  rmSync(folder, { recursive: true, force: true })
  present.delete(folder)
}

function copyBuild(folder: string): void {
  const isWanted = (path: string): boolean => !/\.(d\.ts|map)$/.test(path)
  for (const part of ['dist/src', 'dist/test']) {
    cpSync(join(ROOT, part), join(folder, part), { recursive: true, filter: isWanted })
  }
}

function copy(names: readonly string[], folder: string): void {
  for (const name of names) cpSync(join(ROOT, name), join(folder, name), { recursive: true })
}

function buildAddon(folder: string, plant: Plant): void {
  const built = spawnSync(process.execPath, ['--input-type=module', '-e', COMPILE], { cwd: folder })
  if (built.status === 0) return
  throw new Error(`plant "${plant.name}": the addon does not build:\n${String(built.stderr)}`)
}

let isRemoving = false

function removeAtEnd(): void {
  for (const name of readdirSync(tmpdir())) {
    const pid = /^everwrite-plant-(\d+)-/.exec(name)?.[1]
    if (pid !== undefined && !isAlive(Number(pid))) removeBuild(join(tmpdir(), name))
  }
  if (isRemoving) return
  isRemoving = true
  process.once('exit', removeAll)
  for (const signal of SIGNALS) {
    process.once(signal, () => {
      removeAll()
      // No listener is left: the signal ends the process.
      process.kill(process.pid, signal)
    })
  }
}

function removeAll(): void {
  for (const folder of present) removeBuild(folder)
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0)
    return true
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM'
  }
}
