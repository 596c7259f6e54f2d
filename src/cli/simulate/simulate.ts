/**
 * `everwrite simulate`: whole clusters under faults, each from one number.
 *
 * Here is what the command looks like; what it does stands in `run.ts`, which brings the
 * simulator with it.
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
    .option('--seed <seed>', 'run this one seed and tell all of it')
    .option('--scenario <file>', 'a scenario to run, of a file or of standard input (-)')
    .option('--shrink', 'make the scenario of a failure smaller, while it fails in the same way')
    .option('--events <count>', 'how many of the last events of a seed to print', String(EVENTS))
    .option('--json', 'print JSON, one object a line')
    .description('run simulated clusters under faults, and judge what they did')
    .addHelpText(
      'after',
      `
Real nodes and real clients live in a simulated world: virtual time, a network that cuts, stalls
and resets, disks that fail, lie and rot, power that goes. The seed draws everything, so that a
failure is a number: on the same build a seed does the same again, byte for byte.

Examples:
  $ everwrite simulate                          seeds 1 to ${SEEDS}
  $ everwrite simulate --seeds 1000 --from 5001
  $ everwrite simulate --seed 7                 one seed: its scenario, what happened, the end of it
  $ everwrite simulate --seed 7 --shrink        if it fails: the smallest scenario that still does
  $ everwrite simulate --scenario kept.json     a scenario that was kept, with its own seed
  $ everwrite simulate --scenario kept.json --seeds 100      the same with seeds 1 to 100

A scenario is plain data: everwrite simulate --seed 7 --json > kept.json, and change what you like.

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
