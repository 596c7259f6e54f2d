/**
 * What a test may import as `everwrite/sim`: a simulated world, ours or a user's, and whole
 * clusters in it.
 *
 *     import { Cluster, SimWorld } from 'everwrite/sim'
 *
 *     const world = new SimWorld({ seed: 7 })
 *     const cluster = new Cluster(world, { nodes: 3 })
 *     await cluster.startAll()
 *     cluster.crash(2)
 */
export { Bounds } from './checkers/bounds.ts'
export { Recovery } from './checkers/recovery.ts'
export { SimClock, WALL_EPOCH_MS } from './clock.ts'
export { Cluster, type ClusterOptions } from './cluster.ts'
export type { DiskCall, DiskFault, DiskFile, DiskOptions, SimDisk } from './disk.ts'
export { History, type ReadEvent, type WriteEvent } from './history.ts'
export type { SimNetwork } from './network.ts'
export type { NetworkOptions } from './path.ts'
export type { Scheduler, Wakeup } from './scheduler.ts'
export { drawScenario, FAULT_KINDS, type FaultKind, type Mix, type Scenario } from './scenario.ts'
export { shrink, type Shrunk } from './shrink.ts'
export { simulate, type SimulateOptions, type SimulateResult } from './simulate.ts'
export type { SimTrace } from './trace.ts'
export { SimWorld, type SimWorldOptions } from './world.ts'
