/** `everwrite put BUCKET KEY [VALUE]`: puts a value in place of all siblings of the key. */
import type { Command } from 'commander'
import { bytesOfHex } from '../../base/bytes.ts'
import { OperatingError } from '../../base/errors.ts'
import { SealedContext } from '../../client/sealed-context.ts'
import type { PutOptions } from '../../client/bucket-options.ts'
import { REQUEST_ID_BYTES } from '../../limits.ts'
import { EXIT_CODES_HELP, misuse, print } from '../outcome.ts'
import { quorumsOf, tellFewer } from './quorums.ts'
import { fieldOf } from './record.ts'
import {
  argumentOf,
  bucketOf,
  withClient,
  addConnectionOptions,
  type ConnectionOptions,
  readValue,
} from '../cluster-options.ts'

interface Options extends ConnectionOptions {
  readonly context?: string
  readonly sibling?: true
  readonly key64?: true
  readonly value64?: true
  readonly w?: string
  readonly strict?: true
  readonly r?: string
  readonly requestId?: string
}

export function addPut(program: Command): void {
  addConnectionOptions(program.command('put'))
    .argument('<bucket>')
    .argument('<key>')
    .argument('<value>', 'the value; - reads standard input')
    .description('put a value in place of all siblings of a key')
    .option('--key64', 'the key is base64: for keys that are not UTF-8 text')
    .option('--value64', 'the value is base64')
    .option('--context <text>', 'replace only what this context covers: from get --json')
    .option('--sibling', 'replace nothing: add the value as a sibling')
    .option('--w <count>', "copies that must be durable; the bucket's W by default")
    .option('--strict', 'owners of the key alone may hold it, none may stand for another')
    .option('--r <count>', "owners that should answer the read before; the bucket's R by default")
    .option('--request-id <hex>', 'name this put, in 32 digits, to repeat it if it ends in doubt')
    .addHelpText(
      'after',
      `
Examples:
  $ everwrite put carts anna '["tea"]'
  $ everwrite put carts anna tea --request-id $(openssl rand -hex 16)
  $ everwrite put images logo - < logo.png

The command reads the key and replaces the siblings that it read; a concurrent write survives as a
sibling. Where fewer than R owners answer, what they hold is replaced, and told. A put that
ended in doubt can be sent again with the same --request-id: however often it arrives, it leaves one
value.
${EXIT_CODES_HELP}`,
    )
    .action(put)
}

async function put(bucketName: string, key: string, text: string, options: Options): Promise<void> {
  const writing = { ...replacingOf(options), ...quorumsOf(options), ...requestOf(options) }
  const value = await valueOf(text, options)
  const keyBytes = argumentOf('key', key, options.key64)
  const { context, read, receipt, holders } = await withClient(options, async (client) => {
    const bucket = await bucketOf(client, bucketName)
    return bucket.put(keyBytes, value, writing)
  })
  tellFewer(read)
  if (options.json === true) {
    const written = { bucket: bucketName, ...fieldOf('key', keyBytes), bytes: value.length }
    await print(`${JSON.stringify({ ...written, context, read, receipt, holders })}\n`)
  }
}

async function valueOf(text: string, { value64 }: Options): Promise<Uint8Array> {
  return text === '-' ? readValue() : argumentOf('value', text, value64)
}

/** Throws `request-id-wrong`. */
function requestOf({ requestId: text }: Options): PutOptions {
  if (text === undefined) return {}
  const requestId = bytesOfHex(text)
  if (requestId?.length === REQUEST_ID_BYTES) return { requestId }
  const sentence = `--request-id has ${2 * REQUEST_ID_BYTES} hexadecimal digits, not ${text}`
  throw new OperatingError('request-id-wrong', sentence)
}

function replacingOf(options: Options): PutOptions {
  if (options.sibling === true && options.context !== undefined) {
    throw misuse('--sibling replaces nothing and --context replaces what it covers: give one')
  }
  if (options.sibling === true) return {}
  if (options.context === undefined) return { replace: 'seen' }
  return { context: SealedContext.parse(options.context) }
}
