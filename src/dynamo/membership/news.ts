/**
 * The news that rides on each probe and answer: changed records, suspicions, and which members are
 * alive or dead.
 *
 * Each piece is sent about 2 log2(n) times, and those that were sent least go first. Since each
 * message to another member also brings news back, a piece then reaches all with high probability;
 * the exchange of sets (exchange.ts) brings the rest.
 *
 *     sent 0 times: ▢ ▢ ▢ ─┐
 *     sent 1 time:  ▢ ▢    ├─► one message: as many as fit NEWS_BYTES_MAX, from the top
 *     …                    │
 *     2 log2(n):    dropped┘
 *
 * Later news of one member takes the place of what it contradicts.
 *
 * Source: Das, Gupta and Motivala, "SWIM" (2002), 4.1.
 */
import { NEWS_MAX } from '../../limits.ts'
import type { NodeId } from '../names.ts'
import { newsBytes } from './message-bytes.ts'
import type { News } from './message.ts'

/** News in one message, in bytes as it is encoded. */
export const NEWS_BYTES_MAX = 1024
/** Each piece is sent so many times for each doubling of the members. */
const SENDS_PER_DOUBLING = 2

export const NO_NEWS: readonly News[] = []

interface Piece {
  readonly key: string
  readonly news: News
  readonly bytes: number
  sent: number
}

/** How often each piece is sent in a cluster of so many members. */
export function sendsMax(members: number): number {
  return SENDS_PER_DOUBLING * Math.ceil(Math.log2(members + 1))
}

export class NewsQueue {
  /** By how often they were sent, each in the order of arrival. */
  readonly #levels: Map<string, Piece>[] = []
  readonly #pieces = new Map<string, Piece>()

  get size(): number {
    return this.#pieces.size
  }

  /** Takes the place of news with the same subject. */
  add(news: News): void {
    const key = keyOf(news)
    this.#remove(key)
    if (this.#pieces.size >= NEWS_MAX) this.#removeOldest()
    const piece = { key, news, bytes: newsBytes(news), sent: 0 }
    this.#pieces.set(key, piece)
    this.#level(0).set(key, piece)
  }

  /** A suspicion is over. */
  dropSuspicion(id: NodeId, witnesses: readonly NodeId[]): void {
    for (const by of witnesses) this.#remove(suspicionKey(id, by))
  }

  /**
   * News for one message, in a cluster of so many members. `first`, if given, comes along whatever
   * was sent before.
   */
  take(members: number, first?: News): readonly News[] {
    if (this.#pieces.size === 0) return first === undefined ? NO_NEWS : [first]
    const most = sendsMax(members)
    const pieces = this.#choose(first)
    const news = pieces.map((piece) => piece.news)
    for (const piece of pieces) this.#onSent(piece, most)
    if (first !== undefined) news.unshift(first)
    return news
  }

  #choose(first: News | undefined): readonly Piece[] {
    let room = NEWS_BYTES_MAX - (first === undefined ? 0 : newsBytes(first))
    const chosen: Piece[] = []
    for (const level of this.#levels) {
      for (const piece of level.values()) {
        // A smaller piece would not pass this one for ever: it is the first of the next message.
        if (piece.bytes > room) return chosen
        room -= piece.bytes
        chosen.push(piece)
      }
    }
    return chosen
  }

  #onSent(piece: Piece, most: number): void {
    this.#level(piece.sent).delete(piece.key)
    piece.sent += 1
    if (piece.sent >= most) this.#pieces.delete(piece.key)
    else this.#level(piece.sent).set(piece.key, piece)
  }

  #remove(key: string): void {
    const piece = this.#pieces.get(key)
    if (piece === undefined) return
    this.#pieces.delete(key)
    this.#level(piece.sent).delete(key)
  }

  /** The piece that was sent most. */
  #removeOldest(): void {
    const level = this.#levels.findLast(({ size }) => size > 0)
    for (const key of level?.keys() ?? []) {
      this.#remove(key)
      return
    }
  }

  #level(sent: number): Map<string, Piece> {
    const level = this.#levels[sent]
    if (level !== undefined) return level
    const made = new Map<string, Piece>()
    this.#levels[sent] = made
    return made
  }
}

/** News of one key contradict each other; suspicions of several witnesses do not. */
function keyOf(news: News): string {
  if (news.kind === 'record') return `record ${news.record.id}`
  return news.kind === 'suspect' ? suspicionKey(news.id, news.by) : news.id
}

function suspicionKey(id: NodeId, by: NodeId): string {
  return `${id} ${by}`
}
