/**
 * Record what happens in a simulated world: a digest of everything, the last events, and counts.
 *
 * Two runs of one seed must have one digest; otherwise something outside the seed has an influence.
 * The digest covers facts with their fields, and every delivery and every disk call as a few
 * numbers. A failure prints the last events in fixed columns:
 *
 *     12.345678  node 2   warning  peer-away              member=3 reason=timeout
 *     seconds    who      weight   fact                   fields
 *
 * Why not: a cryptographic digest. Traces need no protection from forgery, and this one costs some
 * nanoseconds.
 */
import { FACTS, type Fact, type Fields, type Trace } from '../world/trace.ts'
import type { Scheduler } from './time/scheduler.ts'

interface Event {
  readonly micros: number
  /** Undefined where the world itself did it: a crash, a cut. */
  readonly node: number | undefined
  readonly weight: string
  readonly name: string
  readonly fields: Fields
}

const NO_FIELDS: Fields = {}
const EVENTS_KEPT = 200

export class SimTrace {
  readonly #scheduler: Scheduler
  readonly #counts = new Map<string, number>()
  readonly #watchers = new Map<string, ((fields: Fields, node: number) => void)[]>()
  /** A ring: the oldest is at `#written % EVENTS_KEPT` once it is full. */
  readonly #events: Event[] = []
  #written = 0
  // Two lanes of a multiply-and-rotate digest, read as one number of 64 bits.
  #low = 0x811c_9dc5 | 0
  #high = 0x9e37_79b9 | 0
  readonly #double = new Float64Array(1)
  readonly #halves = new Int32Array(this.#double.buffer)

  constructor(scheduler: Scheduler) {
    this.#scheduler = scheduler
  }

  get nowMicros(): number {
    return this.#scheduler.nowMicros
  }

  /** Calls `see` with the fields of each such fact to come, and with the node that recorded it. */
  watch(fact: Fact, see: (fields: Fields, node: number) => void): void {
    this.#watchers.set(fact, [...(this.#watchers.get(fact) ?? []), see])
  }

  /** The trace that one node is handed. */
  of(node: number): Trace {
    return {
      record: (fact, fields = NO_FIELDS) => {
        this.#record(node, FACTS[fact], fact, fields)
        for (const see of this.#watchers.get(fact) ?? []) see(fields, node)
      },
    }
  }

  /** Something that the world did to the nodes. */
  mark(name: string, fields: Fields = NO_FIELDS): void {
    this.#record(undefined, 'world', name, fields)
  }

  /** Adds to the digest only: for what happens too often to be kept. */
  mix(value: number): void {
    if ((value | 0) === value) this.#stir(value)
    else {
      this.#double[0] = value
      this.#stir(this.#halves[0] as number)
      this.#stir(this.#halves[1] as number)
    }
  }

  /** The same, with the instant. */
  mixNow(value: number): void {
    this.mix(this.#scheduler.nowMicros)
    this.mix(value)
  }

  /** A call by its name, with the instant. */
  mixCall(name: string): void {
    this.mix(this.#scheduler.nowMicros)
    this.#stirText(name)
  }

  /** How often that happened, on all nodes together; a mark counts under its own name. */
  count(name: Fact | (string & {})): number {
    return this.#counts.get(name) ?? 0
  }

  counts(): ReadonlyMap<string, number> {
    return this.#counts
  }

  /** Sixteen hexadecimal digits. */
  digest(): string {
    return hexOfWord(this.#high) + hexOfWord(this.#low)
  }

  /** The last events, oldest first, one a line. */
  lines(count: number = EVENTS_KEPT): readonly string[] {
    const kept = Math.min(count, this.#events.length)
    const lines: string[] = []
    for (let i = this.#written - kept; i < this.#written; i++) {
      lines.push(lineOf(this.#events[i % EVENTS_KEPT] as Event))
    }
    return lines
  }

  #record(node: number | undefined, weight: string, name: string, fields: Fields): void {
    const micros = this.#scheduler.nowMicros
    this.#counts.set(name, (this.#counts.get(name) ?? 0) + 1)
    this.#events[this.#written % EVENTS_KEPT] = { micros, node, weight, name, fields }
    this.#written += 1
    this.mix(micros)
    this.mix(node ?? -1)
    this.#stirText(name)
    for (const [key, value] of Object.entries(fields)) {
      this.#stirText(key)
      if (typeof value === 'string') this.#stirText(value)
      else this.mix(Number(value))
    }
  }

  #stirText(text: string): void {
    for (let i = 0; i < text.length; i++) this.#stir(text.charCodeAt(i))
    this.#stir(-1 - text.length)
  }

  #stir(word: number): void {
    this.#low = Math.imul(this.#low ^ word, 0x0100_0193)
    const turned = (this.#high << 5) | (this.#high >>> 27)
    this.#high = (Math.imul(turned ^ word, 0x85eb_ca6b) + this.#low) | 0
  }
}

function lineOf(event: Event): string {
  const time = (event.micros / 1_000_000).toFixed(6).padStart(12)
  const who = (event.node === undefined ? 'world' : `node ${event.node}`).padEnd(8)
  const fields = Object.entries(event.fields).map(([key, value]) => `${key}=${value}`)
  const what = `${event.weight.padEnd(8)} ${event.name.padEnd(22)}`
  return `${time}  ${who} ${what} ${fields.join(' ')}`.trimEnd()
}

function hexOfWord(word: number): string {
  return (word >>> 0).toString(16).padStart(8, '0')
}
