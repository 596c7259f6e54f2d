/**
 * One end of a simulated connection.
 *
 * Invariant: `onClose` is called once, in a wake-up of its own, and no event after it. Closing
 * takes effect at once, so no data is delivered between the close and `onClose`.
 */
import { assert } from '../../base/assert.ts'
import type { Address, Connection, ConnectionEvents } from '../../world/network.ts'
import { systemFailure } from '../system-error.ts'
import type { SimProcess } from '../time/sim-process.ts'
import type { Paths } from './path.ts'
import { Stream } from './stream.ts'

export class SimConnection implements Connection {
  readonly remote: Address
  readonly process: SimProcess
  readonly paths: Paths
  readonly #onClosed: () => void
  #events: ConnectionEvents | undefined
  /** What this end writes, and what it reads: joined when both ends are there. */
  #outgoing!: Stream
  #incoming!: Stream
  #isPaused = false
  #isClosed = false
  #hasReadEnd = false

  /** To be joined with the other end before anything else. */
  constructor(process: SimProcess, paths: Paths, remote: Address, onClosed: () => void) {
    this.process = process
    this.paths = paths
    this.remote = remote
    this.#onClosed = onClosed
  }

  /**
   * The two ends of a new connection; `onDelivery` hears of every chunk. The client learns of it
   * at `knownMicros`, and nothing that the server writes may come before that.
   */
  static join(
    client: SimConnection,
    server: SimConnection,
    knownMicros: number,
    onDelivery: (bytes: number) => void,
  ): void {
    client.#outgoing = new Stream(client, server, onDelivery)
    server.#outgoing = new Stream(server, client, onDelivery)
    server.#outgoing.notBefore(knownMicros + 1)
    client.#incoming = server.#outgoing
    server.#incoming = client.#outgoing
  }

  get unsentBytes(): number {
    return this.#outgoing.unsentBytes
  }

  get isPaused(): boolean {
    return this.#isPaused
  }

  get isClosed(): boolean {
    return this.#isClosed
  }

  listen(events: ConnectionEvents): void {
    assert(this.#events === undefined, 'a connection is listened to once')
    this.#events = events
  }

  write(bytes: Uint8Array): void {
    if (!this.#isClosed && !this.process.isEnded) this.#outgoing.write(bytes)
  }

  pause(): void {
    this.#isPaused = true
  }

  resume(): void {
    if (!this.#isPaused) return
    this.#isPaused = false
    this.process.soon(() => this.#incoming.read())
  }

  end(): void {
    if (this.#isClosed || this.process.isEnded) return
    this.#outgoing.end()
    this.#closeWhenDone()
  }

  destroy(): void {
    if (this.#isClosed || this.process.isEnded) return
    // A system answers with a reset where bytes were left unread, and may do so elsewhere.
    const isOrderly = !this.#incoming.hasUnread && this.paths.prng.chance(0.5)
    this.#outgoing.abandon(isOrderly)
    this.#close(undefined)
  }

  /** The process has ended: as `destroy`, but without `onClose`. */
  vanish(isPowerLost: boolean): void {
    if (this.#isClosed) return
    if (isPowerLost) this.#outgoing.loseSome()
    else this.#outgoing.abandon(this.paths.prng.chance(0.5))
    this.#isClosed = true
    this.#onClosed()
  }

  /** The connection breaks for this end alone; the other is told when it next sends something. */
  breakSilently(): void {
    if (this.#isClosed) return
    this.#outgoing.loseSome()
    this.#close(systemFailure('ECONNABORTED', 'read'))
  }

  /** A path has opened: what was stuck in either direction is sent again. */
  resend(): void {
    this.#outgoing.resend()
    this.#incoming.resend()
  }

  /** Both ends are reset, each after an unknown beginning of what is under way to it. */
  reset(): void {
    this.#outgoing.reset()
    this.#incoming.reset()
  }

  /** From the stream that comes in. */
  onBytes(bytes: Uint8Array): void {
    assert(this.#events !== undefined, 'a connection is listened to in the turn it is handed out')
    this.#events.onData(bytes)
  }

  onEnd(how: 'fin' | 'reset'): void {
    if (how === 'reset') {
      this.#outgoing.onReset()
      this.#close(systemFailure('ECONNRESET', 'read'))
      return
    }
    this.#hasReadEnd = true
    this.#outgoing.end()
    this.#closeWhenDone()
  }

  /** From the stream that goes out: all that was unsent has been taken. */
  onSent(): void {
    this.process.soon(() => {
      if (!this.#isClosed && this.unsentBytes === 0) this.#events?.onSent()
    })
    this.#closeWhenDone()
  }

  onGivenUp(): void {
    if (!this.#isClosed) this.#close(systemFailure('ETIMEDOUT', 'read'))
  }

  /** Bytes came for an end that is no more. The other end hears of it, if the path lets it. */
  answerReset(): void {
    this.#outgoing.reset()
  }

  #closeWhenDone(): void {
    if (this.#hasReadEnd && this.#outgoing.isEnded) this.#close(undefined)
  }

  #close(error: Error | undefined): void {
    if (this.#isClosed) return
    this.#isClosed = true
    this.process.soon(() => this.#events?.onClose(error))
    this.#onClosed()
  }
}
