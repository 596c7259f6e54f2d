/**
 * Shows that the tests catch bugs: plants each of `test/plants/plants.ts` in a copy of the build.
 *
 * `--seeds N` bounds the seeds tried for each (100), `--seconds N` the time (120), `--only WORDS`
 * picks those whose name holds the words. Prints who caught what, and how fast.
 */
import { parseArgs } from 'node:util'
import { type PlantResult, tryPlant } from '../plants/plant.ts'
import { PLANTS } from '../plants/plants.ts'
import type { Proof, Verdict } from './proof.ts'

export const proof: Proof = {
  name: 'planted-bugs',
  shows: 'bugs planted in a copy of the build are caught, each by what should catch it',
  usage: '[--seeds N] [--seconds N] [--only WORDS]',
  run,
}

async function run(args: readonly string[]): Promise<Verdict> {
  const { values } = parseArgs({
    args: [...args],
    options: {
      seeds: { type: 'string', default: '100' },
      seconds: { type: 'string', default: '120' },
      only: { type: 'string', default: '' },
    },
  })
  const options = { seedsMax: Number(values.seeds), secondsMax: Number(values.seconds) }
  const results: PlantResult[] = []
  for (const plant of PLANTS.filter(({ name }) => name.includes(values.only))) {
    const result = await tryPlant(plant, options)
    results.push(result)
    console.log(lineOf(result))
  }
  const missed = results.filter(({ caught }) => caught === undefined)
  return {
    isMet: missed.length === 0 && results.length > 0,
    figure: `${results.length} bugs planted, ${results.length - missed.length} caught`,
  }
}

function lineOf({ plant, caught, seconds }: PlantResult): string {
  const who = caught === undefined ? 'NOT CAUGHT' : caught.by
  const seed = caught?.seed === undefined ? '' : `seed ${caught.seed}`
  return (
    `${plant.name.padEnd(50)} ${who.padEnd(42)} ${seed.padEnd(9)} ` +
    `${seconds.toFixed(1).padStart(6)} s  ${caught?.sentence ?? plant.why}`
  )
}
