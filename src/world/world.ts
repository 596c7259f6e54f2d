/** The world of a node: clock, disk, network, entropy and trace. A node uses nothing else. */
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
