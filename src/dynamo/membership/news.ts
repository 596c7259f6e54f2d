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
 * A record of long texts is longer than that: a message takes its first piece however long it is,
 * or that piece would never be sent, and none behind it.
 *
 * Later news of one member takes the place of what it contradicts.
 *
 * Source: Das, Gupta and Motivala, "SWIM" (2002), 4.1.
 */
import { NEWS_MAX } from '../../limits.ts'
import type { NodeId } from '../names.ts'
import { newsBytes } from './message-bytes.ts'
import type { News } from './message.ts'

/** News in one message, in bytes as it is encoded; one piece alone may be longer. */
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
  /** In the order of arrival. */
  readonly #pieces = new Map<string, Piece>()
  /** Of all pieces. */
  #bytes = 0

  get size(): number {
    return this.#pieces.size
  }

  /** Takes the place of news with the same subject. */
  add(news: News): void {
    const key = keyOf(news)
    this.#remove(key)
    if (this.#pieces.size >= NEWS_MAX) this.#removeMostSent()
    const bytes = newsBytes(news)
    this.#pieces.set(key, { key, news, bytes, sent: 0 })
    this.#bytes += bytes
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
    const room = NEWS_BYTES_MAX - (first === undefined ? 0 : newsBytes(first))
    const most = sendsMax(members)
    const news = first === undefined ? [] : [first]
    for (const piece of this.#bytes <= room ? this.#pieces.values() : this.#leastSent(room)) {
      news.push(piece.news)
      piece.sent += 1
      if (piece.sent >= most) this.#remove(piece.key)
    }
    return news
  }

  #leastSent(room: number): readonly Piece[] {
    const levels: Piece[][] = []
    for (const piece of this.#pieces.values()) {
      const level = levels[piece.sent]
      if (level === undefined) levels[piece.sent] = [piece]
      else level.push(piece)
    }
    const chosen: Piece[] = []
    let left = room
    // Levels that no piece is on are holes of the array, which `flat` leaves out.
    for (const piece of levels.flat()) {
      // A smaller piece would not pass this one for ever: it is the first of the next message.
      if (piece.bytes > left && chosen.length > 0) break
      left -= piece.bytes
      chosen.push(piece)
    }
    return chosen
  }

  #remove(key: string): void {
    const piece = this.#pieces.get(key)
    if (piece === undefined) return
    this.#pieces.delete(key)
    this.#bytes -= piece.bytes
  }

  #removeMostSent(): void {
    let most: Piece | undefined
    for (const piece of this.#pieces.values()) {
      if (most === undefined || piece.sent > most.sent) most = piece
    }
    if (most !== undefined) this.#remove(most.key)
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
