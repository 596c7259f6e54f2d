/**
 * `everwrite import [FILE] --bucket B`: makes one put for each line, many in flight.
 *
 * Each record replaces all siblings of its key, so a second import of one file leaves one sibling
 * each. Puts of one key are made one after another, so the later line wins. A wrong line ends the
 * import there; earlier puts stay.
 */
import type { Command } from 'commander'
import type { Bucket } from '../../client/bucket.ts'
import { latin1Of } from '../../base/bytes.ts'
import { isOperatingError, OperatingError } from '../../base/errors.ts'
import { linesOf, type Source } from './lines.ts'
import { EXIT_CODES_HELP, print } from '../outcome.ts'
import { type Progress, progressOf, rateOf } from '../progress.ts'
import {
  bucketOf,
  countOf,
  withClient,
  addConnectionOptions,
  type ConnectionOptions,
} from '../cluster-options.ts'
import { type ImportRecord, parseRecord } from './record.ts'

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
    const progress = progressOf('importing', source.bytesTotal)
    const began = performance.now()
    const run = new ImportRun(bucket, window)
    try {
      await run.all(source, progress)
    } catch (error) {
      progress.end()
      throw stoppedBy(error, run.records)
    }
    progress.end()
    await tell(options, run, (performance.now() - began) / 1000)
  })
}

async function tell(options: Options, run: ImportRun, seconds: number): Promise<void> {
  const { records, bytes } = run
  if (options.json === true) {
    await print(`${JSON.stringify({ bucket: options.bucket, records, bytes, seconds })}\n`)
    return
  }
  const count = records === 1 ? '1 record' : `${records.toLocaleString('en')} records`
  const megabytes = (bytes / 1e6).toFixed(1)
  await print(
    `imported ${count} (${megabytes} MB) into ${options.bucket} in ${rateOf(records, seconds)}\n`,
  )
}

/** The same error, with the count of lines that are imported already. */
function stoppedBy(error: unknown, records: number): unknown {
  if (!isOperatingError(error)) return error
  const { code, message, certainty, details } = error
  return new OperatingError(
    code,
    `the import stopped: ${message}. ${records} records were put before and stay; importing ` +
      'again is safe',
    { cause: error, certainty, details },
  )
}

/** One pass over the lines, with at most `window` puts in flight. */
class ImportRun {
  /** Acknowledged. */
  records = 0
  /** Of acknowledged values. */
  bytes = 0
  readonly #bucket: Bucket<Uint8Array>
  readonly #window: number
  /** By key: the next record of a key waits for this one. */
  readonly #inFlight = new Map<string, Promise<void>>()
  #failure: { readonly error: unknown } | undefined
  #wake: (() => void) | undefined

  constructor(bucket: Bucket<Uint8Array>, window: number) {
    this.#bucket = bucket
    this.#window = window
  }

  async all(source: Source, progress: Progress): Promise<void> {
    let lineNumber = 0
    try {
      for await (const line of source.lines) {
        lineNumber++
        if (line.trim() === '') continue
        const record = parseRecord(line, lineNumber)
        const id = latin1Of(record.key)
        await this.#inFlight.get(id)
        while (this.#inFlight.size >= this.#window && this.#failure === undefined) {
          await new Promise<void>((resolve) => (this.#wake = resolve))
        }
        if (this.#failure !== undefined) break
        this.#inFlight.set(id, this.#put(id, record, lineNumber))
        progress.update(source.bytesRead(), this.records)
      }
    } finally {
      await Promise.all(this.#inFlight.values())
    }
    if (this.#failure !== undefined) throw this.#failure.error
  }

  /** Never rejects: the first failure is kept for `all`. */
  async #put(id: string, record: ImportRecord, lineNumber: number): Promise<void> {
    try {
      const [first, ...others] = record.values
      await this.#bucket.put(record.key, first as Uint8Array, { replace: 'seen' })
      // The other siblings are put beside the first, as they were when exported.
      for (const other of others) await this.#bucket.put(record.key, other)
      this.records++
      for (const value of record.values) this.bytes += value.length
    } catch (error) {
      this.#failure ??= { error: atLine(error, lineNumber) }
    } finally {
      this.#inFlight.delete(id)
      this.#wake?.()
    }
  }
}

function atLine(error: unknown, lineNumber: number): unknown {
  if (!isOperatingError(error)) return error
  const { code, message, certainty, details } = error
  const options = { cause: error, certainty, details }
  return new OperatingError(code, `line ${lineNumber}: ${message}`, options)
}
