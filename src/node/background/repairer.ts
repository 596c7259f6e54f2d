/**
 * Exchanges with the other owners, one after another, every few seconds (Dynamo 4.7), and what
 * follows from an exchange that was complete: this member is whole again, has caught up with a
 * round, or has one owner less to hear for the round that it takes part in.
 *
 * An exchange is complete where all that the other owner carried when it began is durable here, and
 * neither side has restarted meanwhile.
 */
import { isFailure } from '../../base/deliver.ts'
import { type ErrorCode, isOperatingError, type OperatingError } from '../../base/errors.ts'
import type { NodeId, Start } from '../../dynamo/names.ts'
import type { Timer } from '../../world/clock.ts'
import type { OwnStanding } from '../cluster/own-standing.ts'
import type { RoundsAnswer } from '../cluster/peer-calls.ts'
import type { Counters } from '../counters.ts'
import { CatchUp } from './catch-up.ts'
import { askMember } from './ask-member.ts'
import { Exchange, type ExchangeDependencies } from './exchange.ts'
import { HandoffWatch, type HandoffWatchDependencies } from './handoff-watch.ts'

export interface RepairerDependencies extends ExchangeDependencies, HandoffWatchDependencies {
  readonly counters: Counters
  readonly standing: OwnStanding
  readonly exchangeMs: number
}

/** How often a member is asked while this one takes no writes. */
const URGENT_MS = 100

/** An exchange that was complete. */
export interface Exchanged {
  readonly node: NodeId
  /** Of the other owner, all through the exchange. */
  readonly start: Start
  readonly beganAtMs: number
}

/** Told how exchanges that were asked for go. */
export interface ExchangeWatch {
  /** Their turn has come: no other exchange is made until they end. */
  onBegin(): void
  /** The exchange with a member has ended; with a code, it was not complete. */
  onMember(node: NodeId, code: ErrorCode | undefined): void
}

export class Repairer {
  readonly #node: RepairerDependencies
  readonly catchUp: CatchUp
  readonly #handoff: HandoffWatch
  /** Exchanges that were asked for and have not ended, those of the timer among them. */
  #asked = 0
  /** One with all members waits for its turn. */
  #isAllWaiting = false
  #turn: Promise<void> = Promise.resolve()
  #timer: Timer | undefined
  #isStopped = false
  /** Called after each exchange that was complete. */
  onExchanged: (exchanged: Exchanged) => void = () => undefined

  constructor(dependencies: RepairerDependencies) {
    this.#node = dependencies
    this.catchUp = new CatchUp(dependencies)
    this.#handoff = new HandoffWatch(dependencies)
  }

  begin(): void {
    if (this.#isStopped) return
    const { clock, exchangeMs, floors } = this.#node
    // Until it knows what it closed before its disk was lost, this member takes no writes.
    const afterMs = floors.knowsClosed ? exchangeMs : Math.min(exchangeMs, URGENT_MS)
    this.#timer = clock.after(afterMs, () => {
      if (this.#asked === 0) void this.#exchangeInTurn(this.#unhurried)
      this.begin()
    })
  }

  /** Counts the time to the next exchange anew. */
  hurry(): void {
    this.#timer?.cancel()
    this.begin()
  }

  stop(): void {
    this.#isStopped = true
    this.#timer?.cancel()
  }

  /** Exchanges with all that are connected, unless that waits for its turn already. */
  exchangeWithAll(): Promise<void> {
    return this.#exchangeInTurn(this.#connected)
  }

  get #connected(): readonly NodeId[] {
    const { topology, peers } = this.#node
    const ids = topology.present.map(({ id }) => id)
    return ids.filter((id) => id !== topology.self.id && peers.isConnected(id))
  }

  /** Those with which an exchange need not wait; all where this member must get copies back. */
  get #unhurried(): readonly NodeId[] {
    const { standing, floors } = this.#node
    const members = this.#connected
    const free = this.#handoff.look(members)
    return standing.isWhole && floors.knowsClosed ? free : members
  }

  async #exchangeInTurn(nodes: readonly NodeId[]): Promise<void> {
    if (this.#isAllWaiting || !this.#node.trees.isBuilt) return
    this.#isAllWaiting = true
    const onBegin = (): void => {
      this.#isAllWaiting = false
      // The next one is a period after this one, also where this was not made by the timer.
      this.hurry()
    }
    await this.exchangeNow(nodes, undefined, { onBegin, onMember: () => undefined })
  }

  /**
   * Exchanges with these members, for one N or for all, as soon as no other exchange is made. One
   * member after another: what the first one gives need not be asked of the next.
   */
  exchangeNow(
    nodes: readonly NodeId[],
    n: number | undefined,
    watch: ExchangeWatch,
  ): Promise<void> {
    this.#asked += 1
    this.#turn = this.#turn.then(async () => {
      watch.onBegin()
      for (const node of nodes) {
        if (this.#isStopped) break
        watch.onMember(node, await this.#exchangeWith(node, n))
      }
      this.#asked -= 1
    })
    return this.#turn
  }

  /** Undefined where it was complete; else why not. */
  async #exchangeWith(node: NodeId, n: number | undefined): Promise<ErrorCode | undefined> {
    const { clock, counters, peers, replica, standing } = this.#node
    if (!peers.isConnected(node)) return 'peer-away'
    const beganAtMs = clock.now()
    const [ownStart, { losses }] = [replica.start, this.catchUp]
    const before = await this.#stateOf(node)
    if (isFailure(before)) return before.code
    // A member that gets its copies back has nothing that another one lacks, or it will have.
    if (standing.isWhole && !before.isWhole) return 'replica-rebuilding'
    // An engine that fails says so itself.
    if (!(await this.#meet(node, before))) return 'disk-failed'
    const exchange = new Exchange(this.#node, node, before, () => this.#isStopped)
    const failure = await exchange.run(n)
    if (failure !== undefined || this.#isStopped) return failure ?? 'node-stopping'
    counters.exchanges += 1
    const after = n === undefined ? await this.#stateOf(node) : undefined
    if (after === undefined) return undefined
    if (isFailure(after)) return after.code
    if (after.start !== before.start || replica.start !== ownStart) return undefined
    if (losses !== this.catchUp.losses || this.#isStopped) return undefined
    await this.catchUp.onExchanged(node, before.adopted)
    this.onExchanged({ node, start: before.start, beganAtMs })
    return undefined
  }

  async #meet(node: NodeId, state: RoundsAnswer): Promise<boolean> {
    try {
      await this.catchUp.meet(node, state)
      return true
    } catch (error) {
      if (isOperatingError(error)) return false
      throw error
    }
  }

  async #stateOf(node: NodeId): Promise<RoundsAnswer | OperatingError> {
    const { clock, topology, peers, floors, standing } = this.#node
    const answer = await askMember<RoundsAnswer>(
      clock,
      topology.stages.digest,
      (terms, deliver) => {
        peers.rounds(node, floors.adopted, !floors.knowsClosed, terms, deliver)
      },
    )
    if (!isFailure(answer)) standing.hear(node, answer.durable)
    return answer
  }
}
