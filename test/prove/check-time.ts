/** The proof `check-time`: how long `npm run check` takes in a checkout that is built. */
import { spawnSync } from 'node:child_process'
import { availableParallelism } from 'node:os'
import type { Proof, Verdict } from './proof.ts'

const SECONDS_MAX = 90

async function run(): Promise<Verdict> {
  const began = process.hrtime.bigint()
  const result = spawnSync('npm', ['run', '--silent', 'check'], { stdio: 'inherit' })
  const seconds = Number(process.hrtime.bigint() - began) / 1e9
  const passed = result.status === 0
  const taken = `${seconds.toFixed(1)} s on ${availableParallelism()} cores`
  return {
    isMet: passed && seconds < SECONDS_MAX,
    figure: `npm run check ${passed ? 'passed' : 'failed'} in ${taken} (under ${SECONDS_MAX} s)`,
  }
}

export const proof: Proof = {
  name: 'check-time',
  shows: `npm run check takes less than ${SECONDS_MAX} seconds in a built checkout`,
  run,
}
