/**
 * Finds keys that a bucket which was created hides: those that were put under its name at nodes
 * that had not heard of it.
 *
 * All names of the engine are read, once for all buckets that the node has heard of meanwhile, with
 * a rest after each page.
 */
import { latin1Of, utf8Bytes } from '../../base/bytes.ts'
import { exactName } from '../../dynamo/buckets/bucket-names.ts'
import { NEVER_CREATED } from '../../dynamo/names.ts'
import type { Engine } from '../../store/engine.ts'
import type { Clock } from '../../world/clock.ts'
import type { Trace } from '../../world/trace.ts'
import { namePages } from '../replica/name-pages.ts'

const REST_MS = 5

export interface HiddenKeysOptions {
  readonly engine: Pick<Engine, 'digests' | 'places'>
  readonly clock: Clock
  readonly trace: Trace
}

export class HiddenKeys {
  readonly #node: HiddenKeysOptions
  /** Names that are looked for next. */
  #wanted = new Set<string>()
  readonly #hidden = new Set<string>()
  #isBusy = false
  #isStopped = false

  constructor(options: HiddenKeysOptions) {
    this.#node = options
  }

  stop(): void {
    this.#isStopped = true
  }

  /** Buckets that were created have these names. */
  lookFor(names: Iterable<string>): void {
    for (const name of names) if (!this.#hidden.has(name)) this.#wanted.add(name)
    if (this.#isBusy || this.#wanted.size === 0) return
    this.#isBusy = true
    const done = (): void => void (this.#isBusy = false)
    // The engine itself tells of a disk that fails.
    void this.#search().then(done, done)
  }

  /** In sentences. */
  get alarms(): readonly string[] {
    return [...this.#hidden].map((createdAs) => {
      const exact = exactName({ createdAs, creation: NEVER_CREATED })
      return (
        `keys were put into bucket ${createdAs} where it was not known yet that one was created:` +
        ` they are in ${exact} (everwrite keys '${exact}'); put them into the new one`
      )
    })
  }

  async #search(): Promise<void> {
    const { engine, clock, trace } = this.#node
    while (this.#wanted.size > 0 && !this.#isStopped) {
      const left = new Map([...this.#wanted].map((name) => [latin1Of(utf8Bytes(name)), name]))
      this.#wanted = new Set()
      for await (const { entries } of namePages(engine)) {
        if (this.#isStopped) return
        for (const { name, bucketId } of entries) {
          const bytes = latin1Of(name.bucket)
          const found = bucketId.creation === NEVER_CREATED ? left.get(bytes) : undefined
          if (found === undefined) continue
          left.delete(bytes)
          this.#hidden.add(found)
          trace.record('bucket-hides-keys', {})
        }
        await new Promise<void>((resolve) => void clock.after(REST_MS, resolve))
      }
    }
  }
}
