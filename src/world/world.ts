/** The five together: all that is outside a node. */
import type { Clock } from './clock.ts'
import type { Disk } from './disk.ts'
import type { Entropy } from './entropy.ts'
import type { Network } from './network.ts'
import type { Trace } from './trace.ts'

export interface World {
  readonly clock: Clock
  readonly disk: Disk
  readonly network: Network
  readonly entropy: Entropy
  readonly trace: Trace
}
