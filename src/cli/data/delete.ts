/** `everwrite delete BUCKET KEY`: deletes all siblings of a key. */
import type { Command } from 'commander'
import type { PutOptions } from '../../client/bucket-options.ts'
import { SealedContext } from '../../client/sealed-context.ts'
import { EXIT_CODES_HELP, print } from '../outcome.ts'
import { quorumsOf, tellFewer } from './quorums.ts'
import { fieldOf } from './record.ts'
import {
  argumentOf,
  bucketOf,
  withClient,
  addConnectionOptions,
  type ConnectionOptions,
} from '../cluster-options.ts'

interface Options extends ConnectionOptions {
  readonly context?: string
  readonly key64?: true
  readonly w?: string
  readonly strict?: true
  readonly r?: string
}

export function addDelete(program: Command): void {
  addConnectionOptions(program.command('delete'))
    .argument('<bucket>')
    .argument('<key>')
    .description('delete all siblings of a key')
    .option('--key64', 'the key is base64: for keys that are not UTF-8 text')
    .option('--w <count>', "copies that must be durable; the bucket's W by default")
    .option('--strict', 'owners of the key alone may hold it, none may stand for another')
    .option('--r <count>', "owners that should answer the read before; the bucket's R by default")
    .option('--context <text>', 'delete only what this context covers: from get --json')
    .addHelpText(
      'after',
      `
Example:
  $ everwrite delete carts anna

The command reads the key and deletes the siblings that it read; a concurrent write survives. Where
fewer than R owners answer, what they hold is deleted, and told. Deleting a key that is not there
succeeds.
${EXIT_CODES_HELP}`,
    )
    .action(remove)
}

async function remove(bucketName: string, text: string, options: Options): Promise<void> {
  const key = argumentOf('key', text, options.key64)
  const quorums = quorumsOf(options)
  const replacing: PutOptions =
    options.context === undefined
      ? { replace: 'seen' }
      : { context: SealedContext.parse(options.context) }
  const { context, read } = await withClient(options, async (client) => {
    const bucket = await bucketOf(client, bucketName)
    return bucket.delete(key, { ...replacing, ...quorums })
  })
  tellFewer(read)
  if (options.json === true) {
    const deleted = { bucket: bucketName, ...fieldOf('key', key), context, read }
    await print(`${JSON.stringify(deleted)}\n`)
  }
}
