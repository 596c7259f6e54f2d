/**
 * One pass over the lines of an import, with many puts in flight.
 *
 * Puts of one key are made one after another, so the later line wins. A wrong line, a put that
 * failed or a signal ends the pass: no further line is read, puts in flight have a moment to be
 * acknowledged, and the error says how many records were put. Those stay.
 */
import type { Bucket } from '../../client/bucket.ts'
import { latin1Of } from '../../base/bytes.ts'
import { isOperatingError, OperatingError } from '../../base/errors.ts'
import { type EndSignal, Interrupted } from '../interruption.ts'
import { type Progress, recordsLabel } from '../progress.ts'
import type { Source } from './lines.ts'
import { type ImportRecord, parseRecord } from './record.ts'

/** How long puts in flight may take once the pass has ended early. */
const GRACE_MS = 1_000
/** Between tries of a put that is refused for a passing reason. */
const PAUSE_MS_MIN = 50
const PAUSE_MS_MAX = 1_000
/** Without an acknowledged put for so long the import ends. */
const PATIENCE_MS = 30_000

export class ImportRun {
  /** Acknowledged. */
  records = 0
  /** Of acknowledged values. */
  bytes = 0
  readonly #bucket: Bucket<Uint8Array>
  readonly #window: number
  /** By key: the next record of a key waits for this one. */
  readonly #inFlight = new Map<string, Promise<void>>()
  /** The first failure of a put. */
  #failure: { readonly error: unknown } | undefined
  #signal: EndSignal | undefined
  #lastPutMs = performance.now()
  /** Called when a put ends or the pass is stopped. */
  #wake: (() => void) | undefined

  constructor(bucket: Bucket<Uint8Array>, window: number) {
    this.#bucket = bucket
    this.#window = window
  }

  /** Puts all records. Throws `Interrupted` after a signal, else the first failure. */
  async all(source: Source, progress: Progress): Promise<void> {
    try {
      await this.#putAll(source, progress)
      await this.#unlessStopped(this.#acknowledged())
    } catch (error) {
      this.#failure ??= { error }
    }
    if (!this.#isStopped) return
    let timer: NodeJS.Timeout | undefined
    const late = new Promise<void>((resolve) => (timer = setTimeout(resolve, GRACE_MS)))
    await Promise.race([this.#acknowledged(), late])
    clearTimeout(timer)
    throw this.#ended()
  }

  /** Ends the pass early. */
  interrupt(signal: EndSignal): void {
    this.#signal ??= signal
    this.#wake?.()
  }

  get #isStopped(): boolean {
    return this.#failure !== undefined || this.#signal !== undefined
  }

  async #putAll(source: Source, progress: Progress): Promise<void> {
    const lines = source.lines[Symbol.asyncIterator]()
    for (let lineNumber = 1; ; lineNumber++) {
      const next = await this.#unlessStopped(lines.next())
      if (next === undefined || next.done === true) return
      if (next.value.trim() === '') continue
      const record = parseRecord(next.value, lineNumber)
      const id = latin1Of(record.key)
      await this.#inFlight.get(id)
      while (this.#inFlight.size >= this.#window && !this.#isStopped) {
        await new Promise<void>((resolve) => (this.#wake = resolve))
      }
      if (this.#isStopped) return
      this.#inFlight.set(id, this.#put(id, record, lineNumber))
      progress.update(source.bytesRead(), this.records)
    }
  }

  /** The result of `work`; undefined once the pass is stopped: input may be quiet for long. */
  #unlessStopped<T>(work: Promise<T>): Promise<T | undefined> {
    return new Promise((resolve, reject) => {
      this.#wake = () => {
        if (this.#isStopped) resolve(undefined)
      }
      work.then(resolve, reject)
      this.#wake()
    })
  }

  async #acknowledged(): Promise<void> {
    await Promise.all(this.#inFlight.values())
  }

  /** Never rejects: the first failure is kept for `all`. */
  async #put(id: string, record: ImportRecord, lineNumber: number): Promise<void> {
    try {
      const [first, ...others] = record.values
      await this.#patiently(() =>
        this.#bucket.put(record.key, first as Uint8Array, { replace: 'seen' }),
      )
      // The other siblings are put beside the first, as they were when exported.
      for (const other of others) {
        await this.#patiently(() => this.#bucket.put(record.key, other))
      }
      this.records++
      for (const value of record.values) this.bytes += value.length
    } catch (error) {
      this.#failure ??= { error: atLine(error, lineNumber) }
    } finally {
      this.#inFlight.delete(id)
      this.#wake?.()
    }
  }

  /**
   * Puts again what was refused for a passing reason, less often each time, as long as any record
   * was acknowledged not long ago: a busy cluster slows an import down, and does not end it.
   */
  async #patiently(put: () => Promise<unknown>): Promise<void> {
    for (let pauseMs = PAUSE_MS_MIN; ; pauseMs = Math.min(2 * pauseMs, PAUSE_MS_MAX)) {
      try {
        await put()
        this.#lastPutMs = performance.now()
        return
      } catch (error) {
        const isPassing =
          isOperatingError(error) && error.isRetryable && error.certainty === 'refused'
        const isStuck = performance.now() - this.#lastPutMs > PATIENCE_MS
        if (!isPassing || isStuck || this.#isStopped) throw error
      }
      await new Promise((resolve) => setTimeout(resolve, pauseMs))
    }
  }

  /** The error that ends an import, with the count of records that are put already. */
  #ended(): unknown {
    const error = this.#failure?.error
    const verb = this.records === 1 ? 'was' : 'were'
    const left = this.#inFlight.size
    const inDoubt = left === 0 ? '' : `, ${recordsLabel(left)} more may have been put`
    const stay = `${recordsLabel(this.records)} ${verb} put and stay${inDoubt}`
    const said = `${stay}; importing again is safe`
    if (this.#signal !== undefined) {
      return new Interrupted(this.#signal, `the import was interrupted: ${said}`)
    }
    if (!isOperatingError(error)) return error
    const { code, message, certainty, details } = error
    const sentence = `the import stopped: ${message}. ${said}`
    return new OperatingError(code, sentence, { cause: error, certainty, details })
  }
}

function atLine(error: unknown, lineNumber: number): unknown {
  if (!isOperatingError(error)) return error
  const { code, message, certainty, details } = error
  const options = { cause: error, certainty, details }
  return new OperatingError(code, `line ${lineNumber}: ${message}`, options)
}
