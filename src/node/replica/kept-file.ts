/**
 * A small file of the data directory that is replaced as a whole whenever what it says changes.
 *
 * Writes run one after another, and the last one has what is then true. A disk without room for it
 * is tried again each second; any other failure of it ends the node. A bug is none: it is thrown.
 */
import { isOperatingError, OperatingError } from '../../base/errors.ts'
import { isSystemError } from '../../store/files.ts'
import { shortageOf } from '../../store/log/shortage.ts'
import type { Clock } from '../../world/clock.ts'

/** Before the file is written again that the disk had no room for. */
const RETRY_MS = 1_000

export interface KeptFileOptions {
  readonly clock: Clock
  /** Writes what is true when it is called; done when that is durable. */
  readonly write: () => Promise<void>
  /** What this node must remember, for the sentence of a failure. */
  readonly of: string
  readonly onFailed: (reason: OperatingError) => void
}

export class KeptFile {
  readonly #options: KeptFileOptions
  /** The last write, and whatever waits for it. */
  #written: Promise<boolean> = Promise.resolve(true)
  #isDirty = false
  #isClosed = false
  /** Ends the pause before a write is tried again. */
  #wake: (() => void) | undefined

  constructor(options: KeptFileOptions) {
    this.#options = options
  }

  /**
   * Resolves with true when what is true now is durable; with false where it never will be, as
   * after `close`.
   */
  save(): Promise<boolean> {
    if (this.#isDirty) return this.#written
    if (this.#isClosed) return Promise.resolve(false)
    this.#isDirty = true
    this.#written = this.#written.then(() => this.#write())
    return this.#written
  }

  /** Resolves when all that was asked for is written; with false where that failed. */
  get written(): Promise<boolean> {
    return this.#written
  }

  /** Resolves when everything is written, or there is no room for it. */
  async close(): Promise<void> {
    this.#isClosed = true
    this.#wake?.()
    await this.#written
  }

  async #write(): Promise<boolean> {
    const { write, of, onFailed } = this.#options
    for (;;) {
      this.#isDirty = false
      try {
        await write()
        return true
      } catch (cause) {
        if (!isOperatingError(cause) && !isSystemError(cause)) throw cause
        if (shortageOf(cause) === undefined) {
          onFailed(new OperatingError('disk-failed', `the disk did not take ${of}`, { cause }))
          return false
        }
        if (this.#isClosed) return false
        this.#isDirty = true
        await this.#pause()
      }
    }
  }

  async #pause(): Promise<void> {
    await new Promise<void>((resolve) => {
      const timer = this.#options.clock.after(RETRY_MS, resolve)
      this.#wake = () => {
        timer.cancel()
        resolve()
      }
    })
    this.#wake = undefined
  }
}
