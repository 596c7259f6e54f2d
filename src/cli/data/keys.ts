/** `everwrite keys BUCKET`: prints the keys of a bucket, one a line. */
import type { Command } from 'commander'
import { EMPTY_BYTES, equalBytes, utf8TextExact } from '../../base/bytes.ts'
import { EXIT_CODES_HELP, print } from '../outcome.ts'
import {
  argumentOf,
  bucketOf,
  countOf,
  withClient,
  addConnectionOptions,
  type ConnectionOptions,
} from '../cluster-options.ts'
import { fieldOf } from './record.ts'

/** Lines are gathered to this many characters before they are written. */
const BLOCK_CHARS = 16_384
const LIMIT_MAX = Number.MAX_SAFE_INTEGER

interface Options extends ConnectionOptions {
  readonly prefix?: string
  readonly limit?: string
  readonly count?: true
}

export function addKeys(program: Command): void {
  addConnectionOptions(program.command('keys'), 30_000)
    .argument('<bucket>')
    .option('--prefix <text>', 'only keys that begin so')
    .option('--limit <count>', 'at most so many')
    .option('--count', 'print how many there are and nothing else')
    .description('print the keys of a bucket, in no particular order')
    .addHelpText(
      'after',
      `
Examples:
  $ everwrite keys carts | sort | head
  $ everwrite keys carts --prefix 2026- --count
  $ everwrite keys carts --json         {"key":"anna"}, or {"key64":...} where it is not text

Keys that are not UTF-8 are printed as base64 after "base64:", and control characters as \\u001b.
With --json every key is exact. Keys lie in the order of their hashes, so --prefix reads all keys
of the bucket and prints some.
${EXIT_CODES_HELP}`,
    )
    .action(keys)
}

async function keys(bucketName: string, options: Options): Promise<void> {
  const { prefix, limit, json, count: isCount } = options
  const most = limit === undefined ? Infinity : countOf('--limit', limit, 1, LIMIT_MAX)
  const begin = prefix === undefined ? EMPTY_BYTES : argumentOf('prefix', prefix)
  await withClient(options, async (client) => {
    const bucket = await bucketOf(client, bucketName)
    let block = ''
    let count = 0
    for await (const key of bucket.keyBytes()) {
      if (!equalBytes(key.subarray(0, begin.length), begin)) continue
      count += 1
      if (isCount !== true) block += json === true ? jsonOf(key) : plainOf(key)
      if (count === most) break
      if (block.length < BLOCK_CHARS) continue
      await print(block)
      block = ''
    }
    if (isCount !== true) await print(block)
    else await print(json === true ? `${JSON.stringify({ keys: count })}\n` : `${count}\n`)
  })
}

function jsonOf(key: Uint8Array): string {
  return `${JSON.stringify(fieldOf('key', key))}\n`
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
