/** `everwrite check`: verifies a node's data directory while the node is stopped. */
import { existsSync } from 'node:fs'
import type { Command } from 'commander'
import { Option } from 'commander'
import type { DataCheck } from '../../node/check-data.ts'
import { EXIT, EXIT_CODES_HELP, print, tellWarning } from '../outcome.ts'

interface Options {
  readonly config: string
  readonly name?: string
  readonly data?: string
  readonly json?: boolean
}

export function addCheck(program: Command): void {
  program
    .command('check')
    .description('verify the data directory of a node that is stopped; changes nothing')
    .addOption(
      new Option('--config <file>', 'the configuration, TOML')
        .env('EVERWRITE_CONFIG')
        .makeOptionMandatory(),
    )
    .option('--name <text>', 'which of the members the node is')
    .option('--data <text>', 'the data directory')
    .option('--json', 'print JSON')
    .addHelpText(
      'after',
      `
Every record is read and verified, and what was durable and is missing is told: records that
have rotted, and segments that were removed, cut short or emptied.

Example:
  $ everwrite check --config shop.toml --name node-1
${EXIT_CODES_HELP}
  4  something is damaged`,
    )
    .action(check)
}

async function check(options: Options): Promise<void> {
  const { readSettings } = await import('../settings/settings.ts')
  const { hostWorld } = await import('../../host/world.ts')
  const { checkData, noData } = await import('../../node/check-data.ts')
  const { name, data } = options
  const config = await readSettings({
    file: options.config,
    environment: process.env,
    flags: { name, data },
    warn: tellWarning,
  })
  // Opening a directory would make it.
  if (!existsSync(config.directory)) throw noData(config.directory)
  const found = await checkData(config, hostWorld({ traceLevel: 'silent' }))
  if (found.damages.length > 0) process.exitCode = EXIT.attention
  await print(options.json === true ? `${JSON.stringify(found)}\n` : plainOf(found))
}

function plainOf(found: DataCheck): string {
  const { directory, segments, bytes, records, keys, damages, unsyncedRecords, tornBytes } = found
  const size = `${(bytes / 1e6).toFixed(1)} MB`
  const lines = [`${directory}: ${segments} segments, ${size}, ${records} records, ${keys} keys`]
  if (unsyncedRecords > 0 || tornBytes > 0) {
    lines.push(
      `The log was not closed: ${unsyncedRecords} records at its end are whole, and the next` +
        ` start keeps them; ${tornBytes} bytes are not.`,
    )
  }
  for (const damage of damages) lines.push(damage)
  if (damages.length === 0) lines.push('Sound: nothing that was durable is damaged or missing.')
  else lines.push(`${damages.length} damaged: ${ADVICE}`)
  return `${lines.join('\n')}\n`
}

const ADVICE =
  'start the node, and each key is mended from the other owners when it is read. To get back all' +
  ' of them at once, give the node an empty directory and start it with --rebuild.'
