/**
 * Shows that the tests catch bugs: plants each of `plants.ts` in a copy of the build.
 *
 * `--seeds N` bounds the seeds tried for each (1,000), `--seconds N` the time (300), `--workers N`
 * how many are tried at one time (2), `--only WORDS` picks those whose name holds the words.
 * `--table FILE` writes down who caught what, where all were planted and caught. Prints who caught
 * what, and how fast; those that took longest the last time begin first.
 */
import { parseArgs } from 'node:util'
import { type PlantResult, tryPlant } from './planting.ts'
import type { Plant } from './plant.ts'
import { PLANTS } from './plants.ts'
import { rowsOfTable, writeTable } from './table.ts'
import type { Proof, Verdict } from '../proof.ts'

const PLANTED_MIN = 25

export const proof: Proof = {
  name: 'planted-bugs',
  shows: 'bugs planted in a copy of the build are caught, each by what should catch it',
  usage: '[--only WORDS] [--table FILE]',
  run,
}

async function run(args: readonly string[]): Promise<Verdict> {
  const { values } = parseArgs({
    args: [...args],
    options: {
      seeds: { type: 'string', default: '1000' },
      seconds: { type: 'string', default: '300' },
      workers: { type: 'string', default: '2' },
      only: { type: 'string', default: '' },
      table: { type: 'string' },
    },
  })
  const options = { seedsMax: Number(values.seeds), secondsMax: Number(values.seconds) }
  const plants = slowestFirst(PLANTS.filter(({ name }) => name.includes(values.only)))
  const results: PlantResult[] = []
  const work = async (): Promise<void> => {
    for (let plant = plants.shift(); plant !== undefined; plant = plants.shift()) {
      const result = await tryPlant(plant, options)
      results.push(result)
      console.log(lineOf(result))
    }
  }
  await Promise.all(Array.from({ length: Number(values.workers) }, work))
  const caught = results.filter((result) => result.caught !== undefined)
  const isMet = caught.length === results.length && results.length >= PLANTED_MIN
  if (values.table !== undefined && isMet && results.length === PLANTS.length) {
    writeTable(values.table, results)
    console.log(`the table is in ${values.table}`)
  }
  const bySeed = caught.filter((result) => result.caught?.seed !== undefined)
  console.log(`${bySeed.length} by the simulator, ${caught.length - bySeed.length} by named tests`)
  return {
    isMet,
    figure:
      `${results.length} bugs planted, ${caught.length} caught ` +
      `(bar: at least ${PLANTED_MIN}, all)`,
  }
}

/** By what the table says that they took; those that are not in it before all others. */
function slowestFirst(plants: readonly Plant[]): Plant[] {
  const seconds = new Map(rowsOfTable().map((row) => [row.name, row.seconds]))
  const took = ({ name }: Plant): number => seconds.get(name) ?? Number.POSITIVE_INFINITY
  return plants.toSorted((a, b) => (took(b) > took(a) ? 1 : took(b) < took(a) ? -1 : 0))
}

function lineOf({ plant, caught, seconds }: PlantResult): string {
  const who = caught === undefined ? 'NOT CAUGHT' : caught.by
  const seed = caught?.seed === undefined ? '' : `seed ${caught.seed}`
  return (
    `${plant.name.padEnd(56)} ${who.padEnd(46)} ${seed.padEnd(9)} ` +
    `${seconds.toFixed(1).padStart(6)} s  ${caught?.sentence ?? plant.why}`
  )
}
