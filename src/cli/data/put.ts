/** `everwrite put BUCKET KEY [VALUE]`: puts a value in place of all siblings of the key. */
import type { Command } from 'commander'
import { utf8Bytes } from '../../base/bytes.ts'
import { SealedContext } from '../../client/sealed-context.ts'
import type { PutOptions } from '../../client/bucket.ts'
import { EXIT_CODES_HELP, misuse, print } from '../outcome.ts'
import {
  bucketOf,
  withClient,
  addConnectionOptions,
  type ConnectionOptions,
  readStandardInput,
} from '../cluster-options.ts'

interface Options extends ConnectionOptions {
  readonly context?: string
  readonly sibling?: true
  readonly w?: string
}

export function addPut(program: Command): void {
  addConnectionOptions(program.command('put'))
    .argument('<bucket>')
    .argument('<key>')
    .argument('[value]', 'the value; - or nothing reads standard input')
    .description('put a value in place of all siblings of a key')
    .option('--context <text>', 'replace only what this context covers: from get --json')
    .option('--sibling', 'replace nothing: add the value as a sibling')
    .option('--w <count>', "copies that must be durable; the bucket's W by default")
    .addHelpText(
      'after',
      `
Examples:
  $ everwrite put carts anna '["tea"]'
  $ everwrite put images logo - < logo.png

The coordinating node reads the key and replaces the siblings that it read; a concurrent write
survives as a sibling.
${EXIT_CODES_HELP}`,
    )
    .action(put)
}

async function put(
  bucketName: string,
  key: string,
  text: string | undefined,
  options: Options,
): Promise<void> {
  const replacing = replacingOf(options)
  const value = valueOf(text)
  const { context } = await withClient(options, async (client) => {
    const bucket = await bucketOf(client, bucketName)
    const w = options.w === undefined ? {} : { w: Number(options.w) }
    return bucket.put(key, value, { ...replacing, ...w })
  })
  if (options.json === true) {
    await print(`${JSON.stringify({ bucket: bucketName, key, bytes: value.length, context })}\n`)
  }
}

function valueOf(text: string | undefined): Uint8Array {
  if (text !== undefined && text !== '-') return utf8Bytes(text)
  if (text === undefined && process.stdin.isTTY) {
    throw misuse(
      "give a value, or - to type it and end with ctrl-D: everwrite put BUCKET KEY 'VALUE'",
    )
  }
  return readStandardInput()
}

function replacingOf(options: Options): PutOptions {
  if (options.sibling === true) return {}
  if (options.context === undefined) return { replace: 'seen' }
  return { context: SealedContext.parse(options.context) }
}
