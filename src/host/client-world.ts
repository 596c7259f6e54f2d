/**
 * The real world as a client needs it: that of a node (`world.ts`), with a trace without output.
 *
 * It is a file of its own because importing the logger takes a tenth of a command's start.
 */
import type { World } from '../world/world.ts'
import { hostClock } from './clock.ts'
import { hostDisk } from './disk.ts'
import { HostEntropy } from './entropy.ts'
import { hostNetwork } from './network.ts'

/** Where `timersHold`, timers keep the process alive (see `clock.ts`). */
export function clientWorld(timersHold = true): World {
  return {
    clock: hostClock(timersHold),
    disk: hostDisk,
    network: hostNetwork,
    entropy: new HostEntropy(),
    trace: { record: () => {} },
  }
}
