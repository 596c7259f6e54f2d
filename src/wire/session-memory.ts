/**
 * The memory of sessions: pools that the sessions of one kind share, and a session's shares.
 *
 * What a message waits for never waits for a message of the same pool, so that no two wait for each
 * other for ever: answers to clients wait for answers between nodes, those only for disks; requests
 * that nodes hand on for each other count with those of clients.
 */
import { WINDOW_BYTES } from '../limits.ts'
import { BytePool, type PoolShare } from './byte-pool.ts'

export interface SessionMemory {
  /** Requests in one frame, until they are answered. */
  readonly requests: BytePool
  /** Messages in chunks, from their announcement until they are answered, or answers read. */
  readonly received: BytePool
  /** Puts in chunks that a node hands on: they wait for messages in `received`. */
  readonly handedOn: BytePool
  /** Answers, as far as they take at least: `ANSWER_BYTES_FIRST` or less each. */
  readonly begun: BytePool
  /** Answers, what they take beyond that. */
  readonly grown: BytePool
  /** Bytes of each pool that one session may have. */
  readonly windowBytes: number
}

/** What a node has by default for messages of clients, and as much for those of other nodes. */
export const MESSAGE_MEMORY_BYTES: number = 128 * 1024 * 1024
const POOLS = 4

/**
 * Pools of `bytes` in all, and one more of their size for puts that are handed on; of each a
 * session may have `windowBytes`.
 */
export function sessionMemory(
  windowBytes: number = WINDOW_BYTES,
  bytes: number = MESSAGE_MEMORY_BYTES,
): SessionMemory {
  const pool = (): BytePool => new BytePool(bytes / POOLS)
  return {
    requests: pool(),
    received: pool(),
    handedOn: pool(),
    begun: pool(),
    grown: pool(),
    windowBytes,
  }
}

/** Answers that were handed to the connection in one turn. */
interface Leaving {
  /** They have left when so many bytes have. */
  readonly at: number
  readonly begun: number
  readonly grown: number
}

/** What one session has of the pools. */
export class SessionShares {
  readonly requests: PoolShare
  readonly received: PoolShare
  readonly handedOn: PoolShare
  readonly begun: PoolShare
  readonly grown: PoolShare
  /** Of answers that were handed to the connection in this turn. */
  #begunNow = 0
  #grownNow = 0
  /** Of those before that have not left. */
  readonly #leaving: Leaving[] = []

  constructor({ requests, received, handedOn, begun, grown, windowBytes }: SessionMemory) {
    this.requests = requests.share(windowBytes)
    this.received = received.share(windowBytes)
    this.handedOn = handedOn.share(windowBytes)
    this.begun = begun.share(windowBytes)
    this.grown = grown.share(windowBytes)
  }

  /** Whether other sessions wait for memory that this one has. */
  get isWanted(): boolean {
    const shares = [this.received, this.handedOn, this.begun, this.grown]
    return shares.some((share) => share.isWanted)
  }

  /** An answer was handed to the connection: its memory is given back when that has sent it. */
  leave(begun: number, grown: number): void {
    this.#begunNow += begun
    this.#grownNow += grown
  }

  /** All that was handed over has been sent, `sent` bytes so far; the system has taken `left`. */
  onLeft(sent: number, left: number): void {
    if (this.#begunNow > 0 || this.#grownNow > 0) {
      const now = { at: sent, begun: this.#begunNow, grown: this.#grownNow }
      this.#begunNow = 0
      this.#grownNow = 0
      if (left === sent) this.#giveBack(now)
      else this.#leaving.push(now)
    }
    while (this.#leaving.length > 0 && (this.#leaving[0] as Leaving).at <= left) {
      this.#giveBack(this.#leaving.shift() as Leaving)
    }
  }

  /** The session has ended. */
  close(): void {
    this.requests.close()
    this.received.close()
    this.handedOn.close()
    this.begun.close()
    this.grown.close()
  }

  #giveBack({ begun, grown }: Leaving): void {
    if (begun > 0) this.begun.giveBack(begun)
    if (grown > 0) this.grown.giveBack(grown)
  }
}
