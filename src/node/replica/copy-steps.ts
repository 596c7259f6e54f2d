/**
 * Steps on the copies of this member: find the present copy, act on it, and let the next step begin
 * (`key-steps.ts`).
 *
 * A step that needs a sound copy has one that has rotted mended first; a step whose deadline has
 * passed when its turn comes is dropped.
 */
import type { MaybePromise } from '../../base/deliver.ts'
import { OperatingError } from '../../base/errors.ts'
import type { CopyId } from '../../dynamo/names.ts'
import { decodeObject } from '../../dynamo/version/object-bytes.ts'
import type { VersionedObject } from '../../dynamo/version/object.ts'
import type { Stored } from '../../store/engine.ts'
import type { Clock } from '../../world/clock.ts'
import type { Trace } from '../../world/trace.ts'
import type { Counters } from '../counters.ts'
import { KeySteps } from './key-steps.ts'
import { rottenOr } from './rot.ts'

/** The present copy when a step begins. */
export interface Held {
  readonly object: VersionedObject | undefined
  readonly stored: Stored | undefined
  /** A record is there and is damaged. */
  readonly isRotten: boolean
}

export const NOTHING_HELD: Held = { object: undefined, stored: undefined, isRotten: false }
const ROTTEN: Held = { ...NOTHING_HELD, isRotten: true }

export interface CopyStepsOptions {
  readonly clock: Clock
  readonly trace: Trace
  readonly counters: Counters
  /** Mends a rotten copy from the other owners; false where that did not succeed. */
  readonly mend: (copy: CopyId) => Promise<boolean>
}

export class CopySteps {
  readonly #node: CopyStepsOptions
  readonly #get: (copy: CopyId) => MaybePromise<Stored | undefined>
  readonly #steps = new KeySteps()

  constructor(options: CopyStepsOptions, get: (copy: CopyId) => MaybePromise<Stored | undefined>) {
    this.#node = options
    this.#get = get
  }

  /** Steps that wait, at the key where most do. */
  get waitersOfKey(): number {
    return this.#steps.waitersOfKey
  }

  /** Whether any step is not done. */
  get hasAny(): boolean {
    return this.#steps.hasAny
  }

  /** Whether a step on the copy is not done. */
  isBusy(copy: CopyId): boolean {
    return this.#steps.isBusy(copy)
  }

  /** Runs `step` on the present copy, mended first if it has rotted. Fails with `record-rotten`. */
  onSound<T>(copy: CopyId, deadline: number, step: (held: Held) => T): MaybePromise<T> {
    const tried = (): MaybePromise<T | typeof ROTTEN> =>
      this.on(copy, deadline, (held) => (held.isRotten ? ROTTEN : step(held)))
    const mended = async (): Promise<T> => {
      const result = (await this.#node.mend(copy)) ? await tried() : ROTTEN
      if (result !== ROTTEN) return result as T
      throw new OperatingError(
        'record-rotten',
        'the copy here has rotted and cannot be mended now: write through another owner',
      )
    }
    const result = tried()
    if (!(result instanceof Promise)) return result === ROTTEN ? mended() : (result as T)
    return result.then((first) => (first === ROTTEN ? mended() : (first as T)))
  }

  /** Runs `step` on the present copy, whatever its state. Fails with `deadline-passed`. */
  on<T>(copy: CopyId, deadline: number, step: (held: Held) => T): MaybePromise<T> {
    const find = (): MaybePromise<Stored | 'rotten' | undefined> => {
      this.#dropExpired(deadline)
      return this.#find(copy)
    }
    return this.#steps.run(copy, find, (found) => step(heldOf(found)))
  }

  /** Runs `step` in its turn, without reading the copy. */
  unread<T>(copy: CopyId, step: () => T): MaybePromise<T> {
    return this.#steps.run(copy, () => undefined, step)
  }

  /** The sender has given the step up: running it would delay work that is still wanted. */
  #dropExpired(deadline: number): void {
    const { clock, counters, trace } = this.#node
    if (clock.now() < deadline) return
    counters.expired += 1
    trace.record('work-expired')
    throw new OperatingError('deadline-passed', 'the deadline passed before the write began')
  }

  #find(copy: CopyId): MaybePromise<Stored | 'rotten' | undefined> {
    try {
      const found = this.#get(copy)
      return found instanceof Promise ? found.catch(rottenOr) : found
    } catch (error) {
      return rottenOr(error)
    }
  }
}

function heldOf(found: Stored | 'rotten' | undefined): Held {
  if (found === undefined) return NOTHING_HELD
  if (found !== 'rotten') {
    const object = decodeObject(found.object)
    if (object !== undefined) return { object, stored: found, isRotten: false }
  }
  return ROTTEN
}
