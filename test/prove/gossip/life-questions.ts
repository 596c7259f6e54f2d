/**
 * The questions of links for signs of life, as `src/node/cluster/life-signs.ts` asks them: each
 * member asks each other one every 400 ms, one question at a time, and the answer comes on the same
 * connection. It asks also where it has just heard, which is more often than links do.
 *
 * A question that a cut stops is sent again until it arrives, as TCP would.
 */
import type { NodeId } from '../../../src/dynamo/names.ts'
import type { Prng } from '../../../src/base/prng.ts'
import type { Input, SimulatedMember } from './simulated-member.ts'

const ASK_MS = 400
const AGAIN_MS = 1_000

/** What the cluster does for a question. */
export interface Carrier {
  now(): number
  at(at: number, run: () => void): void
  /** When a packet that is sent now arrives; undefined where a cut stops it. */
  arrival(from: SimulatedMember, to: SimulatedMember): number | undefined
  input(member: SimulatedMember, input: Input): void
}

interface Open {
  readonly askedAt: number
  /** Starts of both, so that no process answers what was asked of an earlier one. */
  readonly starts: number
}

export class LifeQuestions {
  readonly #carrier: Carrier
  readonly #prng: Prng
  readonly #members: SimulatedMember[] = []
  readonly #open = new Map<string, Open>()

  constructor(carrier: Carrier, prng: Prng) {
    this.#carrier = carrier
    this.#prng = prng
  }

  /** Links between it and those that were added before. */
  add(member: SimulatedMember): void {
    for (const other of this.#members) {
      this.#follow(member, other)
      this.#follow(other, member)
    }
    this.#members.push(member)
  }

  #follow(from: SimulatedMember, to: SimulatedMember): void {
    const again = (): void => {
      this.#tick(from, to)
      this.#carrier.at(this.#carrier.now() + ASK_MS, again)
    }
    this.#carrier.at(this.#carrier.now() + ASK_MS * this.#prng.unit(), again)
  }

  #tick(from: SimulatedMember, to: SimulatedMember): void {
    const { view } = from
    const now = this.#carrier.now()
    const { id } = to.record
    if (view === undefined || now < from.pausedUntil || from.waiting.length > 0) return
    const pair = `${from.number} ${to.number}`
    const open = this.#open.get(pair)
    const isOver = open?.starts !== from.start + to.start || view.avoidance.isClosed(id)
    if (open !== undefined && isOver) {
      this.#open.delete(pair)
      view.avoidance.onGivenUp(id)
    }
    if (this.#open.has(pair) || !view.members.has(id) || view.avoidance.isClosed(id)) return
    const asked = { askedAt: now, starts: from.start + to.start }
    this.#open.set(pair, asked)
    this.#input(from, ({ avoidance }) => avoidance.onAsked(id, now))
    this.#carry(from, to, () => {
      if (asked.starts !== from.start + to.start) return
      this.#input(to, () => {
        this.#carry(to, from, () => this.#answer(pair, asked, from, id))
      })
    })
  }

  #answer(pair: string, asked: Open, from: SimulatedMember, id: NodeId): void {
    if (this.#open.get(pair) !== asked) return
    this.#input(from, ({ avoidance }) => {
      if (this.#open.get(pair) !== asked) return
      this.#open.delete(pair)
      const now = this.#carrier.now()
      avoidance.onAnswered(id, now - asked.askedAt, now)
    })
  }

  /** Runs where the packet has arrived, however often it is sent. */
  #carry(from: SimulatedMember, to: SimulatedMember, run: () => void): void {
    const at = this.#carrier.arrival(from, to)
    if (at === undefined) {
      this.#carrier.at(this.#carrier.now() + AGAIN_MS, () => this.#carry(from, to, run))
    } else this.#carrier.at(at, run)
  }

  /** The avoidance changes; the view itself is not called. */
  #input(member: SimulatedMember, act: (view: Parameters<Input>[0]) => void): void {
    this.#carrier.input(member, (view) => {
      act(view)
      return []
    })
  }
}
