/**
 * Hold the calls that wait until fewer than `callsMax` are in flight; the first to come is the
 * first to go.
 *
 * The number of calls and the bytes of their keys and values are bounded. A call may leave at any
 * time: its signal is aborted, or its deadline has come.
 */
import { WAITING_BYTES_MAX } from '../limits.ts'

/** What a call needs to wait. */
export interface Waiting {
  /** An instant of the client's clock. */
  readonly deadline: number
  /** Of its key and value. */
  readonly heldBytes: number
}

export class WaitingCalls<Call extends Waiting> {
  readonly #callsMax: number
  /** In the order of arrival. */
  readonly #calls = new Set<Call>()
  /**
   * Stays at the first call: every call that it visits is removed.
   * Why not an iterator for each `take`: it would pass all the places of removed calls again.
   */
  #first: Iterator<Call, undefined> = this.#calls.values()
  #bytes = 0
  #earliest = Number.POSITIVE_INFINITY

  constructor(callsMax: number) {
    this.#callsMax = callsMax
  }

  get size(): number {
    return this.#calls.size
  }

  /** Of the keys and values of all calls. */
  get bytes(): number {
    return this.#bytes
  }

  /** No call has an earlier deadline. */
  get earliest(): number {
    return this.#earliest
  }

  /** False if there is no room for the call. */
  add(call: Call): boolean {
    if (this.#calls.size >= this.#callsMax) return false
    if (this.#bytes + call.heldBytes > WAITING_BYTES_MAX) return false
    this.#calls.add(call)
    this.#bytes += call.heldBytes
    this.#earliest = Math.min(this.#earliest, call.deadline)
    return true
  }

  /** Removes the call that has waited longest; undefined if none waits. */
  take(): Call | undefined {
    if (this.#calls.size === 0) return undefined
    let next = this.#first.next()
    if (next.done === true) {
      // An iterator that has come to the end stays there.
      this.#first = this.#calls.values()
      next = this.#first.next()
    }
    const call = next.value as Call
    this.delete(call)
    return call
  }

  /** Removes the call, if it waits. */
  delete(call: Call): void {
    if (this.#calls.delete(call)) this.#bytes -= call.heldBytes
  }

  /** The calls whose deadline has come at `now`. */
  late(now: number): readonly Call[] {
    if (now < this.#earliest) return []
    const late: Call[] = []
    this.#earliest = Number.POSITIVE_INFINITY
    for (const call of this.#calls) {
      if (call.deadline <= now) late.push(call)
      else this.#earliest = Math.min(this.#earliest, call.deadline)
    }
    return late
  }
}
