/**
 * Runs the steps on a copy one after another; those on different copies do not wait for each
 * other. (Two places of one key are two copies.)
 *
 * A step first finds the present copy and then acts on it. Where the copy is in memory both happen
 * within the call. Where it must be read from the disk, later steps on the same key wait:
 * else two of them would start from one copy and the second would undo the first.
 */
import { latin1Of } from '../../base/bytes.ts'
import type { MaybePromise } from '../../base/deliver.ts'
import { OperatingError } from '../../base/errors.ts'
import type { CopyId } from '../../dynamo/names.ts'
import { WAITERS_PER_KEY_MAX } from '../../limits.ts'

export class KeySteps {
  /** Keys with a step that is not done, and how each waiting step is told that it is next. */
  readonly #busy = new Map<string, (() => void)[]>()

  /** Steps that wait, at the key where most do. */
  get waitersOfKey(): number {
    let most = 0
    for (const waiters of this.#busy.values()) most = Math.max(most, waiters.length)
    return most
  }

  /** Whether any step is not done. */
  get hasAny(): boolean {
    return this.#busy.size > 0
  }

  /** Whether a step on the copy is not done. */
  isBusy(copy: CopyId): boolean {
    return this.#busy.has(mapKeyOf(copy))
  }

  /** Fails with `overloaded`, or with what `find` and `step` throw. */
  run<Found, T>(
    copy: CopyId,
    find: () => MaybePromise<Found>,
    step: (found: Found) => T,
  ): MaybePromise<T> {
    if (this.#busy.size > 0) {
      const key = mapKeyOf(copy)
      const waiters = this.#busy.get(key)
      if (waiters !== undefined) return this.#runAfter(key, waiters, find, step)
    }
    const found = find()
    if (!(found instanceof Promise)) return step(found)
    const key = mapKeyOf(copy)
    this.#busy.set(key, [])
    return this.#finish(key, () => found, step)
  }

  async #runAfter<Found, T>(
    key: string,
    waiters: (() => void)[],
    find: () => MaybePromise<Found>,
    step: (found: Found) => T,
  ): Promise<T> {
    if (waiters.length >= WAITERS_PER_KEY_MAX) {
      throw new OperatingError('overloaded', 'too many writes wait for this key; try again later')
    }
    await new Promise<void>((resolve) => waiters.push(resolve))
    return this.#finish(key, find, step)
  }

  async #finish<Found, T>(
    key: string,
    find: () => MaybePromise<Found>,
    step: (found: Found) => T,
  ): Promise<T> {
    try {
      return step(await find())
    } finally {
      const next = this.#busy.get(key)?.shift()
      if (next === undefined) this.#busy.delete(key)
      else next()
    }
  }
}

/** Distinct for distinct copies; for keys of a Map. */
export function mapKeyOf({ place, bucketId, name: { bucket, key } }: CopyId): string {
  return `${place}${bucketId.creation}${bucket.length} ${latin1Of(bucket)}${latin1Of(key)}`
}
