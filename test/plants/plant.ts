/**
 * Plants one bug in a copy of the build, and runs what should catch it.
 *
 * The code that serves has no switches: a bug is a patch of the compiled JavaScript, made in a
 * folder of its own that is gone afterwards. A patch whose text does not stand there exactly once
 * is an error, so that a plant cannot quietly stop planting anything. So is a plant that breaks
 * the program instead of changing it: a bug that does not load is caught by anybody.
 */
import { type ChildProcess, fork, spawn } from 'node:child_process'
import {
  cpSync,
  existsSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  symlinkSync,
  unlinkSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import type { Outcome } from '../prove/simulate-worker.ts'
import type { Plant } from './plants.ts'

export interface Caught {
  /** The seed that found it; undefined where another test did. */
  readonly seed: number | undefined
  /** The checker, the assertion or the test that objected, and what it said. */
  readonly by: string
  readonly sentence: string
}

export interface PlantResult {
  readonly plant: Plant
  /** Undefined where nothing objected. */
  readonly caught: Caught | undefined
  readonly seconds: number
}

export interface PlantOptions {
  /** Seeds tried, from 1 on. */
  readonly seedsMax: number
  readonly secondsMax: number
}

const distribution = fileURLToPath(new URL('../../', import.meta.url))
const root = join(distribution, '..')
const LINKED = ['node_modules', 'package.json', 'build', 'protocol'] as const
/** What a patch that is not a bug but a blunder dies of. */
const BLUNDERS = /\b(SyntaxError|ReferenceError|ERR_MODULE_NOT_FOUND)\b/

/** Plants `plant` and lets what is meant to catch it try. */
export async function tryPlant(plant: Plant, options: PlantOptions): Promise<PlantResult> {
  const folder = mkdtempSync(join(tmpdir(), 'everwrite-plant-'))
  const started = performance.now()
  try {
    copyBuild(folder)
    patch(folder, plant)
    const caught =
      plant.caughtBy === undefined
        ? await runSeeds(folder, options)
        : await runTest(folder, plant.caughtBy, options)
    return { plant, caught, seconds: (performance.now() - started) / 1000 }
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
}

function copyBuild(folder: string): void {
  const isWanted = (path: string): boolean => !/\.(d\.ts|map)$/.test(path)
  for (const part of ['src', 'test']) {
    const from = join(distribution, part)
    cpSync(from, join(folder, 'dist', part), { recursive: true, filter: isWanted })
  }
  for (const name of LINKED) symlinkSync(join(root, name), join(folder, name))
}

function patch(folder: string, plant: Plant): void {
  const path = join(folder, 'dist/src', plant.file)
  const text = readFileSync(path, 'utf8')
  const count = text.split(plant.find).length - 1
  if (count !== 1) {
    throw new Error(
      `plant ${plant.name}: its text stands ${count} times in src/${plant.file}, not once: ` +
        'the code has changed, and the plant must follow it',
    )
  }
  unlinkSync(path)
  writeFileSync(
    path,
    text.replace(plant.find, () => plant.replace),
  )
}

/** One seed after another in one child, until one objects. */
function runSeeds(folder: string, options: PlantOptions): Promise<Caught | undefined> {
  const child = fork(join(folder, 'dist/test/prove/simulate-worker.js'), { silent: true })
  const death = outputOf(child)
  return new Promise((resolve, reject) => {
    let seed = 0
    const end = (caught: Caught | undefined): void => {
      clearTimeout(timer)
      child.removeAllListeners('exit')
      child.kill('SIGKILL')
      resolve(caught)
    }
    const timer = setTimeout(() => end(undefined), options.secondsMax * 1000)
    const next = (): void => {
      seed += 1
      if (seed > options.seedsMax) end(undefined)
      else child.send(seed)
    }
    child.on('message', (message) => {
      const [sentence] = (message as Outcome).violations
      if (sentence === undefined) next()
      else end({ seed, by: sentence.split(':')[0] as string, sentence })
    })
    child.on('exit', () => {
      clearTimeout(timer)
      const text = death.text
      if (BLUNDERS.test(text)) reject(new Error(`a plant does not run:\n${text}`))
      else resolve({ seed, by: 'a broken belief', sentence: lastErrorIn(text) })
    })
    next()
  })
}

/** One compiled test: caught where it fails. */
function runTest(folder: string, test: string, options: PlantOptions): Promise<Caught | undefined> {
  const path = join(folder, 'dist', test.replace(/\.ts$/, '.js'))
  if (!existsSync(path)) throw new Error(`${test}, which should catch a plant, is not there`)
  const child = spawn(process.execPath, [path], {
    cwd: folder,
    stdio: ['ignore', 'pipe', 'pipe'],
    timeout: options.secondsMax * 1000,
  })
  const output = outputOf(child)
  return new Promise((resolve, reject) => {
    child.on('exit', (code) => {
      if (code === 0) return resolve(undefined)
      if (BLUNDERS.test(output.text)) {
        return reject(new Error(`a plant does not run:\n${output.text}`))
      }
      const failed = /^ *not ok \d+ - (.*)$/m.exec(output.text)?.[1]
      return resolve({ seed: undefined, by: test, sentence: failed ?? lastErrorIn(output.text) })
    })
  })
}

const OUTPUT_CHARS_MAX = 1_000_000

function outputOf(child: ChildProcess): { text: string } {
  const output = { text: '' }
  const add = (chunk: Buffer): void => {
    if (output.text.length < OUTPUT_CHARS_MAX) output.text += chunk.toString()
  }
  child.stdout?.on('data', add)
  child.stderr?.on('data', add)
  return output
}

function lastErrorIn(text: string): string {
  return /^\w*(?:Error|Belief)\b.*$/m.exec(text)?.[0] ?? text.trim().split('\n').at(-1) ?? ''
}
