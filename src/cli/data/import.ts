/**
 * `everwrite import [FILE] --bucket B`: makes one put for each line, many in flight.
 *
 * Each record replaces all siblings of its key, so a second import of one file leaves one sibling
 * each. `import-run.ts` makes the puts.
 */
import type { Command } from 'commander'
import { ImportRun } from './import-run.ts'
import { onInterruption } from '../interruption.ts'
import { linesOf } from './lines.ts'
import { EXIT_CODES_HELP, print } from '../outcome.ts'
import { progressOf, rateOf, recordsLabel } from '../progress.ts'
import {
  bucketOf,
  countOf,
  withClient,
  addConnectionOptions,
  type ConnectionOptions,
} from '../cluster-options.ts'

interface Options extends ConnectionOptions {
  readonly bucket: string
  readonly window: string
}

/** The deadline of a put: longer than a node's restart, which must not end an import. */
const PUT_TIMEOUT_MS = 30_000
const WINDOW = 128
const WINDOW_MAX = 1024

export function addImport(program: Command): void {
  addConnectionOptions(program.command('import'), PUT_TIMEOUT_MS)
    .argument('[file]', 'lines of JSON, plain or gzip; standard input by default, or for -')
    .requiredOption('--bucket <name>', 'the bucket to put the records into')
    .option('--window <count>', 'records in flight at once', String(WINDOW))
    .description('put the records of a file into a bucket')
    .addHelpText(
      'after',
      `
Each line is one record:
  {"key":"anna","value":"tea"}                       text
  {"key64":"/w==","value64":"/wA="}                  bytes that are not UTF-8, as base64
  {"key":"anna","siblings":[{"value":"tea"},...]}    as export writes unreconciled siblings

Examples:
  $ everwrite import packages.ndjson.gz --bucket packages
  $ everwrite export --bucket a | everwrite import --bucket b

A record replaces all siblings of its key, so importing a file again changes nothing.
${EXIT_CODES_HELP}`,
    )
    .action(importRecords)
}

async function importRecords(file: string | undefined, options: Options): Promise<void> {
  const window = countOf('--window', options.window, 1, WINDOW_MAX)
  const source = linesOf(file === '-' ? undefined : file)
  await withClient(options, async (client) => {
    const bucket = await bucketOf(client, options.bucket)
    const began = performance.now()
    const run = new ImportRun(bucket, window)
    const forget = onInterruption((signal) => run.interrupt(signal))
    // It hides the cursor, and from then on a signal has to show it again.
    const progress = progressOf('importing', source.bytesTotal)
    try {
      await run.all(source, progress)
    } finally {
      forget()
      progress.end()
      source.close()
    }
    await tell(options, run, (performance.now() - began) / 1000)
  })
}

async function tell(options: Options, run: ImportRun, seconds: number): Promise<void> {
  const { records, bytes } = run
  if (options.json === true) {
    await print(`${JSON.stringify({ bucket: options.bucket, records, bytes, seconds })}\n`)
    return
  }
  const megabytes = (bytes / 1e6).toFixed(1)
  const place = `(${megabytes} MB) into ${options.bucket}`
  await print(`imported ${recordsLabel(records)} ${place} in ${rateOf(records, seconds)}\n`)
}
