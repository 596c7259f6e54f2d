/**
 * Tells the other members what this node has come to know, as one value with a digest: what it
 * knows of the ring, and of buckets.
 *
 *     news here ──► each connected member, at once
 *     connected ──► digests are compared; where they differ both sides tell what they know
 *
 * Each member has one message under way, and the next one has all that came meanwhile. A member
 * that did not take the news is told again while it is connected, and else when it connects.
 */
import { isFailure } from '../../base/deliver.ts'
import { OperatingError } from '../../base/errors.ts'
import { equalU64, type U64 } from '../../base/u64.ts'
import type { Deliver } from '../../base/deliver.ts'
import type { NodeId } from '../../dynamo/names.ts'
import type { Clock } from '../../world/clock.ts'
import type { PeerCalls } from './peer-calls.ts'

/** Before a member that did not take the news is told again. */
const AGAIN_MS = 1_000

/** All that this node knows and has made durable. */
export interface Known<D extends U64> {
  readonly digest: D
  readonly news: Uint8Array
}

export interface NewsSpreadOptions<D extends U64> {
  readonly known: () => Known<D>
  /** Sends it, without the news where the member is only asked whether it knows the same. */
  readonly call: (member: NodeId, told: Known<D>, deliver: Deliver<Pick<Known<D>, 'news'>>) => void
  /** Takes what a member answered. Throws `message-garbled`. */
  readonly hear: (news: Uint8Array) => void
  readonly peers: Pick<PeerCalls, 'connected' | 'isConnected'>
  readonly clock: Clock
}

/** One member, and what it was told. */
interface Telling {
  isUnderWay: boolean
  /** There is more to tell than what is under way. */
  isBehind: boolean
}

const NO_BYTES = new Uint8Array(0)

export class NewsSpread<D extends U64> {
  readonly #options: NewsSpreadOptions<D>
  readonly #told = new Map<NodeId, Telling>()
  #isStopped = false

  constructor(options: NewsSpreadOptions<D>) {
    this.#options = options
  }

  stop(): void {
    this.#isStopped = true
  }

  /** Something is new. */
  tellAll(): void {
    for (const member of this.#options.peers.connected) this.#tell(member, true)
  }

  /** Asks a member whether it knows the same. */
  compare(member: NodeId): void {
    this.#tell(member, false)
  }

  #tell(member: NodeId, withNews: boolean): void {
    if (this.#isStopped) return
    const telling = this.#told.get(member) ?? { isUnderWay: false, isBehind: false }
    this.#told.set(member, telling)
    if (telling.isUnderWay) {
      telling.isBehind = true
      return
    }
    telling.isUnderWay = true
    telling.isBehind = false
    const { known, call } = this.#options
    const { digest, news } = known()
    call(member, { digest, news: withNews ? news : NO_BYTES }, (answer) => {
      telling.isUnderWay = false
      if (isFailure(answer)) return this.#onUntold(member, answer)
      const wasBehind = telling.isBehind || !equalU64(digest, known().digest)
      if (answer.news.length > 0) this.#hear(answer.news)
      if (wasBehind || (answer.news.length > 0 && !withNews)) this.#tell(member, true)
    })
  }

  #hear(news: Uint8Array): void {
    try {
      this.#options.hear(news)
    } catch (error) {
      if (!(error instanceof OperatingError)) throw error
    }
  }

  /** One that is away is told when it connects; one of an older version never. */
  #onUntold(member: NodeId, { code }: OperatingError): void {
    const { peers, clock } = this.#options
    if (code === 'kind-unknown') return
    clock.after(AGAIN_MS, () => {
      if (peers.isConnected(member)) this.#tell(member, true)
    })
  }
}
