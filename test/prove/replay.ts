/**
 * Shows that a seed decides a whole simulation: in two processes it has the same digest.
 *
 * `--seeds N` how many (100). Each is run once, then all are run again by other processes. A digest
 * covers every fact, every delivery and every call of a disk.
 */
import { parseArgs } from 'node:util'
import { runJobs } from '../../src/cli/simulate/seed-process.ts'
import { NO_DIGEST, replayCommand } from '../../src/sim/seed/report.ts'
import type { Proof, Verdict } from './proof.ts'

export const proof: Proof = {
  name: 'replay',
  shows: 'a seed does the same in any process, byte for byte',
  usage: '[--seeds N] [--workers N]',
  run,
}

async function run(args: readonly string[]): Promise<Verdict> {
  const { values } = parseArgs({
    args: [...args],
    options: {
      seeds: { type: 'string', default: '100' },
      workers: { type: 'string', default: '2' },
    },
  })
  const seeds = Array.from({ length: Number(values.seeds) }, (_, i) => i + 1)
  const workers = Number(values.workers)
  const digests = await digestsOf(seeds, workers)
  console.log(`${seeds.length} seeds were run once`)
  // Backwards, so that in its process each seed comes after other seeds than before.
  const again = await digestsOf(seeds.toReversed(), workers)
  // A seed that did not end has no digest to compare.
  const equal = seeds.filter((seed) => {
    const digest = digests.get(seed)
    return digest !== undefined && digest === again.get(seed)
  })
  for (const seed of seeds.filter((one) => !equal.includes(one))) {
    console.log(`seed ${seed}: ${digests.get(seed) ?? 'died'}, then ${again.get(seed) ?? 'died'}`)
    console.log(`  ${replayCommand(seed)}`)
  }
  const distinct = new Set(digests.values()).size
  return {
    isMet: seeds.length > 0 && equal.length === seeds.length && distinct === seeds.length,
    figure:
      `${equal.length} of ${seeds.length} seeds have one digest in two processes ` +
      `(bar ${seeds.length}); ${distinct} digests in all`,
  }
}

async function digestsOf(
  seeds: readonly number[],
  workers: number,
): Promise<ReadonlyMap<number, string>> {
  const digests = new Map<number, string>()
  const jobs = seeds.map((seed) => ({ seed }))
  await runJobs(jobs, workers, ({ result }) => {
    if (result.digest !== NO_DIGEST) digests.set(result.seed, result.digest)
  })
  return digests
}
