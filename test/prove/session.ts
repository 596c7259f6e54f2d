/**
 * Shows that a session reads its own writes and never goes back, at one owner and through faults.
 *
 * Simulated clusters with the faults of their seeds, in which nearly all clients have a session and
 * mostly get, each from one owner (`r: 1`). Every get that has receipts to cover is judged against
 * what its session has put and been shown. `--gets N` (500,000), `--from S` the first seed (1),
 * `--workers N` (2).
 */
import { parseArgs } from 'node:util'
import { runJobs } from '../../src/cli/simulate/seed-process.ts'
import type { Job } from '../../src/cli/simulate/worker.ts'
import { drawScenario, type Scenario } from '../../src/sim/scenario.ts'
import { Tally } from '../../src/sim/seed/report.ts'
import type { Proof, Verdict } from './proof.ts'

const GETS = 500_000
const CLIENTS = 12
/** As nodes have in other seeds: small ones take half of the time, and play no part in this. */
const SEGMENT_BYTES = 64 * 1024
/** Each write comes with ten gets or so. */
const MIX: Scenario['mix'] = {
  ...{ get: 160, update: 8, blind: 3, stale: 1, joined: 1 },
  ...{ chained: 3, delete: 2, seen: 1, repeat: 1, intrude: 0 },
}

export const proof: Proof = {
  name: 'session',
  shows: 'gets of a session at one owner are not stale and do not go back, through faults',
  usage: '[--gets N] [--from S] [--workers N]',
  run,
}

async function run(args: readonly string[]): Promise<Verdict> {
  const { values } = parseArgs({
    args: [...args],
    options: {
      gets: { type: 'string', default: String(GETS) },
      from: { type: 'string', default: '1' },
      workers: { type: 'string', default: '2' },
    },
  })
  const wanted = Number(values.gets)
  const tally = new Tally()
  let [wrong, faults] = [0, 0]
  function* jobs(): Generator<Job> {
    for (let seed = Number(values.from); tally.sessionGets < wanted; seed++) {
      yield { seed, scenario: scenarioOf(seed) }
    }
  }
  await runJobs(jobs(), Number(values.workers), ({ result, cpuMs }) => {
    tally.add(result, cpuMs)
    for (const count of result.faults.values()) faults += count
    wrong += result.violations.filter((violation) => violation.startsWith('stale')).length
    for (const violation of result.violations) console.log(`seed ${result.seed}: ${violation}`)
    if (tally.seeds % 10 === 0) console.log(`${tally.sessionGets} gets in ${tally.seeds} seeds`)
  })
  return {
    isMet: tally.sessionGets >= wanted && wrong === 0 && tally.failed === 0,
    figure:
      `${tally.sessionGets} gets with receipts at one owner (bar ${wanted}) in ${tally.seeds} ` +
      `seeds with ${faults} faults: ${wrong} stale or back (bar 0), ` +
      `${tally.failed} seeds failed (bar 0)`,
  }
}

/** The cluster and the faults of a seed, with clients that have sessions and mostly get. */
function scenarioOf(seed: number): Scenario {
  const drawn = drawScenario(seed)
  return {
    ...drawn,
    clients: CLIENTS,
    sessions: CLIENTS - 1,
    mix: MIX,
    valueBytesMax: 32,
    segmentBytes: SEGMENT_BYTES,
    longValueChance: 0,
  }
}
