/** The real world: clock, disk, network, entropy and trace of this machine. */
import { keepFreedMemory } from '../native/allocator.ts'
import type { Fields } from '../world/trace.ts'
import type { World } from '../world/world.ts'
import { clientWorld } from './client-world.ts'
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
  /** Whether the process is a node's own, which keeps freed memory for its next messages. */
  readonly keepsMemory?: boolean
}

/** Freed bytes that a node's process keeps at most: some messages of the longest kind. */
const KEPT_BYTES = 64 * 1024 * 1024

export function hostWorld(options: HostOptions = {}): World {
  if (options.keepsMemory === true) keepFreedMemory(KEPT_BYTES)
  return {
    ...clientWorld(options.timersHold ?? true),
    trace: new HostTrace({
      level: options.traceLevel ?? 'info',
      ...(options.traceFields === undefined ? {} : { fields: options.traceFields }),
    }),
  }
}
