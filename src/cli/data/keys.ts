/** `everwrite keys BUCKET`: prints the keys of a bucket, one a line. */
import type { Command } from 'commander'
import { utf8TextExact } from '../../base/bytes.ts'
import { EXIT_CODES_HELP, print } from '../outcome.ts'
import {
  bucketOf,
  withClient,
  addConnectionOptions,
  type ConnectionOptions,
} from '../cluster-options.ts'
import { fieldOf } from './record.ts'

/** Lines are gathered to this many characters before they are written. */
const BLOCK_CHARS = 16_384

export function addKeys(program: Command): void {
  addConnectionOptions(program.command('keys'), 30_000)
    .argument('<bucket>')
    .description('print the keys of a bucket, in no particular order')
    .addHelpText(
      'after',
      `
Examples:
  $ everwrite keys carts | sort | head
  $ everwrite keys carts --json         {"key":"anna"}, or {"key64":...} where it is not text

Keys that are not UTF-8 are printed as base64 after "base64:", and control characters as \\u001b.
With --json every key is exact.
${EXIT_CODES_HELP}`,
    )
    .action(keys)
}

async function keys(bucketName: string, options: ConnectionOptions): Promise<void> {
  await withClient(options, async (client) => {
    const bucket = await bucketOf(client, bucketName)
    let block = ''
    for await (const key of bucket.keyBytes()) {
      block += options.json === true ? `${JSON.stringify(fieldOf('key', key))}\n` : plainOf(key)
      if (block.length < BLOCK_CHARS) continue
      await print(block)
      block = ''
    }
    await print(block)
  })
}

function plainOf(key: Uint8Array): string {
  const text = utf8TextExact(key)
  if (text === undefined) return `base64:${Buffer.from(key).toString('base64')}\n`
  return `${text.replace(CONTROL, escaped)}\n`
}

/** Moves the cursor, ends a line, or turns the direction of text around. */
const CONTROL = /[\p{Cc}\u2028\u2029\u202a-\u202e\u2066-\u2069]/gu

function escaped(character: string): string {
  return `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`
}
