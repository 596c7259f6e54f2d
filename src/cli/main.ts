#!/usr/bin/env node
/**
 * The command `everwrite`: adds all commands and turns errors into exit codes. Read this first.
 *
 * The file of a command is imported when its command is chosen, and that file imports what its work
 * needs when it runs: so a get does not wait for the store, and help not for the wire.
 */
import { Command, CommanderError } from 'commander'
import { VERSION } from '../version.ts'
import { EXIT, EXIT_CODES_HELP, exitCodeOf, tellFailure } from './outcome.ts'

type AddCommand = (program: Command) => void

/** In the order of the program's help. */
const COMMANDS: ReadonlyMap<string, () => Promise<AddCommand>> = new Map([
  ['dev', async () => (await import('./nodes/dev.ts')).addDev],
  ['cluster', async () => (await import('./nodes/cluster.ts')).addCluster],
  ['serve', async () => (await import('./nodes/serve.ts')).addServe],
  ['get', async () => (await import('./data/get.ts')).addGet],
  ['put', async () => (await import('./data/put.ts')).addPut],
  ['delete', async () => (await import('./data/delete.ts')).addDelete],
  ['keys', async () => (await import('./data/keys.ts')).addKeys],
  ['bucket', async () => (await import('./data/bucket.ts')).addBucket],
  ['buckets', async () => (await import('./data/buckets.ts')).addBuckets],
  ['import', async () => (await import('./data/import.ts')).addImport],
  ['export', async () => (await import('./data/export.ts')).addExport],
  ['status', async () => (await import('./nodes/status.ts')).addStatus],
  ['explain', async () => (await import('./data/explain.ts')).addExplain],
  ['hints', async () => (await import('./nodes/hints.ts')).addHints],
  ['repair', async () => (await import('./nodes/repair.ts')).addRepair],
  ['roll', async () => (await import('./nodes/roll.ts')).addRoll],
  ['check', async () => (await import('./nodes/check.ts')).addCheck],
  ['simulate', async () => (await import('./simulate/simulate.ts')).addSimulate],
  ['test-engine', async () => (await import('./engine/test-engine.ts')).addTestEngine],
])

/** The program with the command `name`, or with all of them where there is none of that name. */
async function commandLine(name: string | undefined): Promise<Command> {
  const program = new Command('everwrite')
    .description('An always-writeable, leaderless key-value store.')
    .version(VERSION)
    .showHelpAfterError(
      '(everwrite help lists all commands, everwrite help COMMAND shows examples)',
    )
    .exitOverride()
    .configureOutput({
      outputError: (text, write) => write(text.replace(/^error: /, 'everwrite: ')),
    })
    .addHelpText(
      'after',
      `
Begin:
  $ everwrite dev                           three nodes on this machine
  $ everwrite put carts anna 'tea'          in another terminal
  $ everwrite get carts anna

Commands find a cluster by --seeds or EVERWRITE_SEEDS (127.0.0.1:7400).
${EXIT_CODES_HELP}`,
    )
  const chosen = COMMANDS.get(name ?? '')
  const imports = chosen === undefined ? [...COMMANDS.values()] : [chosen]
  for (const add of await Promise.all(imports.map((one) => one()))) add(program)
  return program
}

/** A reader that closes the pipe (`everwrite keys carts | head`) is no failure. */
process.stdout.on('error', (error: NodeJS.ErrnoException) => {
  if (error.code === 'EPIPE') process.exit(EXIT.done)
  tellFailure(Object.assign(error, { path: 'standard output' }), process.argv.includes('--json'))
  process.exit(EXIT.failed)
})

/** Help for a command that is unknown would be that of the program, and look like success. */
function refuseUnknown(program: Command): void {
  const [first, second] = process.argv.slice(2)
  const name = first === 'help' ? second : first
  const names = [...program.commands.map((command) => command.name()), 'help']
  if (name === undefined || name.startsWith('-') || names.includes(name)) return
  program.error(`error: unknown command '${name}'`, { code: 'commander.unknownCommand' })
}

try {
  const program = await commandLine(process.argv[2])
  refuseUnknown(program)
  await program.parseAsync()
} catch (error) {
  if (error instanceof CommanderError) {
    process.exitCode = error.exitCode === 0 ? EXIT.done : EXIT.usage
  } else {
    tellFailure(error, process.argv.includes('--json'))
    process.exitCode = exitCodeOf(error)
  }
}
