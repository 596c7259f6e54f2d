/**
 * `everwrite simulate`: simulates whole clusters under faults, each from one seed.
 *
 * This file has the options and the help text; `run.ts` does the work and loads the simulator.
 */
import type { Command } from 'commander'
import type { SimulateCommand } from './run.ts'

const SEEDS = 100
const EVENTS = 50

export function addSimulate(program: Command): void {
  program
    .command('simulate')
    .option('--seeds <count>', `how many seeds (${SEEDS})`)
    .option('--from <seed>', 'the first of them (1)')
    .option('--workers <count>', 'processes that run them (one for each processor)')
    .option('--seed <seed>', 'run this one seed and print all about it')
    .option('--scenario <file>', 'the file of a scenario to run; - is standard input')
    .option(
      '--shrink',
      'make the scenario of a failure smaller while it still fails in the same way',
    )
    .option('--events <count>', 'how many of the last events of a seed to print', String(EVENTS))
    .option('--json', 'print JSON, one object a line')
    .description('run simulated clusters under faults, and check that nothing is lost')
    .addHelpText(
      'after',
      `
Real nodes and real clients run in a simulated world: virtual time, network cuts, stalls and resets,
disk failures, rot and power cuts. The seed decides everything: on the same build it repeats a
failure, byte for byte.

Examples:
  $ everwrite simulate                          seeds 1 to ${SEEDS}
  $ everwrite simulate --seeds 1000 --from 5001
  $ everwrite simulate --seed 7                 one seed: its scenario, faults and last events
  $ everwrite simulate --seed 7 --shrink        if it fails: the smallest scenario that still does
  $ everwrite simulate --scenario kept.json     a stored scenario, with its own seed
  $ everwrite simulate --scenario kept.json --seeds 100      the same with seeds 1 to 100

To store a scenario and edit it: everwrite simulate --seed 7 --json > kept.json

Exit codes:
  0  no seed failed
  1  a seed failed: something promised did not hold
  2  used wrongly: options or the scenario`,
    )
    .action(async (options: SimulateCommand) => {
      const { run } = await import('./run.ts')
      await run(options, SEEDS)
    })
}
