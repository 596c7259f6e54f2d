/**
 * `everwrite export [FILE] --bucket B`: writes all records of a bucket, one a line.
 *
 * A key with siblings is one line with all of them, and importing it leaves the same siblings. A
 * file gets its name only when it is whole and durable, so that an unfinished export is not taken
 * for a whole one; it keeps the mode of the file that it replaces. A pipe or a device is written to
 * as it is.
 */
import { chmodSync, createWriteStream, rmSync } from 'node:fs'
import type { Writable } from 'node:stream'
import { finished } from 'node:stream/promises'
import { createGzip } from 'node:zlib'
import type { Command } from 'commander'
import { OperatingError } from '../../base/errors.ts'
import type { Bucket } from '../../client/bucket.ts'
import { EXIT_CODES_HELP, misuse } from '../outcome.ts'
import { exitOnInterruption } from '../interruption.ts'
import { progressOf, rateOf, recordsLabel } from '../progress.ts'
import {
  bucketOf,
  withClient,
  addConnectionOptions,
  type ConnectionOptions,
} from '../cluster-options.ts'
import { isStream, partOf, replaceBy, targetOf } from '../whole-file.ts'
import { fieldOf, recordLine } from './record.ts'

interface Options extends ConnectionOptions {
  readonly bucket: string
}

const BLOCK_CHARS = 65_536

export function addExport(program: Command): void {
  addConnectionOptions(program.command('export'), 30_000)
    .argument(
      '[file]',
      'the file to write, compressed if its name ends in .gz; standard output by default',
    )
    .requiredOption('--bucket <name>', 'the bucket to read')
    .description('write all records of a bucket as lines of JSON')
    .addHelpText(
      'after',
      `
Examples:
  $ everwrite export packages.ndjson.gz --bucket packages
  $ everwrite export --bucket carts | wc -l

A key that has siblings is one line, {"key":...,"siblings":[{"value":...},...]}; import puts
them back as siblings. Records that are written during the export may be in it or not.
${EXIT_CODES_HELP}`,
    )
    .action(exportRecords)
}

interface Counts {
  records: number
  bytes: number
  withSiblings: number
}

async function exportRecords(file: string | undefined, options: Options): Promise<void> {
  exitOnInterruption()
  const counts: Counts = { records: 0, bytes: 0, withSiblings: 0 }
  const began = performance.now()
  await withClient(options, async (client) => {
    const bucket = await bucketOf(client, options.bucket)
    if (file === undefined) await copy(bucket, process.stdout, counts)
    else await copyToFile(bucket, file, counts)
  })
  const seconds = (performance.now() - began) / 1000
  const said = options.json === true ? jsonOf(options, counts, seconds) : plainOf(counts, seconds)
  // Standard output may be where the records go.
  process.stderr.write(`${said}\n`)
}

function jsonOf(options: Options, counts: Counts, seconds: number): string {
  return JSON.stringify({ bucket: options.bucket, ...counts, seconds })
}

function plainOf({ records, bytes, withSiblings }: Counts, seconds: number): string {
  const siblings = withSiblings === 0 ? '' : `, ${withSiblings} of them with siblings`
  const megabytes = (bytes / 1e6).toFixed(1)
  const what = `${recordsLabel(records)} (${megabytes} MB)${siblings}`
  return `exported ${what} in ${rateOf(records, seconds)}`
}

async function copyToFile(bucket: Bucket<Uint8Array>, file: string, counts: Counts): Promise<void> {
  if (isStream(file)) {
    await copyTo(bucket, file, file, counts)
    return
  }
  const target = targetOf(file)
  const path = target?.path ?? file
  const part = partOf(path)
  const removePart = (): void => rmSync(part, { force: true })
  process.on('exit', removePart)
  try {
    await copyTo(bucket, part, file, counts)
    if (target !== undefined) chmodSync(part, target.mode)
    replaceBy(part, path)
  } finally {
    process.off('exit', removePart)
    removePart()
  }
}

/** Writes to `path` and syncs it; it is compressed if `name` asks for that. */
async function copyTo(
  bucket: Bucket<Uint8Array>,
  path: string,
  name: string,
  counts: Counts,
): Promise<void> {
  const isFile = path !== name
  const output = createWriteStream(path, { flags: isFile ? 'wx' : 'w', flush: isFile })
  try {
    const compressed = name.endsWith('.gz') ? createGzip() : undefined
    compressed?.pipe(output)
    const sink = compressed ?? output
    const written = finished(output)
    // It is awaited below; until then a rejection must not end the process.
    written.catch(() => {})
    await Promise.race([copy(bucket, sink, counts), written])
    sink.end()
    await written
  } catch (error) {
    output.destroy()
    const { code, message } = error as NodeJS.ErrnoException
    if (code === undefined || !/^E[A-Z]+$/.test(code)) throw error
    throw misuse(`${name} cannot be written: ${message}`, error)
  }
}

/** An export that left siblings out would not restore the key. */
function tooLarge(key: Uint8Array): OperatingError {
  return new OperatingError(
    'object-too-large',
    `no answer has room for all siblings of ${JSON.stringify(fieldOf('key', key))}: reconcile ` +
      'them with get and put, and export again',
  )
}

async function copy(bucket: Bucket<Uint8Array>, sink: Writable, counts: Counts): Promise<void> {
  const progress = progressOf('exporting', undefined)
  let block = ''
  try {
    for await (const { keyBytes, siblings, hasMore } of bucket.entries()) {
      if (hasMore) throw tooLarge(keyBytes)
      if (siblings.length === 0) continue
      block += `${recordLine(keyBytes, siblings)}\n`
      counts.records++
      if (siblings.length > 1) counts.withSiblings++
      for (const sibling of siblings) counts.bytes += sibling.length
      if (block.length < BLOCK_CHARS) continue
      progress.update(0, counts.records)
      await write(sink, block)
      block = ''
    }
    await write(sink, block)
  } finally {
    progress.end()
  }
}

async function write(sink: Writable, block: string): Promise<void> {
  if (block === '' || sink.write(block)) return
  await new Promise<void>((resolve) => sink.once('drain', () => resolve()))
}
