/**
 * The table of planted bugs, `README.md` here: written by the proof, read by its tests.
 *
 * Never written by hand: a row says what a run has measured.
 */
import { execFileSync } from 'node:child_process'
import { readFileSync, writeFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import type { PlantResult } from './planting.ts'
import { PLANTS } from './plants.ts'

const ROOT = fileURLToPath(new URL('../../../../', import.meta.url))
const TABLE = `${ROOT}test/prove/plants/README.md`
/** Who caught it, where it was the simulator. */
const SIMULATOR = 'the simulator: '

export interface Row {
  readonly name: string
  readonly why: string
  readonly caughtBy: string
  readonly seed: number | undefined
  readonly seconds: number
}

/** The rows of the table as it stands in the repository; none where there is none yet. */
export function rowsOfTable(): readonly Row[] {
  const rows: Row[] = []
  for (const line of textOfTable().split('\n')) {
    const [, name, why, caughtBy, seed, seconds] = line.split('|').map((cell) => cell.trim())
    if (name === undefined || seconds === undefined || !/^[\d.]+$/.test(seconds)) continue
    rows.push({
      name,
      why: why as string,
      caughtBy: caughtBy as string,
      seed: seed === '' ? undefined : Number(seed),
      seconds: Number(seconds),
    })
  }
  return rows
}

function textOfTable(): string {
  try {
    return readFileSync(TABLE, 'utf8')
  } catch {
    return ''
  }
}

/** What is wrong with the rows, in sentences: each plant has one, as it stands now. */
export function faultsOf(rows: readonly Row[]): readonly string[] {
  const faults: string[] = []
  for (const { name, why, caughtBy } of PLANTS) {
    const mine = rows.filter((row) => row.name === name)
    if (mine.length !== 1) faults.push(`${name}: stands ${mine.length} times in the table`)
    for (const row of mine) {
      const isSimulator = row.seed !== undefined && row.caughtBy.startsWith(SIMULATOR)
      if (row.why !== why) faults.push(`${name}: is wrong for another reason in the table`)
      if (caughtBy === undefined ? !isSimulator : row.caughtBy !== caughtBy) {
        faults.push(`${name}: is caught by another in the table`)
      }
    }
  }
  const names = new Set(PLANTS.map(({ name }) => name))
  for (const { name } of rows) if (!names.has(name)) faults.push(`${name}: is planted no more`)
  return faults
}

/** Writes the page. Requires: a result for each plant, all caught. */
export function writeTable(path: string, results: readonly PlantResult[]): void {
  const byName = new Map(results.map((result) => [result.plant.name, result]))
  const rows = PLANTS.map(({ name }) => rowOf(byName.get(name) as PlantResult))
  const bySeed = results.filter(({ caught }) => caught?.seed !== undefined).length
  const lines = [
    '# Planted bugs',
    '',
    `${rows.length} bugs, each planted alone in a copy of the build and caught: ${bySeed} by the`,
    'simulator within a thousand seeds, the others by the test that is named. This page is written',
    'by `npm run prove -- planted-bugs --table FILE`, never by hand; how to plant',
    'one more stands in [the page on tests](../../README.md).',
    '',
    `Measured at ${commit()}. Another commit tells other stories, so its seeds differ.`,
    '',
    '| bug | why it is wrong | caught by | seed | seconds |',
    '|---|---|---|---:|---:|',
    ...rows.map(lineOf),
    '',
  ]
  writeFileSync(path, lines.join('\n'))
}

function rowOf({ plant, caught, seconds }: PlantResult): Row {
  const { name, why } = plant
  const seed = caught?.seed
  const by = caught?.by as string
  return { name, why, caughtBy: seed === undefined ? by : SIMULATOR + by, seed, seconds }
}

function lineOf({ name, why, caughtBy, seed, seconds }: Row): string {
  return `| ${name} | ${why} | ${caughtBy} | ${seed ?? ''} | ${seconds.toFixed(1)} |`
}

/** The commit, and whether more than it was built. */
function commit(): string {
  const git = (...args: string[]): string =>
    execFileSync('git', args, { cwd: ROOT, encoding: 'utf8' }).trim()
  const isClean = git('status', '--porcelain', '--untracked-files=no') === ''
  return `commit ${git('rev-parse', '--short', 'HEAD')}${isClean ? '' : ', with changes'}`
}
