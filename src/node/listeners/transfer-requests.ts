/**
 * Bulk transfers that other members ask for: the next page of a pass over this node's log.
 *
 * A receiver asks page by page, so it sets the pace, and so does this node, by when it answers. One
 * page is read ahead for each. So many members take a transfer at once; a further one is refused,
 * and asks again.
 */
import { perform } from '../../base/deliver.ts'
import { isFailure } from '../../base/deliver.ts'
import { OperatingError } from '../../base/errors.ts'
import { equalU64 } from '../../base/u64.ts'
import { isSamePoint } from '../../dynamo/handoff/log-point.ts'
import type { NodeId } from '../../dynamo/names.ts'
import { partitionOf } from '../../dynamo/ring/partition.ts'
import { OVERLOAD_RETRY_MS, TRANSFER_BYTES_MAX, TRANSFER_RECEIVERS_MAX } from '../../limits.ts'
import type { Engine, TransferPage } from '../../store/engine.ts'
import type { PeerTransfer } from '../../wire/message/peer.ts'
import type { IncomingCallOf, Session } from '../../wire/session.ts'
import type { Clock } from '../../world/clock.ts'
import type { Pacing } from '../background/pacing.ts'
import type { Rings } from '../cluster/rings.ts'
import type { Topology } from '../cluster/topology.ts'
import type { Counters } from '../counters.ts'

export interface TransferRequestsDependencies {
  readonly clock: Clock
  readonly topology: Topology
  readonly rings: Pick<Rings, 'onDiffers'>
  readonly engine: Pick<Engine, 'transfers'>
  readonly pacing: Pick<Pacing, 'answer'>
  readonly counters: Counters
}

/** A member that has not asked for so long takes no transfer any more. */
const RECEIVING_MS = 5_000
/** Of an engine that gives its copies one by one: exchanges bring them. */
const NO_PAGE: ReadPage = {
  records: new Uint8Array(0),
  next: undefined,
  end: { segment: 0, offset: 0 },
  rotten: 0,
  readMs: 0,
}

/** A page that is read before it is asked for. */
interface Ahead {
  readonly session: Session
  /** That it answers. */
  readonly request: PeerTransfer
  readonly page: Promise<ReadPage>
  readonly sinceMs: number
}

interface ReadPage extends TransferPage {
  /** How long that took. */
  readonly readMs: number
}

export class TransferRequests {
  readonly #node: TransferRequestsDependencies
  /** When each member asked last. */
  readonly #receivers = new Map<NodeId, number>()
  #ahead: Ahead[] = []

  constructor(dependencies: TransferRequestsDependencies) {
    this.#node = dependencies
  }

  onCall(call: IncomingCallOf<'peerTransfer'>, session: Session): void {
    const { clock, pacing, counters } = this.#node
    perform(
      () => this.#page(call, session),
      (page) => {
        if (isFailure(page)) {
          counters.countFailure(page)
          return call.fail(page)
        }
        counters.transferGivenBytes += page.records.length
        pacing.answer(clock.now() - page.readMs, () => {
          call.answer(page)
          this.#readAhead(call.request, page, session)
        })
      },
    )
  }

  async #page(
    { request, room }: IncomingCallOf<'peerTransfer'>,
    session: Session,
  ): Promise<ReadPage> {
    const { node: from } = session
    if (from === undefined) throw new OperatingError('kind-unknown', 'members alone take transfers')
    this.#requireSameOwners(request, from)
    this.#admit(from)
    await room.reserve(TRANSFER_BYTES_MAX)
    return this.#takeAhead(request, session) ?? this.#read(request)
  }

  async #read(request: PeerTransfer): Promise<ReadPage> {
    const { topology, engine, clock } = this.#node
    if (engine.transfers === undefined) return NO_PAGE
    const beganMs = clock.now()
    const { bits, partitionCount } = topology.ring
    const wanted = new Uint8Array(partitionCount)
    for (const partition of request.partitions) wanted[partition] = 1
    const page = await engine.transfers.read({
      from: request.from,
      end: request.end,
      bytesMax: TRANSFER_BYTES_MAX,
      isWanted: (token, n) => n === request.n && wanted[partitionOf(token, bits)] === 1,
    })
    return { ...page, readMs: clock.now() - beganMs }
  }

  /**
   * Reads the page that is asked for next, while this one is on its way. The receiver waits for
   * objects as long as it asks, and rounds wait for moves: so a page that is older than its
   * question is as any answer to it. One that is not asked for stays until another one is read.
   */
  #readAhead(request: PeerTransfer, { next, end }: TransferPage, session: Session): void {
    const sinceMs = this.#node.clock.now()
    this.#ahead = this.#ahead.filter((one) => one.sinceMs + RECEIVING_MS >= sinceMs)
    // A node that stops ends its sessions before it closes the engine.
    if (next === undefined || session.isEnded) return
    if (this.#ahead.length >= TRANSFER_RECEIVERS_MAX) return
    const asked = { ...request, from: next, end }
    const page = this.#read(asked)
    // It is told where it is asked for.
    page.catch(() => undefined)
    this.#ahead.push({ session, request: asked, page, sinceMs })
  }

  #takeAhead(request: PeerTransfer, session: Session): Promise<ReadPage> | undefined {
    const now = this.#node.clock.now()
    const found = this.#ahead.find((one) => {
      const isRecent = one.sinceMs + RECEIVING_MS >= now
      return isRecent && one.session === session && isSameRequest(one.request, request)
    })
    this.#ahead = this.#ahead.filter((one) => one !== found)
    return found?.page
  }

  #requireSameOwners(
    { ring, n, partitions }: IncomingCallOf<'peerTransfer'>['request'],
    from: NodeId,
  ): void {
    const { topology, rings } = this.#node
    const isOfRing = partitions.every((one) => one < topology.ring.partitionCount)
    const pairs = partitions.map((one) => [one, n] as const)
    if (isOfRing && equalU64(topology.stages.digestOf(pairs), ring)) return
    rings.onDiffers(from)
    const sentence = 'sender and receiver know different owners: the older one learns them now'
    throw new OperatingError('ring-differs', sentence)
  }

  #admit(node: NodeId): void {
    const now = this.#node.clock.now()
    for (const [one, askedMs] of this.#receivers) {
      if (askedMs + RECEIVING_MS < now) this.#receivers.delete(one)
    }
    if (!this.#receivers.has(node) && this.#receivers.size >= TRANSFER_RECEIVERS_MAX) {
      const limit = { name: 'TRANSFER_RECEIVERS_MAX', value: TRANSFER_RECEIVERS_MAX }
      const details = { retryAfterMs: OVERLOAD_RETRY_MS, limit }
      const sentence = 'other members take transfers from this node: ask again later'
      throw new OperatingError('overloaded', sentence, { details })
    }
    this.#receivers.set(node, now)
  }
}

function isSameRequest(a: PeerTransfer, b: PeerTransfer): boolean {
  return (
    equalU64(a.ring, b.ring) &&
    a.n === b.n &&
    a.run === b.run &&
    a.partitions.join() === b.partitions.join() &&
    isSamePoint(a.from, b.from) &&
    isSamePoint(a.end, b.end)
  )
}
