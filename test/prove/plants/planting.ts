/**
 * Plants one bug in a copy of the build, and runs what should catch it.
 *
 * A seed or a test that also fails on the build without the bug does not count. A plant that does
 * not load (a syntax error, a missing name) is an error: any test would catch it.
 */
import { type ChildProcess, fork, spawn } from 'node:child_process'
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import type { SeedMessage } from '../../../src/cli/simulate/worker.ts'
import { patchedBuild, removeBuild } from './patched-build.ts'
import { ROOT } from './place.ts'
import type { Plant } from './plant.ts'

export interface Caught {
  /** The seed that found it; undefined where another test did. */
  readonly seed: number | undefined
  /** The checker, the belief or the test that objected, and what it said. */
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

/** Errors of a patch that does not load, or that uses a name that is gone. */
const BLUNDERS =
  /\b(SyntaxError|ReferenceError|ERR_MODULE_NOT_FOUND)\b|Cannot read propert|is not a function/
const OUTPUT_CHARS_MAX = 1_000_000

/** Plants `plant` and lets what is meant to catch it try. */
export async function tryPlant(plant: Plant, options: PlantOptions): Promise<PlantResult> {
  const started = performance.now()
  const folder = patchedBuild(plant)
  try {
    const caught =
      plant.caughtBy === undefined
        ? await trySeeds(folder, options)
        : await tryTest(folder, plant.caughtBy, options)
    return { plant, caught, seconds: (performance.now() - started) / 1000 }
  } finally {
    removeBuild(folder)
  }
}

/** One seed after another, until one objects that does not object to the build as it is. */
async function trySeeds(folder: string, options: PlantOptions): Promise<Caught | undefined> {
  const until = performance.now() + options.secondsMax * 1000
  for (let seed = 1; seed <= options.seedsMax; seed++) {
    const caught = await runSeeds(folder, { from: seed, to: options.seedsMax, until })
    if (caught?.seed === undefined) return undefined
    if (await isCleanSeed(caught.seed)) return caught
    seed = caught.seed
  }
  return undefined
}

const cleanSeeds = new Map<number, Promise<boolean>>()

/** Whether the seed finds nothing in the build as it is; each is asked once. */
function isCleanSeed(seed: number): Promise<boolean> {
  const known = cleanSeeds.get(seed)
  if (known !== undefined) return known
  const seeds = { from: seed, to: seed, until: Number.POSITIVE_INFINITY }
  const asked = runSeeds(ROOT, seeds).then((caught) => caught === undefined)
  cleanSeeds.set(seed, asked)
  return asked
}

interface Seeds {
  readonly from: number
  readonly to: number
  /** On this process's clock. */
  readonly until: number
}

/** Seeds in one child, until one objects. */
function runSeeds(folder: string, { from, to, until }: Seeds): Promise<Caught | undefined> {
  const path = join(folder, 'dist/src/cli/simulate/worker.js')
  // Without what a test runner adds to its own processes.
  const child = fork(path, {
    silent: true,
    serialization: 'advanced',
    cwd: folder,
    execArgv: [],
    env: plainEnv(folder),
  })
  const output = outputOf(child)
  return new Promise((resolve, reject) => {
    let seed = from - 1
    const end = (caught: Caught | undefined): void => {
      clearTimeout(timer)
      child.removeAllListeners('close')
      child.kill('SIGKILL')
      resolve(caught)
    }
    const fail = (text: string): void => {
      reject(blunder(text))
      end(undefined)
    }
    const leftMs = Math.min(2 ** 31 - 1, Math.max(0, until - performance.now()))
    const timer = setTimeout(() => end(undefined), leftMs)
    const next = (): void => {
      seed += 1
      if (seed > to) end(undefined)
      else child.send({ seed })
    }
    child.on('message', (message) => {
      const told = message as SeedMessage
      if (told.kind === 'ready') return
      const [sentence] = told.report.result.violations
      if (sentence === undefined) next()
      else if (BLUNDERS.test(sentence)) fail(sentence)
      else end({ seed, by: sentence.split(':')[0] as string, sentence })
    })
    child.on('close', () => {
      clearTimeout(timer)
      if (BLUNDERS.test(output.text)) reject(blunder(output.text))
      else resolve({ seed, by: 'the end of its process', sentence: lastErrorIn(output.text) })
    })
    next()
  })
}

async function tryTest(
  folder: string,
  test: string,
  options: PlantOptions,
): Promise<Caught | undefined> {
  const caught = await runTest(folder, test, options)
  if (caught === undefined) return undefined
  return (await objectsToAll(test, options)) ? undefined : caught
}

const objectedToAll = new Map<string, Promise<boolean>>()

/** Whether the test fails on the build as it is; each is asked once. */
function objectsToAll(test: string, options: PlantOptions): Promise<boolean> {
  const known = objectedToAll.get(test)
  if (known !== undefined) return known
  const asked = runTest(ROOT, test, options).then((caught) => caught !== undefined)
  objectedToAll.set(test, asked)
  return asked
}

/** One compiled test: caught where it fails. */
function runTest(folder: string, test: string, options: PlantOptions): Promise<Caught | undefined> {
  const path = join(folder, 'dist', test.replace(/\.ts$/, '.js'))
  if (!existsSync(path)) throw new Error(`${test}, which should catch a plant, is not there`)
  const child = spawn(process.execPath, [path], {
    cwd: folder,
    env: plainEnv(folder),
    stdio: ['ignore', 'pipe', 'pipe'],
    timeout: options.secondsMax * 1000,
    // A loop that does not end answers no other signal.
    killSignal: 'SIGKILL',
  })
  const output = outputOf(child)
  return new Promise((resolve, reject) => {
    child.on('close', (code) => {
      // Ended by our own clock: it said nothing.
      if (code === 0 || code === null) return resolve(undefined)
      if (BLUNDERS.test(output.text)) return reject(blunder(output.text))
      const failed = /^not ok \d+ - (.*?)(?: # time=.*)?(?: \{)?$/m.exec(output.text)?.[1]
      return resolve({ seed: undefined, by: test, sentence: failed ?? lastErrorIn(output.text) })
    })
  })
}

/** What the copy's tests leave in the folder for temporary files goes with the copy. */
function plainEnv(folder: string): NodeJS.ProcessEnv {
  const temporary = folder === ROOT ? process.env['TMPDIR'] : join(folder, 'tmp')
  return { PATH: process.env['PATH'], TMPDIR: temporary }
}

function blunder(text: string): Error {
  return new Error(`a plant does not run:\n${text}`)
}

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
