/**
 * `everwrite buckets`: lists the buckets that the configuration names, and their quorums.
 *
 * A bucket that is not named there exists as soon as a key is put into it and takes the quorums of
 * the last row. No node keeps a list of those: only a key's record has its bucket, and finding all
 * would read every record of every node.
 */
import type { Command } from 'commander'
import type { Client, ClusterView } from '../../client/client.ts'
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

type Row = ClusterView['buckets'][number] & { readonly keys?: number }

export function addBuckets(program: Command): void {
  addConnectionOptions(program.command('buckets'), 30_000)
    .option('--count', 'count the keys of each: reads all of them')
    .description('list the buckets that the configuration names, and their quorums')
    .addHelpText(
      'after',
      `
Example:
  $ everwrite buckets --count

A bucket that is not named needs no making: it is there with its first key, and has the quorums of
the last row. Those are not listed, since no node keeps a list of them.
${EXIT_CODES_HELP}`,
    )
    .action(buckets)
}

async function buckets(options: Options): Promise<void> {
  const rows = await withClient(options, async (client) => {
    const [others, ...named] = (await client.topology()).buckets
    const counted: Row[] = []
    for (const bucket of named) {
      const keys = options.count === true ? await countKeys(client, bucket.name) : undefined
      counted.push(keys === undefined ? bucket : { ...bucket, keys })
    }
    return others === undefined ? counted : [...counted, others]
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
  const head = ['bucket', 'N', 'R', 'W', ...(isCounted ? ['keys'] : [])]
  const cells = rows.map(({ name, n, r, w, keys }) => [
    name === '' ? '(all others)' : name,
    ...[n, r, w].map(String),
    ...(isCounted ? [keys === undefined ? '-' : keys.toLocaleString('en')] : []),
  ])
  return tableOf(head, 1, cells)
}
