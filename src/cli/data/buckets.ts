/**
 * `everwrite bucket list`, or `everwrite buckets`: lists the buckets that were created or that the
 * configuration names, and their quorums.
 *
 * Any other bucket exists as soon as a key is put into it and takes the quorums of the last row. No
 * node keeps a list of those: only a key's record has its bucket, and finding all
 * would read every record of every node.
 */
import type { Command } from 'commander'
import type { BucketInfo } from '../../client/buckets.ts'
import type { Client } from '../../client/client.ts'
import { EXIT_CODES_HELP, print } from '../outcome.ts'
import { tableOf } from '../table.ts'
import {
  bucketOf,
  withClient,
  addConnectionOptions,
  type ConnectionOptions,
} from '../cluster-options.ts'

interface Options extends ConnectionOptions {
  readonly count?: true
}

type Row = BucketInfo & { readonly keys?: number }

export function addBuckets(program: Command): void {
  addListing(program.command('buckets'))
}

export function addListing(command: Command): void {
  addConnectionOptions(command, 30_000)
    .option('--count', 'count the keys of each: reads all of them')
    .description('list the buckets that were created or configured, and their quorums')
    .addHelpText(
      'after',
      `
Example:
  $ everwrite bucket list --count

A bucket that is not listed needs no creation: it is there with its first key, and has the quorums
of the last row. No node keeps a list of those.
${EXIT_CODES_HELP}`,
    )
    .action(buckets)
}

async function buckets(options: Options): Promise<void> {
  const rows = await withClient(options, async (client) => {
    const counted: Row[] = []
    for (const bucket of await client.buckets()) {
      const isCounted = options.count === true && bucket.name !== ''
      const keys = isCounted ? await countKeys(client, bucket.name) : undefined
      counted.push(keys === undefined ? bucket : { ...bucket, keys })
    }
    return counted
  })
  if (options.json === true) await print(rows.map((row) => `${JSON.stringify(row)}\n`).join(''))
  else await print(`${plainOf(rows)}\n`)
}

async function countKeys(client: Client, name: string): Promise<number> {
  let count = 0
  for await (const _ of (await bucketOf(client, name)).keyBytes()) count += 1
  return count
}

function plainOf(rows: readonly Row[]): string {
  const isCounted = rows.some((row) => row.keys !== undefined)
  const head = [
    'bucket',
    'created as',
    'policy',
    'durability',
    'N',
    'R',
    'W',
    ...(isCounted ? ['keys'] : []),
  ]
  const cells = rows.map(({ name, n, r, w, created, keys }) => [
    name === '' ? '(all others)' : name,
    created?.exactName ?? '-',
    created?.policy ?? 'siblings',
    created?.durability ?? 'always',
    ...[n, r, w].map(String),
    ...(isCounted ? [keys === undefined ? '-' : keys.toLocaleString('en')] : []),
  ])
  return tableOf(head, 4, cells)
}
