/**
 * What the workers of one node share, and how a piece of work ends.
 *
 * Work ends by a call-back with a result or an operating error: on the hot path a promise for each
 * step would cost more than the step.
 */
import { OperatingError } from '../base/errors.ts'
import type { Config } from '../config.ts'
import type { ContextSeal } from '../dynamo/version/context-seal.ts'
import type { MaybePromise } from '../store/engine.ts'
import type { World } from '../world/world.ts'
import type { Peers } from './cluster/peers.ts'
import type { Replica } from './replica/replica.ts'
import type { Counters } from './report.ts'
import type { Topology } from './cluster/topology.ts'

export interface Parts {
  readonly config: Config
  readonly world: World
  readonly topology: Topology
  readonly replica: Replica
  readonly peers: Peers
  readonly seal: ContextSeal
  readonly counters: Counters
}

/** Called once, with what was asked for or with why not. */
export type Settle<T> = (result: T | OperatingError) => void

export function isFailure<T>(result: T | OperatingError): result is OperatingError {
  return result instanceof OperatingError
}

/**
 * Runs `work` and hands on its result, at once where it is there at once. An operating error is a
 * result; anything else that is thrown is a broken belief and is left to end the process.
 */
export function settleSoon<T>(work: () => MaybePromise<T>, settle: Settle<T>): void {
  let result: T | OperatingError
  try {
    const soon = work()
    if (soon instanceof Promise) {
      void soon.then(settle, (error: unknown) => settle(operatingError(error)))
      return
    }
    result = soon
  } catch (error) {
    result = operatingError(error)
  }
  settle(result)
}

function operatingError(error: unknown): OperatingError {
  if (error instanceof OperatingError) return error
  throw error
}
