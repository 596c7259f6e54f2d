/**
 * Keep a session with one node: dial, detect silence, dial again after a loss.
 *
 * A link dials when it is first needed. After each loss it waits and dials again; the longest wait
 * doubles each time, up to two seconds, and the wait is drawn at random below it, so that clients
 * that lost a node together do not come back together.
 *
 * A node that is paused or cut off may send nothing while its connection stays open. A link is
 * *quiet* when an attempt timed out and nothing came on the link during that attempt, or when an
 * idle node does not answer a ping. The pool uses quiet links last. Anything that comes ends the
 * quiet; a link that stays quiet is dropped and dialled anew.
 */
import { assert } from '../base/assert.ts'
import { OperatingError } from '../base/errors.ts'
import type { Request, RequestKind } from '../wire/message/table.ts'
import { Heartbeat } from '../wire/heartbeat.ts'
import type { Answer, CallHandle, Session } from '../wire/session.ts'
import type { Clock, Timer } from '../world/clock.ts'
import { type Address, addressLabel } from '../world/network.ts'
import type { Random } from './random.ts'

/** What a link uses of a session. */
export type NodeSession = Pick<
  Session,
  | 'node'
  | 'isEnded'
  | 'call'
  | 'end'
  | 'drop'
  | 'ping'
  | 'onPong'
  | 'onRing'
  | 'bytesReceived'
  | 'bytesMoved'
>

/**
 * Opens a session, which calls `onEnd` once when it has ended, possibly before it is returned. When
 * `signal` is aborted, a connect or handshake under way ends at once.
 */
export type Dial = (
  address: Address,
  onEnd: (reason: OperatingError) => void,
  signal: AbortSignal,
) => Promise<NodeSession>

export interface LinkOptions {
  readonly clock: Clock
  readonly random: Random
  readonly dial: Dial
  /** Called when a session has opened. */
  readonly onOpen: () => void
  /** Called with the first half of a ring's digest, when a node tells another than before. */
  readonly onRing: (ring: number) => void
}

const REDIAL_MS_FIRST = 50
const REDIAL_MS_MAX = 2_000
/** A session that is quiet for so long is dropped. */
const QUIET_MS_MAX = 5_000
/** A node is asked after 10 s of silence; one that is quiet is asked again and again. */
const HEARTBEAT = { silenceMs: 10_000, lateMs: 2_000, againMs: 250 }

export class Link {
  readonly address: Address
  readonly label: string
  /** The node's id, known after the first handshake. */
  node: string | undefined
  /** Why the last session ended or did not begin. */
  failure: OperatingError | undefined

  readonly #options: LinkOptions
  #session: NodeSession | undefined
  #state: 'idle' | 'dialling' | 'open' | 'waiting' | 'closed' = 'idle'
  /** Dials since the last success. */
  #failures = 0
  /** Ends the dial that is under way. */
  #dialling: AbortController | undefined
  #redialTimer: Timer | undefined
  #quietTimer: Timer | undefined
  #heartbeat: Heartbeat | undefined

  constructor(address: Address, options: LinkOptions) {
    this.address = address
    this.label = addressLabel(address)
    this.#options = options
  }

  get isOpen(): boolean {
    return this.#session !== undefined
  }

  /** Dials if this link has never been dialled; a link that was lost dials by itself. */
  wake(): void {
    if (this.#state === 'idle') this.#begin()
  }

  get isQuiet(): boolean {
    return this.#heartbeat?.isSilent === true
  }

  /** Bytes received on the present session: tells a quiet node from a slow one. */
  get bytesReceived(): number {
    return this.#session?.bytesReceived ?? 0
  }

  /** Bytes received and sent on the present session: what an attempt may have waited for. */
  get bytesMoved(): number {
    return this.#session?.bytesMoved ?? 0
  }

  /** Requires: the link is open. */
  call<K extends RequestKind>(
    kind: K,
    request: Request<K>,
    onAnswer: (answer: Answer<K>) => void,
  ): CallHandle {
    assert(this.#session !== undefined, 'a call is made on an open link')
    return this.#session.call(kind, request, onAnswer)
  }

  /** An answer has come from the node. */
  onHeard(): void {
    this.#heartbeat?.heard()
  }

  /** An attempt has timed out and nothing was received during it. */
  onSilence(): void {
    this.#heartbeat?.suspect()
  }

  /** Ends the session, or the dial that is under way. */
  close(): void {
    this.#state = 'closed'
    this.#redialTimer?.cancel()
    const session = this.#session
    this.#leave()
    session?.end(clientClosed())
    this.#dialling?.abort()
  }

  #begin(): void {
    this.#state = 'dialling'
    this.#dialling = new AbortController()
    this.#options
      .dial(this.address, (reason) => this.#onLost(reason), this.#dialling.signal)
      .then(
        (session) => this.#onOpen(session),
        (reason: unknown) => this.#onLost(reason as OperatingError),
      )
  }

  #onOpen(session: NodeSession): void {
    // It ended before this callback ran: `onEnd` has been called, and the next dial is scheduled.
    if (session.isEnded) return
    if (this.#state === 'closed') {
      session.end(clientClosed())
      return
    }
    this.#state = 'open'
    this.#session = session
    this.#failures = 0
    this.node = session.node
    const { clock, onRing } = this.#options
    session.onRing = onRing
    this.#heartbeat = new Heartbeat(session, clock, HEARTBEAT, () => this.#onQuiet(session))
    this.#options.onOpen()
  }

  #leave(): void {
    this.#session = undefined
    this.#quietTimer?.cancel()
    this.#heartbeat?.stop()
    this.#heartbeat = undefined
  }

  /** The node has become quiet, or is heard again. */
  #onQuiet(session: NodeSession): void {
    this.#quietTimer?.cancel()
    if (!this.isQuiet) return
    this.#quietTimer = this.#options.clock.after(QUIET_MS_MAX, () => {
      session.drop(new OperatingError('not-connected', `${this.label} does not answer`))
    })
  }

  #onLost(reason: OperatingError): void {
    this.#leave()
    if (this.#state === 'closed') return
    this.failure = reason
    this.#state = 'waiting'
    const { clock, random } = this.#options
    const ceiling = Math.min(REDIAL_MS_MAX, REDIAL_MS_FIRST * 2 ** this.#failures)
    this.#failures++
    this.#redialTimer = clock.after(random.below(ceiling), () => this.#begin())
  }
}

function clientClosed(): OperatingError {
  return new OperatingError('closed', 'the client has closed this session')
}
