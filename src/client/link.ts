/**
 * One node as a client knows it: a conversation that is kept, lost and opened again.
 *
 * A link dials when it is first needed, and again after each loss, waiting longer each time
 * (up to twice as long, at most two seconds, and a random part of that: clients that lost one
 * node together do not come back together).
 *
 * A node may also be silent without the connection ending: paused, or cut off. A link on which
 * an attempt ran out of time while nothing at all came back is *quiet*. It is used last until
 * anything comes, an answer to an old call included; one that stays quiet is dropped and dialled
 * anew.
 */
import { OperatingError } from '../base/errors.ts'
import type { Reply, Request, RequestKind } from '../wire/message/table.ts'
import type { Clock, Timer } from '../world/clock.ts'
import { type Address, addressLabel } from '../world/network.ts'
import type { Random } from './random.ts'

/** What came of one call: its reply, or why there is none. */
export type Outcome<K extends RequestKind> = Reply<K> | OperatingError

/** One authenticated conversation with one node: what `dial.ts` makes of a wire session. */
export interface Conversation {
  /** Who answered: 16 hexadecimal digits. */
  readonly node: string
  readonly isEnded: boolean
  /** `onOutcome` is called once, and never within this call. */
  call<K extends RequestKind>(
    kind: K,
    request: Request<K>,
    onOutcome: (outcome: Outcome<K>) => void,
  ): void
  /** Says goodbye and ends. */
  close(): void
  /** Ends at once. */
  drop(reason: OperatingError): void
}

/** Opens a conversation, which calls `onEnd` once, when it has ended; perhaps at once. */
export type Dial = (
  address: Address,
  onEnd: (reason: OperatingError) => void,
) => Promise<Conversation>

export interface LinkEvents {
  onOpen(link: Link): void
}

const REDIAL_MS_FIRST = 50
const REDIAL_MS_MAX = 2_000
/** Silence after which a conversation is not worth keeping. */
const QUIET_MS_MAX = 5_000

export class Link {
  readonly address: Address
  readonly label: string
  /** The node's id, once it has said it. */
  node: string | undefined
  /** Answers that came, on all conversations together: tells a quiet node from a slow one. */
  answers = 0
  isQuiet = false
  /** Why the last conversation ended or did not begin. */
  failure: OperatingError | undefined

  readonly #clock: Clock
  readonly #chance: Random
  readonly #dial: Dial
  readonly #events: LinkEvents
  #conversation: Conversation | undefined
  #state: 'idle' | 'dialling' | 'open' | 'waiting' | 'closed' = 'idle'
  /** Dials since the last success. */
  #failures = 0
  #redial: Timer | undefined
  #patience: Timer | undefined

  constructor(
    address: Address,
    parts: { clock: Clock; chance: Random; dial: Dial; events: LinkEvents },
  ) {
    this.address = address
    this.label = addressLabel(address)
    this.#clock = parts.clock
    this.#chance = parts.chance
    this.#dial = parts.dial
    this.#events = parts.events
  }

  get isOpen(): boolean {
    return this.#conversation !== undefined
  }

  /** Dials where nobody has yet; a link that was lost dials by itself. */
  wake(): void {
    if (this.#state === 'idle') this.#begin()
  }

  /** Requires: the link is open. */
  call<K extends RequestKind>(
    kind: K,
    request: Request<K>,
    onOutcome: (outcome: Outcome<K>) => void,
  ): void {
    ;(this.#conversation as Conversation).call(kind, request, onOutcome)
  }

  /** Something came from the node. */
  heard(): void {
    this.answers++
    if (!this.isQuiet) return
    this.isQuiet = false
    this.#patience?.cancel()
  }

  /** An attempt ran out of time since whose sending `answers` stands still. */
  silent(): void {
    const conversation = this.#conversation
    if (this.isQuiet || conversation === undefined) return
    this.isQuiet = true
    conversation.call('topology', {}, (outcome) => {
      if (!(outcome instanceof OperatingError)) this.heard()
    })
    this.#patience = this.#clock.after(QUIET_MS_MAX, () => {
      conversation.drop(new OperatingError('not-connected', `${this.label} fell silent`))
    })
  }

  close(): void {
    this.#state = 'closed'
    this.#redial?.cancel()
    this.#patience?.cancel()
    const conversation = this.#conversation
    this.#conversation = undefined
    conversation?.close()
  }

  #begin(): void {
    this.#state = 'dialling'
    this.#dial(this.address, (reason) => this.#lost(reason)).then(
      (conversation) => this.#opened(conversation),
      (reason: unknown) => this.#lost(reason as OperatingError),
    )
  }

  #opened(conversation: Conversation): void {
    // One that ended before we came to look has said so itself, and is dialled again.
    if (conversation.isEnded) return
    if (this.#state === 'closed') {
      conversation.close()
      return
    }
    this.#state = 'open'
    this.#conversation = conversation
    this.#failures = 0
    this.isQuiet = false
    this.node = conversation.node
    this.#events.onOpen(this)
  }

  #lost(reason: OperatingError): void {
    this.#conversation = undefined
    this.#patience?.cancel()
    if (this.#state === 'closed') return
    this.failure = reason
    this.#state = 'waiting'
    const ceiling = Math.min(REDIAL_MS_MAX, REDIAL_MS_FIRST * 2 ** this.#failures)
    this.#failures++
    this.#redial = this.#clock.after(this.#chance.below(ceiling), () => this.#begin())
  }
}
