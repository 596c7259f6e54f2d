/** What a test may import of the simulated world, ours or a user's. */
export { SimClock, WALL_EPOCH_MS } from './clock.ts'
export type { DiskCall, DiskFault, DiskFile, DiskOptions, SimDisk } from './disk.ts'
export type { SimNetwork } from './network.ts'
export type { NetworkOptions } from './path.ts'
export type { Scheduler, Wakeup } from './scheduler.ts'
export type { SimTrace } from './trace.ts'
export { SimWorld, type SimWorldOptions } from './world.ts'
