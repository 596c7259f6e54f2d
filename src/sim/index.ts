/**
 * What a test may import as `everwrite/sim`: a simulated world, and whole clusters in it.
 *
 * Your own code runs on them as on real ones, and you judge by your own rules what it did. Virtual
 * time passes only inside of `run`, `runUntil` and `complete`, as fast as the processor can:
 *
 *     import { deepEqual } from 'node:assert/strict'
 *     import { json } from 'everwrite'
 *     import { Cluster, SimWorld } from 'everwrite/sim'
 *
 *     const world = new SimWorld({ seed: 7 })
 *     const cluster = new Cluster(world, { nodes: 3 })
 *     await cluster.startAll()
 *     const client = await world.complete(cluster.connect())
 *     const carts = client.bucket('carts', { codec: json() })
 *     const add = (item) => carts.update('anna', (found) => [...new Set([...found.flat(), item])])
 *     await world.complete(add('tea'))
 *     world.after(1, () => cluster.crash(1)) // its power goes while the next is being written
 *     await world.complete(add('milk'))
 *     await world.complete(cluster.start(1))
 *     for (const machine of cluster.machines) cluster.crash(machine) // and that of all
 *     await cluster.startAll()
 *     const { siblings } = await world.complete(carts.get('anna'))
 *     deepEqual(new Set(siblings.flat()), new Set(['tea', 'milk'])) // nothing put in is lost
 *
 * | to do | take |
 * |---|---|
 * | something to a machine, its disk, its clock, a path | `SimWorld`, and its `disk(machine)` |
 * | something to a node, or be its client | `Cluster` |
 * | judge what clients of yours saw | `History`, and the checkers over it |
 * | what `everwrite simulate` does | `drawScenario`, `simulate`, `shrink` |
 * | check a storage engine of yours | `simulatedSubject` |
 * | tell a failure as it does | `scenarioLines`, `resultLines`, `replayCommand` |
 *
 * | folder or file | what it is for |
 * |---|---|
 * | `seed/` | one seed: chaos, quiet, verdict; how it is shrunk and reported |
 * | `faults/` | what goes wrong, and when |
 * | `cluster/` | the nodes, their operator, and the account of damaged disks |
 * | `history/`, `checkers/` | what clients saw; the judgement of it |
 * | `time/`, `disk/`, `network/` | a simulated process and its clock, its disk, its connections |
 * | `engine-subject.ts` | one engine on a simulated disk, for the conformance suite |
 * | `world.ts`, `trace.ts` | the machines together; what they did, and its digest |
 * | `scenario.ts` | what a seed draws: cluster, clients, faults |
 *
 * One seed does the same each time, on one build, if what is yours is of the seed too: chance by
 * `world.prng(name)`, time by `world.nowMs`. A node that breaks a belief throws out of whatever
 * called it, and so ends the process, as it should in a test.
 */
export { Bounds } from './checkers/bounds.ts'
export { checkCausality } from './checkers/causality.ts'
export { checkDurability, type Final } from './checkers/durability.ts'
export { checkLiveness, type LivenessBounds } from './checkers/liveness.ts'
export { Recovery } from './checkers/recovery.ts'
export { SimClock, WALL_EPOCH_MS } from './time/clock.ts'
export { simulatedSubject } from './engine-subject.ts'
export { Cluster, type ClusterOptions } from './cluster/cluster.ts'
export type { DiskCall, DiskFault, DiskFile, DiskOptions, SimDisk } from './disk/disk.ts'
export { History, type ReadEvent, type WriteEvent } from './history/history.ts'
export type { SimNetwork } from './network/network.ts'
export type { NetworkOptions } from './network/path.ts'
export { replayCommand, resultLines, scenarioLines } from './seed/report.ts'
export type { Scheduler, Wakeup } from './time/scheduler.ts'
export { drawScenario, FAULT_KINDS, type FaultKind, type Mix, type Scenario } from './scenario.ts'
export { shrink, type Shrunk, type ShrinkOptions } from './seed/shrink.ts'
export { simulate, type SimulateOptions, type SimulateResult, type SoFar } from './seed/simulate.ts'
export type { SimTrace } from './trace.ts'
export { SimWorld, type SimWorldOptions } from './world.ts'
