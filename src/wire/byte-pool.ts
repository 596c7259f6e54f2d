/**
 * The memory that the messages of many connections share, in bytes, given out fairly.
 *
 * Each connection has a share of the pool. A share takes bytes at once where there is room, or
 * waits its turn; shares that wait take turns, and each waits in order within itself. So one
 * connection that wants everything delays the others by one message and no more.
 *
 * A message larger than all that a share may have is let through alone: it would otherwise wait for
 * ever. Invariant: beside that, a share and a pool never have more than their bounds.
 */
import type { ReachedLimit } from '../base/errors.ts'

/** Bytes that a share waits for. */
class Waiting {
  readonly bytes: number
  readonly onTaken: () => void
  readonly onClosed: () => void
  isCancelled = false

  constructor(bytes: number, onTaken: () => void, onClosed: () => void) {
    this.bytes = bytes
    this.onTaken = onTaken
    this.onClosed = onClosed
  }
}

/** Ends the waiting; of no effect once the bytes were taken. */
export type Cancel = () => void

export class BytePool {
  readonly bytesMax: number
  #taken = 0
  /** Shares whose first waiting would fit them, in turn. */
  readonly #turns = new Set<PoolShare>()
  #isServing = false

  constructor(bytesMax: number) {
    this.bytesMax = bytesMax
  }

  get taken(): number {
    return this.#taken
  }

  /** Whether a share waits for what others have. */
  get isShort(): boolean {
    return this.#turns.size > 0
  }

  /** Whether a share other than this waits for what others have. */
  isShortBeside(share: PoolShare): boolean {
    return this.#turns.size > (this.#turns.has(share) ? 1 : 0)
  }

  /** A share of at most `bytesMax` at any time. */
  share(bytesMax: number): PoolShare {
    return new PoolShare(this, bytesMax)
  }

  /** For shares: takes the bytes if no share waits and there is room. */
  take(bytes: number): boolean {
    if (this.#turns.size > 0 || !this.#hasRoom(bytes)) return false
    this.#taken += bytes
    return true
  }

  /** For shares: takes the bytes whether there is room or not. */
  takeAnyway(bytes: number): void {
    this.#taken += bytes
  }

  /** For shares: gives back what was taken. */
  giveBack(bytes: number): void {
    this.#taken -= bytes
    this.serve()
  }

  /** For shares: `share` waits for the pool. */
  enqueue(share: PoolShare): void {
    this.#turns.add(share)
  }

  /** For shares: `share` waits no more. */
  dequeue(share: PoolShare): void {
    this.#turns.delete(share)
  }

  /** For shares: lets those that wait take what is there. */
  serve(): void {
    if (this.#isServing) return
    this.#isServing = true
    for (const share of this.#turns) {
      const bytes = share.wanted
      if (bytes !== undefined && !this.#hasRoom(bytes)) break
      this.#turns.delete(share)
      if (bytes === undefined) continue
      this.#taken += bytes
      share.onTurn()
    }
    this.#isServing = false
  }

  #hasRoom(bytes: number): boolean {
    return this.#taken === 0 || this.#taken + bytes <= this.bytesMax
  }
}

export class PoolShare {
  readonly bytesMax: number
  readonly #pool: BytePool
  #taken = 0
  #isClosed = false
  readonly #waiting: Waiting[] = []

  constructor(pool: BytePool, bytesMax: number) {
    this.#pool = pool
    this.bytesMax = bytesMax
  }

  get taken(): number {
    return this.#taken
  }

  /** Whether connections wait for what this one has. */
  get isWanted(): boolean {
    return this.#taken > 0 && this.#pool.isShortBeside(this)
  }

  /** The bytes of the first waiting, if this share has room for them. */
  get wanted(): number | undefined {
    this.#dropCancelled()
    const first = this.#waiting[0]
    return first !== undefined && this.#hasRoom(first.bytes) ? first.bytes : undefined
  }

  /** Takes the bytes if that needs no waiting. A closed share takes nothing. */
  take(bytes: number): boolean {
    this.#dropCancelled()
    if (this.#isClosed || this.#waiting.length > 0) return false
    if (!this.#hasRoom(bytes) || !this.#pool.take(bytes)) return false
    this.#taken += bytes
    return true
  }

  /** The window, if it is what keeps this share from so many bytes. */
  limitFor(bytes: number): ReachedLimit | undefined {
    return this.#hasRoom(bytes) ? undefined : { name: 'window-bytes', value: this.bytesMax }
  }

  /** Takes the bytes beyond every bound, for what is in memory already. */
  takeAnyway(bytes: number): void {
    if (this.#isClosed) return
    this.#taken += bytes
    this.#pool.takeAnyway(bytes)
  }

  /** Takes the bytes when their turn comes, then calls `onTaken`; `onClosed` if it never comes. */
  whenTaken(bytes: number, onTaken: () => void, onClosed: () => void = () => undefined): Cancel {
    if (this.take(bytes)) {
      onTaken()
      return () => undefined
    }
    if (this.#isClosed) {
      onClosed()
      return () => undefined
    }
    const waiting = new Waiting(bytes, onTaken, onClosed)
    this.#waiting.push(waiting)
    this.#queue()
    return () => {
      waiting.isCancelled = true
      this.#queue()
    }
  }

  /** Called by the pool, which has taken what `wanted` said. */
  onTurn(): void {
    const waiting = this.#waiting.shift() as Waiting
    this.#taken += waiting.bytes
    if (this.wanted !== undefined) this.#pool.enqueue(this)
    waiting.onTaken()
  }

  giveBack(bytes: number): void {
    if (this.#isClosed) return
    this.#taken -= bytes
    if (this.wanted !== undefined) this.#pool.enqueue(this)
    this.#pool.giveBack(bytes)
  }

  /** The connection has ended: gives back all, and forgets what waits. */
  close(): void {
    if (this.#isClosed) return
    this.#isClosed = true
    const taken = this.#taken
    this.#taken = 0
    // First, so that what is given back does not come to this share.
    const waiting = this.#waiting.splice(0)
    this.#pool.dequeue(this)
    this.#pool.giveBack(taken)
    for (const { isCancelled, onClosed } of waiting) if (!isCancelled) onClosed()
  }

  #queue(): void {
    if (this.wanted === undefined) this.#pool.dequeue(this)
    else this.#pool.enqueue(this)
    this.#pool.serve()
  }

  #hasRoom(bytes: number): boolean {
    return this.#taken === 0 || this.#taken + bytes <= this.bytesMax
  }

  #dropCancelled(): void {
    while (this.#waiting[0]?.isCancelled === true) this.#waiting.shift()
  }
}
