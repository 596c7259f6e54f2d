/**
 * Partitions that this member, as the one that leaves them, has closed: it acknowledges and answers
 * nothing for them until the move has ended, or they are open again.
 *
 * In memory alone: a restart opens everything, and an attempt that was begun before it never ends a
 * move. So does an attempt of which nothing is heard for a while.
 *
 * Source: docs/design.md, moves of places; test/model/ownership.
 */
import { readU32 } from '../../base/bytes.ts'
import { equalU64, u64 } from '../../base/u64.ts'
import type { AttemptId } from '../../wire/message/peer.ts'
import type { Clock, Timer } from '../../world/clock.ts'
import type { Entropy } from '../../world/entropy.ts'
import type { ReplicaDependencies } from '../replica/replica-dependencies.ts'
import type { RingView } from '../../dynamo/ring/ring-view.ts'
import type { Topology } from './topology.ts'

/** A filler that does not end what it had closed has so long. */
const CLOSED_MS_MAX = 5_000

/** What a replica asks before it acknowledges or answers. */
export function opennessOf(
  topology: Topology,
  closings: Closings,
  mayHaveGiven: RingView['mayHaveGiven'],
): Pick<ReplicaDependencies, 'isOpen' | 'isOpenRange'> {
  // The other owners fill its places, and do not ask it: what it took would be lost to readers.
  const isNamedDead = (): boolean => topology.stages.table.without.includes(topology.self.id)
  return {
    isOpen: (copy) => {
      if (!topology.owns(copy) || isNamedDead()) return false
      const { n } = copy.bucketId
      const partition = topology.ring.partitionOf(copy.token)
      return !mayHaveGiven(n, partition) && !closings.isClosed(partition, n)
    },
    isOpenRange: ({ from, to, n }) => {
      const [first, last] = [topology.ring.partitionOf(from), topology.ring.partitionOf(to)]
      if (!topology.ownsAll(first, last, n) || isNamedDead()) return false
      return !mayHaveGiven(n, first, last) && !closings.hasIn(first, last)
    },
  }
}

/** Partitions of buckets with one N, closed for one filler. */
export interface Closing {
  readonly attempt: AttemptId
  readonly n: number
  readonly partitions: readonly number[]
  /** All that this member acknowledged was in its copies when it closed. */
  readonly isWhole: boolean
}

interface Open extends Closing {
  readonly timer: Timer
}

export class Closings {
  readonly #clock: Clock
  readonly #entropy: Entropy
  /** By N, the partitions that are closed. */
  readonly #closed = new Map<number, Set<number>>()
  #all: Open[] = []

  constructor(clock: Clock, entropy: Entropy) {
    this.#clock = clock
    this.#entropy = entropy
  }

  isClosed(partition: number, n: number): boolean {
    return this.#closed.get(n)?.has(partition) === true
  }

  /** Whether one of these is closed, for any N. */
  hasIn(first: number, last: number): boolean {
    return this.#all.some(({ partitions }) => partitions.some((p) => p >= first && p <= last))
  }

  /** Undefined where one of the partitions is closed already. */
  close(asked: Omit<Closing, 'attempt'>): Closing | undefined {
    const { n, partitions } = asked
    if (partitions.some((one) => this.isClosed(one, n))) return undefined
    const bytes = this.#entropy.bytes(8)
    const attempt: AttemptId = u64(readU32(bytes, 0), readU32(bytes, 4))
    const timer = this.#clock.after(CLOSED_MS_MAX, () => this.open(attempt))
    const closing = { ...asked, attempt, timer }
    this.#all.push(closing)
    const closed = this.#closed.get(n) ?? new Set()
    this.#closed.set(n, closed)
    for (const one of partitions) closed.add(one)
    return closing
  }

  /** What was closed, as long as it is. */
  of(attempt: AttemptId): Closing | undefined {
    return this.#all.find((one) => equalU64(one.attempt, attempt))
  }

  /** It is not opened by itself: its move is about to end. */
  hold(attempt: AttemptId): void {
    this.#all.find((one) => equalU64(one.attempt, attempt))?.timer.cancel()
  }

  /** Also where the move has ended: then others own the partitions. */
  open(attempt: AttemptId): void {
    const closing = this.#all.find((one) => equalU64(one.attempt, attempt))
    if (closing === undefined) return
    closing.timer.cancel()
    this.#all = this.#all.filter((one) => one !== closing)
    for (const one of closing.partitions) this.#closed.get(closing.n)?.delete(one)
  }

  stop(): void {
    for (const { attempt } of [...this.#all]) this.open(attempt)
  }
}
