/**
 * A simulated world: machines with disks and clocks, a network between them, and one seed.
 *
 *     const sim = new SimWorld({ seed: 7 })
 *     const node = new Node(sim.start(1), config)     // ordinary code over `World`
 *     await sim.complete(node.ready(), 10_000)        // virtual time passes until it is
 *     sim.crash(1)                                    // its power goes
 *     const again = new Node(sim.start(1), config)    // what was synced is there
 *
 * Machines are numbers, made as they are first named. On each runs at most one process at a time;
 * `start` begins one and returns its world. No fault happens unless a caller asks for it; `faults/`
 * decides which, when and how many.
 *
 * Invariant: the seed and the calls on this object, in order and at their virtual instants, decide
 * everything. Every part draws from a generator of its own, derived from the seed by name, so one
 * more draw in one place changes no other.
 */
import { assert } from '../base/assert.ts'
import { Prng } from '../base/prng.ts'
import type { World } from '../world/world.ts'
import { SimClock, type WallClock } from './time/clock.ts'
import { ProcessDisk } from './disk/process-disk.ts'
import { type DiskOptions, SimDisk } from './disk/disk.ts'
import { SimEntropy } from './entropy.ts'
import { SimProcess } from './time/sim-process.ts'
import { SimNetwork } from './network/network.ts'
import type { NetworkOptions } from './network/path.ts'
import { Scheduler } from './time/scheduler.ts'
import { SimTrace } from './trace.ts'

export interface SimWorldOptions {
  /** A whole number from 0. */
  readonly seed: number
  readonly network?: Partial<NetworkOptions>
  readonly disk?: Partial<DiskOptions>
  /** Clocks run at most this much fast or slow; 1 in 10,000 unless told. */
  readonly driftMax?: number
}

interface Machine {
  readonly disk: SimDisk
  readonly entropy: SimEntropy
  readonly wall: WallClock
  /** Of its clock: local seconds in a virtual one. */
  rate: number
  running: { readonly process: SimProcess; readonly clock: SimClock } | undefined
}

const DRIFT_MAX = 1e-4
const MACHINES_MAX = 65_000

export class SimWorld {
  readonly seed: number
  readonly scheduler: Scheduler = new Scheduler()
  readonly trace: SimTrace = new SimTrace(this.scheduler)
  readonly network: SimNetwork
  readonly #options: SimWorldOptions
  readonly #machines = new Map<number, Machine>()

  constructor(options: SimWorldOptions) {
    this.seed = options.seed
    this.#options = options
    const prng = Prng.of(options.seed, 'network')
    this.network = new SimNetwork(prng, this.trace, options.network)
  }

  // Time.

  get nowMs(): number {
    return this.scheduler.nowMs
  }

  /** Lets `ms` of virtual time pass. */
  run(ms: number): Promise<void> {
    return this.scheduler.run(ms)
  }

  /** Goes on until `isDone` says so; false where `limitMs` have passed first. */
  runUntil(isDone: () => boolean, limitMs: number): Promise<boolean> {
    return this.scheduler.runUntil(isDone, limitMs)
  }

  /** Goes on until `promise` settles, and returns what it brought; throws after `limitMs`. */
  complete<Value>(promise: Promise<Value>, limitMs = 60_000): Promise<Value> {
    return this.scheduler.complete(promise, limitMs)
  }

  /** Calls `run` after so much virtual time, also if nodes end meanwhile. */
  after(ms: number, run: () => void): void {
    this.scheduler.at(this.scheduler.nowMicros + Math.round(ms * 1000), run)
  }

  /** A generator for one more use, kept apart from all others by its name. */
  prng(name: string): Prng {
    return Prng.of(this.seed, name)
  }

  // The life of a process.

  /** The address of a machine: in 127.0.0.0/8, so that binding to it counts as loopback. */
  hostOf(machine: number): string {
    assert(machine >= 0 && machine < MACHINES_MAX, 'so many machines can be named')
    const place = machine + 1
    return `127.0.${place >> 8}.${place & 255}`
  }

  /** Begins a process on a machine that has none, and returns its world. */
  start(number: number): World {
    const machine = this.#machineOf(number)
    assert(machine.running === undefined, 'one process at a time runs on a machine')
    const process = new SimProcess(this.scheduler, number)
    const clock = new SimClock(process, machine.wall, machine.rate)
    machine.running = { process, clock }
    this.network.powerOn(number)
    this.trace.mark('start', { machine: number })
    return {
      clock,
      disk: new ProcessDisk(machine.disk, process),
      network: this.network.of(process),
      entropy: machine.entropy,
      trace: this.trace.of(number),
    }
  }

  isRunning(number: number): boolean {
    return this.#machines.get(number)?.running !== undefined
  }

  isPaused(number: number): boolean {
    return this.#machines.get(number)?.running?.process.isPaused === true
  }

  /** Ends the process, as `kill -9` does: the machine's page cache stays. */
  kill(number: number): void {
    const { machine, process } = this.#running(number)
    this.trace.mark('kill', { machine: number })
    machine.running = undefined
    process.end()
    this.network.end(process, false)
    machine.disk.interrupt()
  }

  /** Takes the machine's power: unsynced bytes and names stay in part, and peers are not told. */
  crash(number: number): void {
    const { machine, process } = this.#running(number)
    this.trace.mark('crash', { machine: number })
    machine.running = undefined
    process.end()
    this.network.end(process, true)
    machine.disk.crash()
  }

  /** A crash, where a process runs, and a new process. */
  restart(number: number): World {
    if (this.isRunning(number)) this.crash(number)
    return this.start(number)
  }

  /** The process stands still, and what is meant for it waits; its machine's network does not. */
  pause(number: number): void {
    this.trace.mark('pause', { machine: number })
    this.#running(number).process.pause()
  }

  resume(number: number): void {
    this.trace.mark('resume', { machine: number })
    this.#running(number).process.resume()
  }

  /** Puts an empty disk into a machine on which nothing runs. */
  wipe(number: number): void {
    const machine = this.#machineOf(number)
    assert(machine.running === undefined, 'a disk is changed while nothing runs')
    this.trace.mark('wipe', { machine: number })
    machine.disk.wipe()
  }

  // The parts of a machine, and what may be done to them.

  /** Its faults are armed there; what it does for a node is in that node's world. */
  disk(number: number): SimDisk {
    return this.#machineOf(number).disk
  }

  /** Local seconds in a virtual one, from now on and after restarts. */
  setClockRate(number: number, rate: number): void {
    const machine = this.#machineOf(number)
    machine.rate = rate
    machine.running?.clock.setRate(rate)
  }

  /** Its monotonic time leaps forward; timers that come due by it fire. */
  leapClock(number: number, ms: number): void {
    this.trace.mark('clock-leap', { machine: number, ms })
    this.#machineOf(number).running?.clock.leap(ms)
  }

  /** Its date moves by `ms`, either way, and stays so. */
  stepWallTime(number: number, ms: number): void {
    this.trace.mark('wall-step', { machine: number, ms })
    this.#machineOf(number).wall.offsetMs += ms
  }

  // The network between machines.

  /** Nothing gets through between `a` and `b`, in either direction. */
  cut(a: number, b: number): void {
    this.cutOneWay(a, b)
    this.cutOneWay(b, a)
  }

  /** Nothing gets from `from` to `to`; the other direction is as it was. */
  cutOneWay(from: number, to: number): void {
    this.trace.mark('cut', { from, to })
    this.network.cutOneWay(from, to)
  }

  /** Cuts every machine of `some` off from every other machine, so far known. */
  isolate(some: readonly number[]): void {
    for (const a of some) {
      for (const b of this.#machines.keys()) if (!some.includes(b)) this.cut(a, b)
    }
  }

  healBetween(a: number, b: number): void {
    this.trace.mark('heal', { from: a, to: b })
    this.network.healOneWay(a, b)
    this.network.healOneWay(b, a)
  }

  /** Heals every cut, and ends every slowness. */
  heal(): void {
    this.trace.mark('heal-all')
    this.network.healAll()
  }

  #running(number: number): { readonly machine: Machine; readonly process: SimProcess } {
    const machine = this.#machineOf(number)
    assert(machine.running !== undefined, 'a process runs on the machine')
    return { machine, process: machine.running.process }
  }

  #machineOf(number: number): Machine {
    let machine = this.#machines.get(number)
    if (machine === undefined) {
      const drift = (2 * this.prng(`clock:${number}`).unit() - 1) * this.#driftMax
      machine = {
        disk: new SimDisk(this.prng(`disk:${number}`), this.trace, this.#options.disk),
        entropy: new SimEntropy(this.prng(`entropy:${number}`)),
        wall: { offsetMs: 0 },
        rate: 1 + drift,
        running: undefined,
      }
      this.#machines.set(number, machine)
      this.network.addMachine(number, this.hostOf(number))
    }
    return machine
  }

  get #driftMax(): number {
    return this.#options.driftMax ?? DRIFT_MAX
  }
}
