/**
 * The path from one machine to another: its delays, and whether it is cut.
 *
 * A cut has a direction: data from `a` to `b` may be lost while data from `b` to `a` arrives. A
 * machine without power receives nothing. The options describe a healthy network; faults are
 * methods.
 */
import type { Prng } from '../../base/prng.ts'

export interface NetworkOptions {
  /** The shortest way between two machines. */
  readonly latencyMicrosMin: number
  /** Added to it, evenly drawn. */
  readonly latencyMicrosSpread: number
  /** In this part of cases up to `latencyMicrosTail` more. */
  readonly tailChance: number
  readonly latencyMicrosTail: number
  /** Microseconds that a byte takes on the wire. */
  readonly microsPerByte: number
  /** How often a written piece arrives cut at random places. */
  readonly cutChance: number
  /** How often it arrives together with the piece before it, where that is still under way. */
  readonly joinChance: number
  /** Bytes that the system holds for one direction: under way, or arrived and not yet read. */
  readonly windowBytes: number
  /** A connection whose bytes do not get through is given up between these two. */
  readonly giveUpMsMin: number
  readonly giveUpMsMax: number
}

export const NETWORK_DEFAULTS: NetworkOptions = {
  latencyMicrosMin: 150,
  latencyMicrosSpread: 350,
  tailChance: 0.01,
  latencyMicrosTail: 20_000,
  microsPerByte: 0.008,
  cutChance: 0.2,
  joinChance: 0.2,
  windowBytes: 64 * 1024,
  giveUpMsMin: 5_000,
  giveUpMsMax: 20_000,
}

/** From a machine to itself. */
const LOOPBACK_MICROS = 20

export class Paths {
  readonly options: NetworkOptions
  readonly prng: Prng
  readonly #cut = new Set<string>()
  readonly #slow = new Map<string, number>()
  readonly #stalledUntil = new Map<string, number>()
  readonly #down = new Set<number>()

  constructor(options: NetworkOptions, prng: Prng) {
    this.options = options
    this.prng = prng
  }

  /** Drawn anew for every piece. */
  latencyMicros(from: number, to: number): number {
    if (from === to) return LOOPBACK_MICROS
    const { latencyMicrosMin, latencyMicrosSpread, tailChance, latencyMicrosTail } = this.options
    let micros = latencyMicrosMin + this.prng.below(latencyMicrosSpread + 1)
    if (this.prng.chance(tailChance)) micros += this.prng.below(latencyMicrosTail + 1)
    if (this.#slow.size > 0) micros += this.#slow.get(label(from, to)) ?? 0
    return micros
  }

  isOpen(from: number, to: number): boolean {
    if (this.#down.size > 0 && (this.#down.has(from) || this.#down.has(to))) return false
    return this.#cut.size === 0 || !this.#cut.has(label(from, to))
  }

  /** The instant before which nothing that is under way arrives. */
  stalledUntil(from: number, to: number): number {
    return this.#stalledUntil.size === 0 ? 0 : (this.#stalledUntil.get(label(from, to)) ?? 0)
  }

  cut(from: number, to: number): void {
    this.#cut.add(label(from, to))
  }

  heal(from: number, to: number): void {
    this.#cut.delete(label(from, to))
  }

  stall(from: number, to: number, untilMicros: number): void {
    this.#stalledUntil.set(label(from, to), untilMicros)
  }

  slow(from: number, to: number, micros: number): void {
    if (micros === 0) this.#slow.delete(label(from, to))
    else this.#slow.set(label(from, to), micros)
  }

  /** Ends every cut, stall and slowness; power stays as it is. */
  healAll(): void {
    this.#cut.clear()
    this.#slow.clear()
    this.#stalledUntil.clear()
  }

  setPower(machine: number, isOn: boolean): void {
    if (isOn) this.#down.delete(machine)
    else this.#down.add(machine)
  }

  giveUpMicros(): number {
    const { giveUpMsMin, giveUpMsMax } = this.options
    return 1000 * (giveUpMsMin + this.prng.below(giveUpMsMax - giveUpMsMin + 1))
  }
}

function label(from: number, to: number): string {
  return `${from}>${to}`
}
