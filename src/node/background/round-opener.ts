/**
 * Opens a round when the last one is old, and takes all members through its steps (docs/design.md
 * 3.6). Any member may; openers that collide wait a random time.
 *
 *     ask all where they stand ─► open ─► a second for writes to end ─► the same starts still?
 *     ─► agree ─► close ─► cover ─► adopt
 *
 * All are the members of the ring, and those outside of it: they give dots and keep hints too. A
 * round that was opened without a member would take its start for one that has ended, so each
 * member must agree that it knows of no other.
 *
 * A member that does not answer, or that has restarted, voids the round. What was closed stays
 * closed, and the next round has a higher number.
 */
import { type Deliver, isFailure } from '../../base/deliver.ts'
import { readU32 } from '../../base/bytes.ts'
import { isOperatingError, OperatingError } from '../../base/errors.ts'
import type { NodeId, Start } from '../../dynamo/names.ts'
import { makeFloor, type RoundFloor } from '../../dynamo/repair/round.ts'
import { FLOOR_STARTS_MAX } from '../../limits.ts'
import type { Clock, Timer } from '../../world/clock.ts'
import type { Entropy } from '../../world/entropy.ts'
import type { Trace } from '../../world/trace.ts'
import { RoundStep } from '../../wire/message/peer.ts'
import type { Reply } from '../../wire/message/table.ts'
import type { PeerCalls, RoundStepRequest, Terms } from '../cluster/peer-calls.ts'
import type { Topology } from '../cluster/topology.ts'
import type { Floors } from '../replica/floors.ts'
import type { Replica } from '../replica/replica.ts'
import type { RoundState } from '../requests.ts'
import { askMember } from './ask-member.ts'
import type { RoundMember } from './round-member.ts'

/** Between opening and closing: writes in progress have ended by then. */
const SETTLE_MS = 1_000
/** Before a step is asked for again that was not done yet. */
const AGAIN_MS = 500
/** Without a round for so many times its usual age, the operator is told. */
const LATE_ROUNDS = 5
/** Members that are away and named; more are counted. */
const AWAY_TOLD_MAX = 5
/** A round that takes longer comes to nothing. */
const ROUND_MS_LIMIT = 600_000

export interface RoundOpenerDependencies {
  readonly clock: Clock
  readonly trace: Trace
  readonly entropy: Entropy
  readonly topology: Topology
  readonly peers: PeerCalls
  readonly replica: Replica
  readonly floors: Floors
  readonly member: RoundMember
  /** How old a round becomes before the next one opens. */
  readonly roundMs: number
}

export class RoundOpener {
  readonly #node: RoundOpenerDependencies
  #timer: Timer | undefined
  #isStopped = false
  #isBusy = false
  /** Those that the round is opened with, from its first step to its last. */
  #members: readonly NodeId[] = []
  /** The last round that this member knew to be adopted, and since when. */
  #adopted: number
  #adoptedAtMs: number
  /**
   * Why the last round came to nothing, what this one waits for, or why none was opened though all
   * members are there; undefined: it was adopted.
   */
  #obstacle: string | undefined

  constructor(dependencies: RoundOpenerDependencies) {
    this.#node = dependencies
    this.#adoptedAtMs = dependencies.clock.now()
    this.#adopted = dependencies.floors.adopted.number
  }

  /** Milliseconds since this member adopted a round. */
  get ageMs(): number {
    this.#look()
    return this.#node.clock.now() - this.#adoptedAtMs
  }

  get state(): RoundState {
    const { ageMs, holdup } = this
    const { floors, member } = this.#node
    const { number: adopted } = floors.adopted
    return { adopted, ageMs, highest: member.highest, obstacle: holdup ?? '' }
  }

  /** What rounds wait for at this moment, as far as this member knows. */
  get holdup(): string | undefined {
    this.#look()
    return this.#away() ?? this.#obstacle
  }

  /** That no round ends, and why, in a sentence for the operator. */
  warnings(): readonly string[] {
    const { ageMs, holdup } = this
    if (holdup === undefined || ageMs < LATE_ROUNDS * this.#node.roundMs) return []
    return [
      `no round has ended for ${Math.floor(ageMs / 1000)} s (${holdup}): deleted keys and old ` +
        'context stay until one does',
    ]
  }

  begin(): void {
    const { clock, roundMs } = this.#node
    // Half as long again at most, so that openers seldom collide.
    const afterMs = roundMs * (1 + this.#chance() / 2) - this.ageMs
    this.#timer = clock.after(Math.max(afterMs, (roundMs / 4) * (1 + this.#chance())), () => {
      void this.#openIfOld().then(() => {
        if (!this.#isStopped) this.begin()
      })
    })
  }

  stop(): void {
    this.#isStopped = true
    this.#timer?.cancel()
  }

  /** Whether another member has opened a round is seen in what this member adopted. */
  #look(): void {
    const { number } = this.#node.floors.adopted
    if (number === this.#adopted) return
    this.#adopted = number
    this.#adoptedAtMs = this.#node.clock.now()
    this.#obstacle = undefined
  }

  async #openIfOld(): Promise<void> {
    if (this.ageMs < this.#node.roundMs) return
    await this.openNow()
  }

  /** Opens a round unless this member takes part in one already, or one cannot end now. */
  async openNow(): Promise<void> {
    if (this.#isBusy) return
    if (this.#away() !== undefined) return
    const { obstacle } = this.#node.member
    if (obstacle !== undefined) {
      this.#obstacle = obstacle
      return
    }
    this.#isBusy = true
    try {
      await this.#run()
    } catch (error) {
      if (!isOperatingError(error)) throw error
      this.#obstacle = error.message
    } finally {
      this.#isBusy = false
    }
  }

  /** Members without which no round ends, and why; undefined: all are there. */
  #away(): string | undefined {
    const { peers, topology } = this.#node
    const away = this.#all().flatMap((id) => {
      const why = id === topology.self.id ? undefined : peers.whyAway(id)
      return why === undefined ? [] : [`${this.#nameOf(id)} ${why}`]
    })
    if (away.length === 0) return undefined
    const more = away.length > AWAY_TOLD_MAX ? [`and ${away.length - AWAY_TOLD_MAX} more`] : []
    return [...away.slice(0, AWAY_TOLD_MAX), ...more].join('; ')
  }

  #all(): readonly NodeId[] {
    return this.#node.topology.present.map(({ id }) => id)
  }

  async #run(): Promise<void> {
    const { trace } = this.#node
    this.#members = this.#all()
    const { highest, adopted } = await this.#lastRound()
    const number = highest + 1
    try {
      const openings = await this.#open(number, adopted.number)
      const made = makeFloor(number, adopted, [...openings.values()])
      if (made.floor.size > FLOOR_STARTS_MAX) throw tooManyStarts(made)
      trace.record('round-opened', { round: number })
      await this.#pause(SETTLE_MS)
      const starts = new Map([...openings].map(([node, { start }]) => [node, start]))
      await this.#stepAll({ ...stepOf(number, RoundStep.agree), starts })
      const isEverywhere = [...openings.values()].every((one) => one.adopted === adopted.number)
      const forgotten = isEverywhere ? adopted.leftOut : new Set<Start>()
      await this.#stepAll({ ...stepOf(number, RoundStep.close), floor: made, forgotten })
      await this.#stepAll({ ...stepOf(number, RoundStep.cover), starts })
      await this.#stepAll(stepOf(number, RoundStep.adopt))
      trace.record('round-adopted', { round: number })
    } catch (error) {
      trace.record('round-void', { round: number })
      const leave = stepOf(number, RoundStep.void)
      await this.#forAll((node) => this.#step(node, leave)).catch(() => undefined)
      throw error
    }
  }

  /** The highest round that any member knows, and the one that was adopted last. */
  async #lastRound(): Promise<{ readonly highest: number; readonly adopted: RoundFloor }> {
    const { floors, member, topology } = this.#node
    let { highest } = member
    let { adopted } = floors
    await this.#forAll(async (node) => {
      if (node === topology.self.id) return
      const state = await this.#stateOf(node)
      highest = Math.max(highest, state.highest)
      if (state.adopted.number > adopted.number) adopted = state.adopted
    })
    return { highest, adopted }
  }

  #stateOf(node: NodeId): Promise<Reply<'peerRounds'>> {
    const { floors, peers } = this.#node
    return this.#ask(node, (terms, deliver) => {
      peers.rounds(node, floors.adopted, false, terms, deliver)
    })
  }

  async #open(number: number, last: number): Promise<ReadonlyMap<NodeId, Reply<'peerOpenRound'>>> {
    const { member, peers, topology } = this.#node
    const openings = new Map<NodeId, Reply<'peerOpenRound'>>()
    await this.#forAll(async (node) => {
      const said =
        node === topology.self.id
          ? member.open(number, last)
          : await this.#ask<Reply<'peerOpenRound'>>(node, (terms, deliver) => {
              peers.openRound(node, { number, last }, terms, deliver)
            })
      openings.set(node, said)
    })
    return openings
  }

  /** Asks all members for a step, again and again until it is done. */
  async #stepAll(step: RoundStepRequest): Promise<void> {
    const { clock } = this.#node
    const until = clock.now() + ROUND_MS_LIMIT
    const left = new Set(this.#members)
    while (left.size > 0) {
      if (this.#isStopped) throw new OperatingError('node-stopping', 'this node is stopping')
      const waits = new Map<NodeId, readonly NodeId[]>()
      await this.#forAll(async (node) => {
        const { isDone, waitsFor } = await this.#step(node, step)
        if (isDone) left.delete(node)
        else waits.set(node, waitsFor)
      })
      if (left.size === 0) return
      this.#obstacle = this.#sentenceOf(waits, step)
      if (clock.now() > until) throw new OperatingError('round-left', this.#obstacle)
      await this.#pause(AGAIN_MS)
    }
  }

  #sentenceOf(waits: ReadonlyMap<NodeId, readonly NodeId[]>, { step }: RoundStepRequest): string {
    const what = step === RoundStep.close ? 'has hints for' : 'has yet to exchange with'
    const parts = [...waits].map(([node, waitsFor]) => {
      return `${this.#nameOf(node)} ${what} ${waitsFor.map((one) => this.#nameOf(one)).join(', ')}`
    })
    return parts.join('; ')
  }

  async #step(node: NodeId, step: RoundStepRequest): Promise<Reply<'peerStepRound'>> {
    const { member, peers, topology } = this.#node
    if (node === topology.self.id) return member.step(step)
    return this.#ask<Reply<'peerStepRound'>>(node, (terms, deliver) => {
      peers.stepRound(node, step, terms, deliver)
    })
  }

  /** Fails with the first failure, once all have answered. */
  async #forAll(act: (node: NodeId) => Promise<unknown>): Promise<void> {
    const ends = await Promise.allSettled(this.#members.map((id) => act(id)))
    const failed = ends.find(({ status }) => status === 'rejected')
    if (failed?.status === 'rejected') throw failed.reason
  }

  /** Fails with a sentence that names the member. */
  async #ask<T>(node: NodeId, ask: (terms: Terms, deliver: Deliver<T>) => void): Promise<T> {
    const { clock, topology } = this.#node
    const answer = await askMember(clock, topology.stages.digest, ask)
    if (!isFailure(answer)) return answer
    throw new OperatingError(answer.code, `${this.#nameOf(node)}: ${answer.message}`)
  }

  #nameOf(node: NodeId): string {
    return this.#node.topology.nameOf(node)
  }

  async #pause(ms: number): Promise<void> {
    await new Promise<void>((resolve) => this.#node.clock.after(ms, resolve))
  }

  /** From 0 to 1. */
  #chance(): number {
    return readU32(this.#node.entropy.bytes(4), 0) / 2 ** 32
  }
}

function tooManyStarts({ floor }: RoundFloor): OperatingError {
  const sentence = `contexts name ${floor.size} starts, more than a floor holds`
  return new OperatingError('round-left', `${sentence}: report this`)
}

function stepOf(number: number, step: RoundStep): RoundStepRequest {
  return { number, step, floor: undefined, forgotten: new Set(), starts: new Map() }
}
