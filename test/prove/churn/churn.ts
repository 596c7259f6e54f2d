/** Shows that members come and go, and places move, under faults and load, and nothing is lost. */
import { parseArgs } from 'node:util'
import type { Proof, Verdict } from '../proof.ts'
import { real } from './real.ts'
import { simulated } from './simulated.ts'

export const proof: Proof = {
  name: 'churn',
  shows: 'places move under faults, crashes and load, and nothing is lost or comes back',
  usage: '[--simulated SEEDS | --real ROUNDS]',
  run,
}

function run(args: readonly string[]): Promise<Verdict> {
  const options = {
    simulated: { type: 'string', default: '300' },
    real: { type: 'string' },
  } as const
  const { values } = parseArgs({ args: [...args], options })
  return values.real === undefined ? simulated(Number(values.simulated)) : real(Number(values.real))
}
