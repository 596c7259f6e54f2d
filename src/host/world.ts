/** The real world: clock, disk, network, entropy and trace of this machine. */
import type { Fields } from '../world/trace.ts'
import type { World } from '../world/world.ts'
import { hostClock } from './clock.ts'
import { hostDisk } from './disk.ts'
import { HostEntropy } from './entropy.ts'
import { hostNetwork } from './network.ts'
import { HostTrace, type TraceLevel } from './trace.ts'

export interface HostOptions {
  /** Facts of this weight and above are traced; `info` by default. */
  readonly traceLevel?: TraceLevel
  /** Fields of every traced line. */
  readonly traceFields?: Fields
  /**
   * Whether timers keep the process alive (see `clock.ts`); true by default. A server passes false,
   * because its listeners do.
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
