/**
 * A copy of the build with one bug in it, in a folder of its own.
 *
 * The code that serves has no switches: a bug is a patch of the compiled JavaScript, or of the
 * source of the addon, which is then built anew. A patch whose text does not stand there exactly
 * once is an error, so that a plant cannot quietly stop planting anything.
 *
 * A copy is gone when its test is over, and also when the process that made it is interrupted. One
 * that was killed outright leaves its copies behind: the next to make one removes those of
 * processes that no longer are.
 */
import { spawnSync } from 'node:child_process'
import {
  cpSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  unlinkSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import type { Plant } from './plant.ts'

const distribution = fileURLToPath(new URL('../../../', import.meta.url))
const root = join(distribution, '..')
const LINKED = ['node_modules', 'package.json', 'protocol'] as const
/** What building the addon takes. */
const FOR_ADDON = ['binding.gyp', 'native', 'scripts'] as const
const PREFIX = 'everwrite-plant-'
const SIGNALS = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const

/** Copies that are there now, to be removed whatever ends this process. */
const present = new Set<string>()

/** Copies the build with `plant` in it; the folder is the caller's until `removeBuild`. */
export function patchedBuild(plant: Plant): string {
  const text = patchedText(plant)
  if (present.size === 0) beginToCare()
  const folder = mkdtempSync(join(tmpdir(), `${PREFIX}${process.pid}-`))
  present.add(folder)
  mkdirSync(join(folder, 'tmp'))
  copyBuild(folder)
  for (const name of LINKED) symlinkSync(join(root, name), join(folder, name))
  if (isOfAddon(plant)) buildAddon(folder, plant, text)
  else {
    symlinkSync(join(root, 'build'), join(folder, 'build'))
    replaceFile(join(folder, 'dist/src', plant.file), text)
  }
  return folder
}

export function removeBuild(folder: string): void {
  rmSync(folder, { recursive: true, force: true })
  present.delete(folder)
}

/** What the plant's file is with the bug in it. Throws where its text does not stand there once. */
export function patchedText(plant: Plant): string {
  const { name, file, find, replace } = plant
  const place = isOfAddon(plant) ? 'native' : 'src'
  const path = isOfAddon(plant) ? join(root, place, file) : join(distribution, place, file)
  const text = readFileSync(path, 'utf8')
  const count = text.split(find).length - 1
  if (count === 1) return text.replace(find, () => replace)
  throw new Error(
    `plant ${name}: its text stands ${count} times in ${place}/${file}, not once: ` +
      'the code has changed, and the plant must follow it',
  )
}

function isOfAddon({ file }: Plant): boolean {
  return file.endsWith('.cc')
}

function copyBuild(folder: string): void {
  const isWanted = (path: string): boolean => !/\.(d\.ts|map)$/.test(path)
  for (const part of ['src', 'test']) {
    const from = join(distribution, part)
    cpSync(from, join(folder, 'dist', part), { recursive: true, filter: isWanted })
  }
}

function replaceFile(path: string, text: string): void {
  unlinkSync(path)
  writeFileSync(path, text)
}

function buildAddon(folder: string, plant: Plant, text: string): void {
  for (const name of FOR_ADDON) cpSync(join(root, name), join(folder, name), { recursive: true })
  replaceFile(join(folder, 'native', plant.file), text)
  const built = spawnSync(process.execPath, ['scripts/build.js', 'addon'], { cwd: folder })
  if (built.status === 0) return
  throw new Error(`plant ${plant.name}: the addon does not build:\n${String(built.stderr)}`)
}

let isCaring = false

function beginToCare(): void {
  for (const name of readdirSync(tmpdir())) {
    const pid = /^everwrite-plant-(\d+)-/.exec(name)?.[1]
    if (pid !== undefined && !isAlive(Number(pid))) removeBuild(join(tmpdir(), name))
  }
  if (isCaring) return
  isCaring = true
  process.once('exit', removeAll)
  for (const signal of SIGNALS) {
    process.once(signal, () => {
      removeAll()
      // With nobody else listening it now ends the process, as it would have done.
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
