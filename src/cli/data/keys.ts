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

Keys that are not UTF-8 are printed as base64 after "base64:"; --json is unambiguous.
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
  return text === undefined ? `base64:${Buffer.from(key).toString('base64')}\n` : `${text}\n`
}
