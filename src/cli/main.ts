#!/usr/bin/env node
/**
 * The command `everwrite`: adds all commands and turns errors into exit codes. Read this first.
 *
 * A command imports its modules when it runs, so that help need not load the store or the wire.
 */
import { Command, CommanderError } from 'commander'
import { VERSION } from '../version.ts'
import { addBuckets } from './data/buckets.ts'
import { addCheck } from './nodes/check.ts'
import { addDelete } from './data/delete.ts'
import { addDev } from './nodes/dev.ts'
import { addExport } from './data/export.ts'
import { addGet } from './data/get.ts'
import { addExplain } from './data/explain.ts'
import { addHints } from './nodes/hints.ts'
import { addImport } from './data/import.ts'
import { addKeys } from './data/keys.ts'
import { EXIT, EXIT_CODES_HELP, exitCodeOf, tellFailure } from './outcome.ts'
import { addPut } from './data/put.ts'
import { addRepair } from './nodes/repair.ts'
import { addRoll } from './nodes/roll.ts'
import { addServe } from './nodes/serve.ts'
import { addSimulate } from './simulate/simulate.ts'
import { addStatus } from './nodes/status.ts'
import { addTestEngine } from './engine/test-engine.ts'

function commandLine(): Command {
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
  const all = [
    addDev,
    addServe,
    addGet,
    addPut,
    addDelete,
    addKeys,
    addBuckets,
    addImport,
    addExport,
    addStatus,
    addExplain,
    addHints,
    addRepair,
    addRoll,
    addCheck,
    addSimulate,
    addTestEngine,
  ]
  for (const add of all) add(program)
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
  const program = commandLine()
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
