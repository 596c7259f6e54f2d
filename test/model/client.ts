/** A client of the model: the contexts that it was given, and the requests that it may repeat. */
import type { Prng } from '../../src/base/prng.ts'
import { Context } from '../../src/dynamo/version/context.ts'
import type { ModelPut } from './cluster.ts'

const MEMORIES_MAX = 4
const REQUESTS_MAX = 4

/** The result of a get: the values and their context. */
export interface Memory {
  readonly shown: number
  readonly context: Context
  /** The requests to a repeat of which this was the answer. */
  readonly repeated: number
}

const SAW_NOTHING: Memory = { shown: 0, context: Context.empty, repeated: 0 }

export class Client {
  readonly #memories: Memory[] = []
  /** Requests that may be retried, their contexts unchanged. */
  readonly #requests: ModelPut[] = []

  onAnswer(memory: Memory): void {
    add(this.#memories, memory, MEMORIES_MAX)
  }

  onPut(put: ModelPut): void {
    add(this.#requests, put, REQUESTS_MAX)
  }

  /** No context, the newest, any, or two of them together. */
  recall(prng: Prng): Memory {
    const memories = this.#memories
    const draw = prng.below(100)
    const newest = memories[memories.length - 1]
    if (newest === undefined || draw < 15) return SAW_NOTHING
    if (draw < 70) return newest
    const one = prng.pick(memories)
    if (draw < 88) return one
    const other = prng.pick(memories)
    return {
      shown: one.shown | other.shown,
      context: one.context.join(other.context),
      repeated: one.repeated | other.repeated,
    }
  }

  /** A request to repeat; undefined where there is none. */
  repeat(prng: Prng): ModelPut | undefined {
    if (this.#requests.length === 0) return undefined
    return { ...prng.pick(this.#requests), isRepeat: true }
  }
}

function add<T>(list: T[], item: T, max: number): void {
  list.push(item)
  if (list.length > max) list.shift()
}
