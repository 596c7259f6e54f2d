/**
 * Writes lines to standard error without ever waiting for its reader.
 *
 * A supervisor that stops reading would otherwise stop the node: a write to a full pipe blocks the
 * process. So standard error is opened once more, not blocking; what it does not take waits, up to
 * a bound, and lines beyond are counted and left out. The count is written when there is room
 * again. A file always takes them, and is written to as it is: standard output may be the same
 * file, and two places in it would write over each other.
 */
import { constants, fstatSync, openSync, writeSync } from 'node:fs'
import { Buffer } from 'node:buffer'
import { LOG_BYTES_MAX } from '../limits.ts'

const STANDARD_ERROR = 2
const RETRY_MS = 100

export class LineOutput {
  readonly #descriptor: number
  readonly #waiting: Buffer[] = []
  #waitingBytes = 0
  #dropped = 0
  #timer: NodeJS.Timeout | undefined

  /** Opens standard error; where that cannot be done it is written to as it is. */
  constructor() {
    this.#descriptor = reopened()
    process.on('exit', () => this.#flush())
  }

  write(line: string): void {
    const bytes = Buffer.from(line)
    if (this.#waitingBytes + bytes.length > LOG_BYTES_MAX) {
      this.#dropped += 1
      return
    }
    this.#waiting.push(bytes)
    this.#waitingBytes += bytes.length
    if (this.#timer === undefined) this.#flush()
  }

  #flush(): void {
    this.#timer = undefined
    while (this.#waiting.length > 0) {
      const [first] = this.#waiting as [Buffer]
      const count = this.#writeSome(first)
      if (count === undefined) return
      this.#waitingBytes -= count
      if (count < first.length) this.#waiting[0] = first.subarray(count)
      else this.#waiting.shift()
    }
    if (this.#dropped === 0) return
    const line = { level: 'warn', event: 'log-lines-dropped', count: this.#dropped }
    this.#dropped = 0
    this.write(`${JSON.stringify(line)}\n`)
  }

  /** The count that was taken; undefined where it is to be tried again later, or never. */
  #writeSome(bytes: Buffer): number | undefined {
    try {
      return writeSync(this.#descriptor, bytes)
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === 'EAGAIN') {
        this.#timer = setTimeout(() => this.#flush(), RETRY_MS).unref()
        return undefined
      }
      // The reader has closed it; a node does not stop for that.
      return bytes.length
    }
  }
}

/** Another open file for standard error: the mode of the one that others share stays as it is. */
function reopened(): number {
  try {
    if (fstatSync(STANDARD_ERROR).isFile()) return STANDARD_ERROR
    const flags = constants.O_WRONLY | constants.O_NONBLOCK | constants.O_APPEND
    return openSync(`/proc/self/fd/${STANDARD_ERROR}`, flags)
  } catch {
    return STANDARD_ERROR
  }
}
