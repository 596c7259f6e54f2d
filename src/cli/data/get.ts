/** `everwrite get BUCKET KEY`: prints the siblings of a key, and how to reconcile them. */
import type { Command } from 'commander'
import { utf8TextExact } from '../../base/bytes.ts'
import { Receipt } from '../../client/receipt.ts'
import type { GetResult } from '../../client/get-result.ts'
import { EXIT, EXIT_CODES_HELP, misuse, print } from '../outcome.ts'
import {
  argumentOf,
  bucketOf,
  withClient,
  addConnectionOptions,
  type ConnectionOptions,
} from '../cluster-options.ts'
import { quorumsOf } from './quorums.ts'
import { fieldOf } from './record.ts'

interface Options extends ConnectionOptions {
  readonly raw?: true
  readonly key64?: true
  readonly r?: string
  readonly strict?: true
  readonly monotonic?: true
  readonly receipt?: string
}

export function addGet(program: Command): void {
  addConnectionOptions(program.command('get'))
    .argument('<bucket>')
    .argument('<key>')
    .description('print the value of a key, or all of its siblings')
    .option('--key64', 'the key is base64: for keys that are not UTF-8 text')
    .option('--raw', 'print the bytes of the one value and nothing else')
    .option('--r <count>', "owners that should answer; the bucket's R by default")
    .option('--strict', 'fail where fewer owners answer')
    .option('--monotonic', 'write what is found to R owners first, where fewer hold it')
    .option('--receipt <text>', 'find no less than this receipt stands for: from --json')
    .addHelpText(
      'after',
      `
Examples:
  $ everwrite get carts anna
  $ everwrite get carts anna --json     {"key":"anna","siblings":[{"value":"tea"}],...}
  $ everwrite get images logo --raw > logo.png

Where fewer than R owners answer, what those and hints at other nodes hold is printed, and told: it
may not be all.

Concurrent writes leave siblings. Reconcile them by putting one value in their place:
everwrite put BUCKET KEY VALUE
${EXIT_CODES_HELP}`,
    )
    .action(get)
}

async function get(bucketName: string, key: string, options: Options): Promise<void> {
  const keyBytes = argumentOf('key', key, options.key64)
  const quorums = quorumsOf(options)
  const receipt = options.receipt === undefined ? undefined : Receipt.parse(options.receipt)
  const answer = await withClient(options, async (client) => {
    const bucket = await bucketOf(client, bucketName)
    return bucket.get(keyBytes, { ...quorums, receipt, monotonic: options.monotonic ?? false })
  })
  if (!answer.isFound) process.exitCode = EXIT.notFound
  if (!answer.isComplete) tellIncomplete()
  if (options.json === true) await print(`${jsonOf(bucketName, keyBytes, answer)}\n`)
  else if (!answer.isFound) process.stderr.write(`everwrite: ${bucketName}/${key} is not there\n`)
  else if (options.raw === true) await printRaw(bucketName, key, answer)
  else if (answer.siblings.length === 1) await printValue(answer.siblings[0] as Uint8Array)
  else await printSiblings(bucketName, key, answer)
}

function tellIncomplete(): void {
  process.stderr.write(
    'everwrite: fewer owners answered than should: the others may hold more; --strict fails then\n',
  )
}

function jsonOf(bucket: string, key: Uint8Array, answer: GetResult<Uint8Array>): string {
  return JSON.stringify({
    bucket,
    ...fieldOf('key', key),
    siblings: answer.siblings.map((sibling) => fieldOf('value', sibling)),
    tombstones: answer.tombstones,
    hasMore: answer.hasMore,
    isComplete: answer.isComplete,
    context: answer.context,
    receipt: answer.receipt,
  })
}

async function printRaw(bucket: string, key: string, answer: GetResult<Uint8Array>): Promise<void> {
  if (answer.siblings.length > 1) {
    throw misuse(
      `${bucket}/${key} has ${answer.siblings.length} siblings and --raw prints one value: ` +
        'look at them without --raw, then put one in their place',
    )
  }
  await print(answer.siblings[0] as Uint8Array)
}

async function printValue(value: Uint8Array): Promise<void> {
  const text = utf8TextExact(value)
  if (text === undefined && process.stdout.isTTY) {
    await print(`${Buffer.from(value).toString('base64')}\n`)
    process.stderr.write('everwrite: not text: shown as base64; --raw prints the bytes\n')
    return
  }
  await print(value)
  if (text?.endsWith('\n') !== true) await print('\n')
}

async function printSiblings(
  bucket: string,
  key: string,
  answer: GetResult<Uint8Array>,
): Promise<void> {
  const count = answer.siblings.length
  const more = answer.hasMore ? ' or more' : ''
  for (const [i, sibling] of answer.siblings.entries()) {
    process.stderr.write(`--- sibling ${i + 1} of ${count}${more}\n`)
    await printValue(sibling)
  }
  process.stderr.write(
    `--- ${count}${more} siblings: they were written without knowing of each other. Reconcile\n` +
      `    them by putting one value in their place:  everwrite put ${bucket} ${key} VALUE\n`,
  )
}
