/**
 * The network between simulated machines: TCP as a program sees it, with all its faults.
 *
 * Each machine has a number and a host name; connections between them are pairs of streams
 * (`stream.ts`) over paths (`path.ts`). Random draws decide how long pieces take, where they are
 * cut and how much of unfinished data arrives, never whether a fault happens. Faults are methods:
 *
 *     cut, heal         nothing gets through, in one direction or both; stuck pieces are sent again
 *     stall, slow       bytes stop for a time, or take longer; the connection stays
 *     reset             both ends get an error, each after an unknown part of the data under way
 *     breakSilently     one end dies, and the other gets an error when it next sends
 */
import { assert } from '../../base/assert.ts'
import { OperatingError } from '../../base/errors.ts'
import type { Prng } from '../../base/prng.ts'
import {
  addressLabel,
  type Address,
  type Connection,
  type Listener,
  type Network,
} from '../../world/network.ts'
import { SimConnection } from './connection.ts'
import { systemFailure } from '../system-error.ts'
import type { SimProcess } from '../time/sim-process.ts'
import { NETWORK_DEFAULTS, type NetworkOptions, Paths } from './path.ts'
import type { SimTrace } from '../trace.ts'

const EPHEMERAL_PORT_FIRST = 32_768
const PORTS = 65_536
/** A first packet that is lost is sent again after a second, then after twice as long. */
const CONNECT_AGAIN_MICROS = 1_000_000
const WILDCARDS: ReadonlySet<string> = new Set(['0.0.0.0', '::'])

interface Link {
  readonly client: SimConnection
  readonly server: SimConnection
}

interface OpenListener {
  readonly process: SimProcess
  readonly onConnection: (connection: Connection) => void
}

interface Machine {
  readonly number: number
  readonly host: string
  readonly listeners: Map<number, OpenListener>
  nextPort: number
}

/** One `connect` under way. */
interface Attempt {
  readonly process: SimProcess
  readonly address: Address
  readonly resolve: (connection: Connection) => void
  readonly reject: (error: Error) => void
  hasEnded: boolean
}

export class SimNetwork {
  readonly #paths: Paths
  readonly #trace: SimTrace
  readonly #machines = new Map<number, Machine>()
  readonly #byHost = new Map<string, Machine>()
  readonly #links = new Set<Link>()
  #chunksDelivered = 0
  #bytesDelivered = 0

  constructor(prng: Prng, trace: SimTrace, options: Partial<NetworkOptions> = {}) {
    this.#paths = new Paths({ ...NETWORK_DEFAULTS, ...options }, prng)
    this.#trace = trace
  }

  /** Handed to `onData` so far. */
  get chunksDelivered(): number {
    return this.#chunksDelivered
  }

  get bytesDelivered(): number {
    return this.#bytesDelivered
  }

  /** Connections of which at least one end is open. */
  get connections(): number {
    return this.#links.size
  }

  addMachine(number: number, host: string): void {
    assert(!this.#byHost.has(host), 'a host name belongs to one machine')
    const machine = { number, host, listeners: new Map(), nextPort: EPHEMERAL_PORT_FIRST }
    this.#machines.set(number, machine)
    this.#byHost.set(host, machine)
  }

  /** The network as this process sees it. */
  of(process: SimProcess): Network {
    const machine = this.#machineOf(process.node)
    return {
      listen: (address, onConnection) => this.#listen(machine, process, address, onConnection),
      connect: (address, timeoutMs, signal) =>
        this.#connect(machine, process, address, timeoutMs, signal),
    }
  }

  /** The process has ended: its listeners and connections go with it. */
  end(process: SimProcess, isPowerLost: boolean): void {
    const machine = this.#machineOf(process.node)
    if (isPowerLost) this.#paths.setPower(process.node, false)
    for (const [port, listener] of machine.listeners) {
      if (listener.process === process) machine.listeners.delete(port)
    }
    for (const { client, server } of this.#links) {
      if (client.process === process) client.vanish(isPowerLost)
      if (server.process === process) server.vanish(isPowerLost)
    }
  }

  /** The machine has power again: what others still send to it arrives, and is answered. */
  powerOn(number: number): void {
    this.#paths.setPower(number, true)
    this.#resend()
  }

  /** Nothing gets from `from` to `to` until it is healed. */
  cutOneWay(from: number, to: number): void {
    this.#paths.cut(from, to)
  }

  healOneWay(from: number, to: number): void {
    this.#paths.heal(from, to)
    this.#resend()
  }

  /** Ends every cut, stall and slowness. */
  healAll(): void {
    this.#paths.healAll()
    this.#resend()
  }

  /** Bytes under way from `from` to `to`, and those written meanwhile, wait for `ms`. */
  stall(from: number, to: number, ms: number): void {
    const until = this.#trace.nowMicros + Math.round(ms * 1000)
    this.#paths.stall(from, to, until)
  }

  /** Every piece from `from` to `to` takes so much longer; 0 ends it. */
  slow(from: number, to: number, ms: number): void {
    this.#paths.slow(from, to, Math.round(ms * 1000))
  }

  /** Resets every connection between the two; returns how many there were. */
  reset(a: number, b: number): number {
    const links = this.#between(a, b)
    for (const { client } of links) client.reset()
    return links.length
  }

  /** Every connection between the two dies at `a`, and `b` is not told. */
  breakSilently(a: number, b: number): number {
    const links = this.#between(a, b)
    for (const { client, server } of links) {
      if (client.process.node === a) client.breakSilently()
      else server.breakSilently()
    }
    return links.length
  }

  #machineOf(number: number): Machine {
    const machine = this.#machines.get(number)
    assert(machine !== undefined, 'the machine is known to the network')
    return machine
  }

  #between(a: number, b: number): readonly Link[] {
    return [...this.#links].filter(({ client, server }) => {
      const [from, to] = [client.process.node, server.process.node]
      return (from === a && to === b) || (from === b && to === a)
    })
  }

  #resend(): void {
    for (const { client } of this.#links) client.resend()
  }

  #listen(
    machine: Machine,
    process: SimProcess,
    address: Address,
    onConnection: (connection: Connection) => void,
  ): Promise<Listener> {
    return new Promise((resolve, reject) => {
      process.soon(() => {
        const isOwn = address.host === machine.host || WILDCARDS.has(address.host)
        if (!isOwn) return reject(systemFailure('EADDRNOTAVAIL', 'listen'))
        const port = address.port === 0 ? freePort(machine) : address.port
        if (machine.listeners.has(port)) {
          const label = addressLabel({ host: address.host, port })
          return reject(new OperatingError('address-taken', `${label} is in use`))
        }
        const listener: OpenListener = { process, onConnection }
        machine.listeners.set(port, listener)
        const close = (): Promise<void> => {
          if (machine.listeners.get(port) === listener) machine.listeners.delete(port)
          return new Promise((closed) => process.soon(closed))
        }
        resolve({ address: { host: address.host, port }, close })
      })
    })
  }

  #connect(
    machine: Machine,
    process: SimProcess,
    address: Address,
    timeoutMs: number,
    signal: AbortSignal | undefined,
  ): Promise<Connection> {
    return new Promise((resolve, reject) => {
      const ending = <Value>(act: (value: Value) => void): ((value: Value) => void) => {
        return (value) => {
          attempt.hasEnded = true
          timeout.cancel()
          signal?.removeEventListener('abort', onAbort)
          act(value)
        }
      }
      const timeoutAt = process.scheduler.nowMicros + Math.ceil(timeoutMs * 1000)
      const timeout = process.at(timeoutAt, () => {
        attempt.reject(systemFailure('ETIMEDOUT', 'connect'))
      })
      const onAbort = (): void => attempt.reject(systemFailure('ECANCELED', 'connect'))
      signal?.addEventListener('abort', onAbort)
      const attempt: Attempt = {
        process,
        address,
        resolve: ending(resolve),
        reject: ending(reject),
        hasEnded: false,
      }
      if (signal?.aborted === true) onAbort()
      else this.#sendFirstPacket(machine, attempt, CONNECT_AGAIN_MICROS)
    })
  }

  /** Sends the first packet, and again later where it or its answer is lost. */
  #sendFirstPacket(machine: Machine, attempt: Attempt, againMicros: number): void {
    const { process, address } = attempt
    const scheduler = process.scheduler
    const target = WILDCARDS.has(address.host) ? machine : this.#byHost.get(address.host)
    if (target === undefined) {
      process.soon(() => attempt.reject(systemFailure('ENOTFOUND', 'connect')))
      return
    }
    const [from, to] = [machine.number, target.number]
    scheduler.at(scheduler.nowMicros + this.#paths.latencyMicros(from, to), () => {
      if (attempt.hasEnded || process.isEnded) return
      if (this.#paths.isOpen(from, to) && this.#paths.isOpen(to, from)) {
        this.#answer(machine, target, attempt)
        return
      }
      scheduler.at(scheduler.nowMicros + againMicros, () => {
        if (!attempt.hasEnded && !process.isEnded)
          this.#sendFirstPacket(machine, attempt, 2 * againMicros)
      })
    })
  }

  #answer(machine: Machine, target: Machine, attempt: Attempt): void {
    const { process, address } = attempt
    const back =
      process.scheduler.nowMicros + this.#paths.latencyMicros(target.number, machine.number)
    const listener = target.listeners.get(address.port)
    if (listener === undefined) {
      process.at(back, () => {
        if (!attempt.hasEnded) attempt.reject(systemFailure('ECONNREFUSED', 'connect'))
      })
      return
    }
    const remote = { host: machine.host, port: takePort(machine) }
    const { client, server } = this.#join(attempt, listener, remote, back)
    listener.process.enter(() => {
      if (!server.isClosed) listener.onConnection(server)
    })
    process.at(back, () => {
      if (attempt.hasEnded) client.destroy()
      else attempt.resolve(client)
    })
  }

  #join(attempt: Attempt, listener: OpenListener, remote: Address, knownMicros: number): Link {
    const onClosed = (): void => {
      if (client.isClosed && server.isClosed) this.#links.delete(link)
    }
    const client = new SimConnection(attempt.process, this.#paths, attempt.address, onClosed)
    const server = new SimConnection(listener.process, this.#paths, remote, onClosed)
    const link = { client, server }
    const onDelivery = (bytes: number): void => {
      this.#chunksDelivered += 1
      this.#bytesDelivered += bytes
      this.#trace.mixNow(bytes)
    }
    SimConnection.join(client, server, knownMicros, onDelivery)
    this.#links.add(link)
    return link
  }
}

function takePort(machine: Machine): number {
  const port = machine.nextPort
  machine.nextPort = port + 1 < PORTS ? port + 1 : EPHEMERAL_PORT_FIRST
  return port
}

function freePort(machine: Machine): number {
  let port = takePort(machine)
  while (machine.listeners.has(port)) port = takePort(machine)
  return port
}
