/**
 * The entry `everwrite/sim` for tests: a simulated world, and whole clusters in it.
 *
 * Your code runs on them as on real ones, and your test checks the result. Virtual time passes only
 * inside of `run`, `runUntil` and `complete`, as fast as the processor can:
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
 * | to | use |
 * |---|---|
 * | change a machine, its disk, its clock, a path | `SimWorld`, and its `disk(machine)` |
 * | start, end or connect to a node | `Cluster` |
 * | check what your clients were shown | `History`, and the checkers over it |
 * | do what `everwrite simulate` does | `drawScenario`, `simulate`, `shrink` |
 * | check a storage engine of yours | `simulatedSubject` |
 * | print a failure as it does | `scenarioLines`, `resultLines`, `replayCommand` |
 *
 * | folder or file | what it is for |
 * |---|---|
 * | `seed/` | one seed: chaos, quiet, verdict; how it is shrunk and reported |
 * | `faults/` | draws and injects faults |
 * | `cluster/` | the nodes, their operator, and the account of damaged disks |
 * | `history/`, `checkers/` | operations of clients and their results; the checkers of them |
 * | `time/`, `disk/`, `network/` | a simulated process and its clock, its disk, its connections |
 * | `engine-subject.ts` | one engine on a simulated disk, for the conformance suite |
 * | `world.ts`, `trace.ts` | all machines; their events, and a digest of these |
 * | `scenario.ts` | the scenario that a seed draws: cluster, clients, faults |
 *
 * A seed repeats exactly on one build if your code takes its random numbers from `world.prng(name)`
 * and its time from `world.nowMs`. A false assertion in a node throws into its caller and so ends
 * the process, as it should in a test.
 */
export { Bounds } from './checkers/bounds.ts'
export { ClusterKeysChecker } from './checkers/cluster-keys.ts'
export { checkCausality } from './checkers/causality.ts'
export { checkDurability, type Final } from './checkers/durability.ts'
export { checkLiveness, type LivenessBounds } from './checkers/liveness.ts'
export { MembershipChecker, type SeenMembers } from './checkers/membership.ts'
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
