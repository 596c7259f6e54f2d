/**
 * The purely local notion of failure: which members this node avoids now, whatever the others say
 * (Dynamo 4.8.3).
 *
 *     no answer to me within 4 × my p99 of it, 50 ms to 1 s ──► avoided, asked again every 250 ms
 *     its connection is closed                              ──► avoided at once
 *     anything comes from it                                ──► not avoided
 *
 * Writes and reads go by this at once; the detector (liveness.ts) is slower, and for news.
 *
 * The question of a member that is late is also the direct half of a probe: see `askedAt`.
 *
 * A member that is slow is not dead: it is asked after those that are fast, and first among two
 * that are slow with a chance in inverse proportion to its latency.
 */
import { AVOIDED_MEMBERS_MAX } from '../../limits.ts'
import type { NodeId } from '../names.ts'
import { Latency } from './latency.ts'
import type { Random } from './random.ts'

export const LATE_MS_MIN = 50
export const LATE_MS_MAX = 1_000
const LATE_P99S = 4
export const AGAIN_MS = 250
/** Of members that answer faster the order of preference decides. */
export const SLOW_MS_MIN = 2
const DRAWS = 2 ** 20

/** A member that is avoided as late. */
export interface Late {
  readonly id: NodeId
  /** It is avoided from now on. */
  readonly isNew: boolean
}

interface Peer {
  readonly latency: Latency
  /** Of the oldest question since something came; undefined where nothing is asked. */
  askedAt: number | undefined
  /** Questions without an answer. */
  open: number
  /** When it is asked again; undefined where it is not avoided as late. */
  againAt: number | undefined
  isClosed: boolean
}

export class Avoidance {
  /** Those that were asked, or whose connection closed. */
  readonly #peers = new Map<NodeId, Peer>()
  /** Of these, those that are asked now or avoided as late. */
  readonly #watched = new Map<NodeId, Peer>()

  /** Where fewer than the known are members, the caller forgets the others. */
  forget(id: NodeId): void {
    this.#watched.delete(id)
    this.#peers.delete(id)
  }

  isAvoided(id: NodeId): boolean {
    const peer = this.#peers.get(id)
    return peer !== undefined && (peer.isClosed || peer.againAt !== undefined)
  }

  isClosed(id: NodeId): boolean {
    return this.#peers.get(id)?.isClosed === true
  }

  /** When one that is probed now was asked: earlier where it is late, never where it is closed. */
  askedAt(id: NodeId, now: number): number {
    const peer = this.#peers.get(id)
    if (peer?.isClosed === true) return Number.NEGATIVE_INFINITY
    return peer?.againAt === undefined ? now : (peer.askedAt ?? now)
  }

  /** When to call `onTick`. */
  get dueAt(): number {
    let at = Number.POSITIVE_INFINITY
    for (const peer of this.#watched.values()) at = Math.min(at, dueAtOf(peer))
    return at
  }

  /** A request goes to `id`. */
  onAsked(id: NodeId, now: number): void {
    const peer = this.#peer(id)
    if (peer === undefined) return
    peer.open += 1
    peer.askedAt ??= now
    this.#watched.set(id, peer)
  }

  /** The answer to a request came after so long. */
  onAnswered(id: NodeId, tookMs: number, now: number): void {
    const peer = this.#peers.get(id)
    if (peer === undefined) return
    peer.latency.add(tookMs)
    peer.open = Math.max(0, peer.open - 1)
    this.#onHeard(id, peer, now)
  }

  /** A request is over without an answer: its deadline passed, or it was refused here. */
  onGivenUp(id: NodeId): void {
    const peer = this.#peers.get(id)
    if (peer !== undefined) peer.open = Math.max(0, peer.open - 1)
  }

  /** A message came that answers no request. */
  onHeard(id: NodeId, now: number): void {
    const peer = this.#peers.get(id)
    if (peer !== undefined) this.#onHeard(id, peer, now)
  }

  onClosed(id: NodeId): void {
    const peer = this.#peer(id)
    if (peer === undefined) return
    peer.isClosed = true
    peer.open = 0
    peer.askedAt = undefined
    peer.againAt = undefined
    this.#watched.delete(id)
  }

  onConnected(id: NodeId): void {
    const peer = this.#peers.get(id)
    if (peer !== undefined) peer.isClosed = false
  }

  /** Members to ask for a sign of life now. */
  onTick(now: number): readonly Late[] {
    if (this.#watched.size === 0) return []
    const late: Late[] = []
    for (const [id, peer] of this.#watched) {
      if (now < dueAtOf(peer)) continue
      late.push({ id, isNew: peer.againAt === undefined })
      peer.againAt = now + AGAIN_MS
    }
    return late
  }

  /** This process was stopped for so long: answers may still be unread. */
  delay(ms: number): void {
    for (const peer of this.#watched.values()) if (peer.askedAt !== undefined) peer.askedAt += ms
  }

  /**
   * By which members are asked in turn, the lowest first: 0 for those that answer fast, and for a
   * slow one a draw around its latency, in ms: the slower, the likelier it is asked after others.
   */
  slownessOf(id: NodeId, random: Random): number {
    const meanMs = this.#peers.get(id)?.latency.meanMs ?? 0
    if (meanMs < SLOW_MS_MIN) return 0
    return meanMs * -Math.log((1 + random.below(DRAWS)) / DRAWS)
  }

  #onHeard(id: NodeId, peer: Peer, now: number): void {
    peer.againAt = undefined
    peer.askedAt = peer.open > 0 ? now : undefined
    if (peer.askedAt === undefined) this.#watched.delete(id)
  }

  #peer(id: NodeId): Peer | undefined {
    const peer = this.#peers.get(id)
    if (peer !== undefined || this.#peers.size >= AVOIDED_MEMBERS_MAX) return peer
    const made: Peer = {
      latency: new Latency(),
      askedAt: undefined,
      open: 0,
      againAt: undefined,
      isClosed: false,
    }
    this.#peers.set(id, made)
    return made
  }
}

/** A question that stays unanswered so long makes its member late. */
export function lateMs(p99Ms: number | undefined): number {
  if (p99Ms === undefined) return LATE_MS_MAX
  return Math.min(LATE_MS_MAX, Math.max(LATE_MS_MIN, LATE_P99S * p99Ms))
}

function dueAtOf({ againAt, askedAt, latency }: Peer): number {
  return againAt ?? (askedAt ?? Number.POSITIVE_INFINITY) + lateMs(latency.p99)
}
