/** The five real ones together. */
import type { Fields } from '../world/trace.ts'
import type { World } from '../world/world.ts'
import { hostClock } from './clock.ts'
import { hostDisk } from './disk.ts'
import { HostEntropy } from './entropy.ts'
import { hostNetwork } from './network.ts'
import { HostTrace, type TraceLevel } from './trace.ts'

export interface HostOptions {
  /** What is traced: this and all that weighs more; `info` unless told. */
  readonly traceLevel?: TraceLevel
  /** Fields of every traced line. */
  readonly traceFields?: Fields
  /**
   * Whether a timer that waits keeps the process alive; true unless told. A server says false: it
   * lives by its listeners (see `clock.ts`).
   */
  readonly timersHold?: boolean
}

export function hostWorld(options: HostOptions = {}): World {
  return {
    clock: hostClock(options.timersHold ?? true),
    disk: hostDisk,
    network: hostNetwork,
    entropy: new HostEntropy(),
    trace: new HostTrace({
      level: options.traceLevel ?? 'info',
      ...(options.traceFields === undefined ? {} : { fields: options.traceFields }),
    }),
  }
}
