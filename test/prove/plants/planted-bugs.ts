/**
 * Shows that the tests catch bugs: plants each of `plants.ts` in a copy of the build.
 *
 * `--only NAME` plants one group (`storage`), or the bugs whose name holds the words. `--seeds N`
 * bounds the seeds tried for each (1,000), `--seconds N` the time (300), `--workers N` how many are
 * tried at one time (2). Prints for each bug what caught it, and after how many seconds.
 */
import { parseArgs } from 'node:util'
import type { Proof, Verdict } from '../proof.ts'
import type { Plant } from './plant.ts'
import { type PlantResult, tryPlant } from './planting.ts'
import { PLANT_GROUPS, PLANTS } from './plants.ts'

export const proof: Proof = {
  name: 'planted-bugs',
  shows: 'bugs planted in a copy of the build are caught, each by what should catch it',
  usage: '[--only NAME]',
  run,
}

interface Chosen {
  readonly plants: readonly Plant[]
  readonly plantsMin: number
}

async function run(args: readonly string[]): Promise<Verdict> {
  const { values } = parseArgs({
    args: [...args],
    options: {
      seeds: { type: 'string', default: '1000' },
      seconds: { type: 'string', default: '300' },
      workers: { type: 'string', default: '2' },
      only: { type: 'string' },
    },
  })
  const options = { seedsMax: Number(values.seeds), secondsMax: Number(values.seconds) }
  const { plants, plantsMin } = chosen(values.only)
  const waiting = longestFirst(plants)
  const results: PlantResult[] = []
  const work = async (): Promise<void> => {
    for (let plant = waiting.shift(); plant !== undefined; plant = waiting.shift()) {
      const result = await tryPlant(plant, options)
      results.push(result)
      console.log(rowOf(result))
    }
  }
  await Promise.all(Array.from({ length: Number(values.workers) }, work))
  const caught = results.filter((result) => result.caught !== undefined)
  const bySeed = caught.filter((result) => result.caught?.seed !== undefined)
  console.log(`${bySeed.length} by the simulator, ${caught.length - bySeed.length} by named tests`)
  return {
    isMet: caught.length === results.length && results.length >= plantsMin,
    figure:
      `${results.length} bugs planted, ${caught.length} caught ` +
      `(bar: at least ${plantsMin}, all)`,
  }
}

function chosen(only: string | undefined): Chosen {
  if (only !== undefined) {
    const group = PLANT_GROUPS.find(({ name }) => name === only)
    return group ?? { plants: PLANTS.filter(({ name }) => name.includes(only)), plantsMin: 1 }
  }
  const plantsMin = PLANT_GROUPS.reduce((sum, group) => sum + group.plantsMin, 0)
  return { plants: PLANTS, plantsMin }
}

/** Seeds take longer than a test. */
function longestFirst(plants: readonly Plant[]): Plant[] {
  const rank = ({ caughtBy }: Plant): number => (caughtBy === undefined ? 0 : 1)
  return plants.toSorted((a, b) => rank(a) - rank(b))
}

function rowOf({ plant, caught, seconds }: PlantResult): string {
  const by = caught === undefined ? 'NOT CAUGHT' : caught.by
  const seed = caught?.seed === undefined ? '' : `seed ${caught.seed}`
  return (
    `${plant.name.padEnd(56)} ${by.padEnd(46)} ${seed.padEnd(9)} ` +
    `${seconds.toFixed(1).padStart(6)} s  ${caught?.sentence ?? plant.why}`
  )
}
