/**
 * The memory of sessions: pools that the sessions of one kind share, and a session's shares.
 *
 * What a message waits for never waits for a message of the same pool, so that no two wait for each
 * other for ever. A request in chunks waits for memory for its answer, that for room where it is
 * received, and what is received waits for nothing. Answers to clients wait for answers between
 * nodes; puts that nodes hand on for each other wait for writes between nodes.
 */
import { WINDOW_BYTES } from '../limits.ts'
import { BytePool, type PoolShare } from './byte-pool.ts'

export interface SessionMemory {
  /** Requests in one frame, until they are answered. */
  readonly requests: BytePool
  /** Requests in chunks, from their announcement until they are answered. */
  readonly received: BytePool
  /** Answers in chunks to our calls, until they are whole. */
  readonly answers: BytePool
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

/** What each pool has, where a node has `bytes` for messages. */
export function poolBytesOf(bytes: number): number {
  return bytes / POOLS
}

/**
 * Pools of `bytes` in all, and two more of their size for what only nodes send each other: puts
 * that are handed on, and answers to this side. Of each a session may have `windowBytes`.
 */
export function sessionMemory(
  windowBytes: number = WINDOW_BYTES,
  bytes: number = MESSAGE_MEMORY_BYTES,
): SessionMemory {
  const pool = (): BytePool => new BytePool(poolBytesOf(bytes))
  return {
    requests: pool(),
    received: pool(),
    answers: pool(),
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
  readonly answers: PoolShare
  readonly handedOn: PoolShare
  readonly begun: PoolShare
  readonly grown: PoolShare
  /** Of answers that were handed to the connection in this turn. */
  #begunNow = 0
  #grownNow = 0
  /** Of those before that have not left. */
  readonly #leaving: Leaving[] = []

  constructor(memory: SessionMemory) {
    const { windowBytes } = memory
    this.requests = memory.requests.share(windowBytes)
    this.received = memory.received.share(windowBytes)
    this.answers = memory.answers.share(windowBytes)
    this.handedOn = memory.handedOn.share(windowBytes)
    this.begun = memory.begun.share(windowBytes)
    this.grown = memory.grown.share(windowBytes)
  }

  /** Whether other sessions wait for memory that this one has. */
  get isWanted(): boolean {
    const shares = [this.received, this.answers, this.handedOn, this.begun, this.grown]
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
    this.answers.close()
    this.handedOn.close()
    this.begun.close()
    this.grown.close()
  }

  #giveBack({ begun, grown }: Leaving): void {
    if (begun > 0) this.begun.giveBack(begun)
    if (grown > 0) this.grown.giveBack(grown)
  }
}
