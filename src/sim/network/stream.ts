/**
 * One direction of a simulated connection: bytes in order, cut anywhere, late, stuck or gone.
 *
 *     write -> unsent -> [ under way | arrived, not yet read ] -> onData
 *                        '------- windowBytes at most -------'
 *
 * As in TCP, the system goes on sending the bytes that it took, also after the writer has closed or
 * its process has ended, until they arrive or the connection is given up. A piece whose path is cut
 * is stuck; `heal` sends it again. If it stays stuck, the writing side gives the connection up, and
 * the other side does not notice.
 *
 * Invariant: pieces are read in the order in which they were written. An arrival only counts
 * pieces; reading takes them from the head of the queue.
 */
import { assert } from '../../base/assert.ts'
import { joinBytes } from '../../base/bytes.ts'
import type { SimProcess } from '../time/sim-process.ts'
import type { Paths } from './path.ts'
import type { Scheduler, Wakeup } from '../time/scheduler.ts'

/** One end of a connection, as a stream meets it. */
export interface StreamEnd {
  readonly process: SimProcess
  readonly paths: Paths
  readonly isPaused: boolean
  readonly isClosed: boolean
  /** Bytes have come. */
  onBytes(bytes: Uint8Array): void
  /** The other side has closed, in order or not. */
  onEnd(how: 'fin' | 'reset'): void
  /** What could not be taken at once has been taken. */
  onSent(): void
  /** What was written cannot be brought. */
  onGivenUp(): void
  /** Bytes have come for one who has closed. */
  answerReset(): void
}

type Piece = Uint8Array | 'fin' | 'reset'

/** Pieces longer than this are not joined with the next. */
const JOINED_BYTES_MAX = 16 * 1024
/** A stuck piece is sent again so long after the path has healed, at most. */
const RESEND_MICROS_MAX = 200_000

export class Stream {
  readonly source: StreamEnd
  readonly target: StreamEnd
  readonly #scheduler: Scheduler
  readonly #paths: Paths
  readonly #onDelivery: (bytes: number) => void
  readonly #unsent: Uint8Array[] = []
  #unsentBytes = 0
  /** Bytes were not taken at once: their writer waits to hear of it. */
  #isBehind = false
  #isEnding = false
  /** In the system, in order; the first `#arrived` of them are at the target. */
  #pieces: Piece[] = []
  #arrived = 0
  /** Found the path cut, to be sent again. */
  #stuck = 0
  #takenBytes = 0
  /** Read, but the word of it did not get back. */
  #unconfirmedBytes = 0
  #lastDue = 0
  #giveUp: Wakeup | undefined
  #isOver = false

  constructor(source: StreamEnd, target: StreamEnd, onDelivery: (bytes: number) => void) {
    this.source = source
    this.target = target
    this.#scheduler = source.process.scheduler
    this.#paths = source.paths
    this.#onDelivery = onDelivery
  }

  /** Nothing of it arrives earlier. */
  notBefore(micros: number): void {
    this.#lastDue = Math.max(this.#lastDue, micros)
  }

  get unsentBytes(): number {
    return this.#unsentBytes
  }

  /** All was taken by the system, with the end behind it. */
  get isEnded(): boolean {
    return this.#isEnding && this.#unsentBytes === 0
  }

  get hasUnread(): boolean {
    return this.#arrived > 0
  }

  write(bytes: Uint8Array): void {
    if (this.#isEnding || this.#isOver || bytes.length === 0) return
    this.#unsent.push(bytes)
    this.#unsentBytes += bytes.length
    this.#pump()
    if (this.#unsentBytes > 0) this.#isBehind = true
  }

  /** The end follows what was written. */
  end(): void {
    if (this.#isEnding) return
    this.#isEnding = true
    if (this.#unsentBytes === 0) this.#send('fin')
  }

  /** The writer closed at once: what the system took arrives, or an unknown beginning of it. */
  abandon(isOrderly: boolean): void {
    if (this.#isOver) return
    if (!isOrderly) return this.reset()
    const wasEndSent = this.isEnded
    this.#dropUnsent()
    this.#isEnding = true
    if (!wasEndSent) this.#send('fin')
  }

  /** An unknown beginning of what is under way still arrives, then the news of the reset. */
  reset(): void {
    if (this.#pieces.at(-1) === 'reset') return
    this.loseSome()
    this.#isOver = false
    this.#isEnding = true
    this.#send('reset')
  }

  /** An unknown beginning of what is under way still arrives, and then nothing, without a word. */
  loseSome(): void {
    this.#dropUnsent()
    const underWay = this.#pieces.length - this.#arrived
    if (underWay > 0) this.#pieces.length = this.#arrived + this.#paths.prng.below(underWay + 1)
    this.#stuck = Math.min(this.#stuck, this.#pieces.length - this.#arrived)
  }

  /** Everything of it is gone at once. */
  drop(): void {
    this.#isOver = true
    this.#dropUnsent()
    this.#pieces = []
    this.#arrived = 0
    this.#stuck = 0
    this.#stopGivingUp()
  }

  /** The other end has reset the connection: data under way to it is lost. */
  onReset(): void {
    // If both ends were reset from outside, the reset of the other is still under way.
    if (this.#pieces.at(-1) !== 'reset') this.drop()
  }

  /** The path may have healed: what was stuck is sent again. */
  resend(): void {
    const { from, to } = this.#ends()
    if (this.#paths.isOpen(to, from)) this.#confirm()
    if (!this.#paths.isOpen(from, to) || this.#stuck === 0) return
    const delay = this.#paths.prng.below(RESEND_MICROS_MAX + 1)
    const due = this.#scheduler.nowMicros + delay + this.#paths.latencyMicros(from, to)
    for (; this.#stuck > 0; this.#stuck--) this.#scheduler.at(due, this.#arrive)
    this.#lastDue = Math.max(this.#lastDue, due)
  }

  /** Hands to the target what has arrived, while it wants it. Only from a wake-up. */
  read(): void {
    while (this.#arrived > 0 && !this.target.isPaused && !this.target.isClosed) {
      const piece = this.#pieces.shift() as Piece
      this.#arrived -= 1
      if (typeof piece === 'string') this.target.onEnd(piece)
      else this.#deliver(piece)
    }
  }

  #deliver(bytes: Uint8Array): void {
    const { from, to } = this.#ends()
    this.#onDelivery(bytes.length)
    this.#unconfirmedBytes += bytes.length
    if (this.#paths.isOpen(to, from)) this.#confirm()
    else this.#startGivingUp()
    this.target.onBytes(bytes)
  }

  /** What was read makes room for more. */
  #confirm(): void {
    this.#takenBytes -= this.#unconfirmedBytes
    this.#unconfirmedBytes = 0
    if (this.#unsentBytes > 0) this.#pump()
    if (this.#stuck === 0) this.#stopGivingUp()
  }

  #pump(): void {
    const { windowBytes } = this.#paths.options
    while (this.#unsent.length > 0 && this.#takenBytes < windowBytes) {
      const first = this.#unsent[0] as Uint8Array
      const count = Math.min(first.length, windowBytes - this.#takenBytes)
      if (count === first.length) this.#unsent.shift()
      else this.#unsent[0] = first.subarray(count)
      this.#unsentBytes -= count
      this.#takenBytes += count
      this.#sendCut(count === first.length ? first : first.subarray(0, count))
    }
    if (this.#unsentBytes > 0 || !this.#isBehind) return
    this.#isBehind = false
    if (this.#isEnding) this.#send('fin')
    this.source.onSent()
  }

  #sendCut(bytes: Uint8Array): void {
    const { prng, options } = this.#paths
    const last = this.#pieces.at(-1)
    const isJoinable = last instanceof Uint8Array && this.#pieces.length > this.#arrived
    if (isJoinable && last.length + bytes.length <= JOINED_BYTES_MAX) {
      if (prng.chance(options.joinChance)) {
        this.#pieces[this.#pieces.length - 1] = joinBytes([last, bytes])
        return
      }
    }
    let start = 0
    while (bytes.length - start > 1 && prng.chance(options.cutChance)) {
      const count = 1 + prng.below(bytes.length - start - 1)
      this.#send(bytes.subarray(start, start + count))
      start += count
    }
    this.#send(start === 0 ? bytes : bytes.subarray(start))
  }

  #send(piece: Piece): void {
    const { from, to } = this.#ends()
    const length = typeof piece === 'string' ? 0 : piece.length
    const due = this.#scheduler.nowMicros + this.#paths.latencyMicros(from, to)
    const transfer = Math.ceil(length * this.#paths.options.microsPerByte)
    this.#lastDue = Math.max(due, this.#lastDue) + transfer
    this.#pieces.push(piece)
    this.#scheduler.at(this.#lastDue, this.#arrive)
  }

  /** One more piece has come to the end of its way, if the way is open. */
  readonly #arrive = (): void => {
    if (this.#isOver || this.#pieces.length <= this.#arrived + this.#stuck) return
    const { from, to } = this.#ends()
    if (!this.#paths.isOpen(from, to)) {
      this.#stuck += 1
      this.#startGivingUp()
      return
    }
    const stalledUntil = this.#paths.stalledUntil(from, to)
    if (stalledUntil > this.#scheduler.nowMicros) {
      this.#scheduler.at(stalledUntil, this.#arrive)
      return
    }
    this.#arrived += 1
    if (this.target.isClosed) this.#refuse()
    else this.target.process.enter(() => this.read())
  }

  /** The target has closed: bytes are answered by a reset, the end is not answered. */
  #refuse(): void {
    const piece = this.#pieces.shift() as Piece
    this.#arrived -= 1
    if (typeof piece === 'string') return
    this.#takenBytes -= piece.length
    if (this.#unsentBytes > 0) this.#pump()
    this.target.answerReset()
  }

  #startGivingUp(): void {
    if (this.#giveUp !== undefined) return
    const due = this.#scheduler.nowMicros + this.#paths.giveUpMicros()
    this.#giveUp = this.#scheduler.at(due, () => {
      this.#giveUp = undefined
      this.drop()
      this.source.onGivenUp()
    })
  }

  #stopGivingUp(): void {
    this.#giveUp?.cancel()
    this.#giveUp = undefined
  }

  #dropUnsent(): void {
    this.#unsent.length = 0
    this.#unsentBytes = 0
  }

  #ends(): { readonly from: number; readonly to: number } {
    assert(this.#takenBytes >= 0, 'no more is read than was taken')
    return { from: this.source.process.node, to: this.target.process.node }
  }
}
