/**
 * Gives copies away that this member does not own, to all owners, and then drops them.
 *
 * Whatever the reason (its move has ended, or a table was taken back while it filled), a member
 * with copies of a partition that it neither owns nor fills is a *donor*. Each of the N owners
 * exchanges with it. When all have done so, at one stage, the copies go, as long as the
 * stage is the same: the step that erases looks. Nothing can come meanwhile: a member takes no
 * write for what it does not own.
 *
 * Source: docs/design.md, donors; test/model/ownership.
 */
import { isFailure } from '../../base/deliver.ts'
import { readU32 } from '../../base/bytes.ts'
import { isOperatingError } from '../../base/errors.ts'
import { equalU64, u64 } from '../../base/u64.ts'
import { type NodeId, OWN } from '../../dynamo/names.ts'
import { firstTokenOf, lastTokenOf } from '../../dynamo/ring/partition.ts'
import type { RingDigest } from '../../dynamo/ring/ring.ts'
import type { VersionedObject } from '../../dynamo/version/object.ts'
import { MOVE_PARTITIONS_MAX, SCAN_PAGE_BYTES_MAX, TREE_KEYS_MAX } from '../../limits.ts'
import type { Token } from '../../native/digest.ts'
import type { AttemptId, PeerMoveReply } from '../../wire/message/peer.ts'
import { MoveStep } from '../../wire/message/peer.ts'
import type { Clock, Timer } from '../../world/clock.ts'
import type { Entropy } from '../../world/entropy.ts'
import type { Trace } from '../../world/trace.ts'
import type { PeerCalls } from '../cluster/peer-calls.ts'
import type { Topology } from '../cluster/topology.ts'
import type { DigestPage, Engine } from '../../store/engine.ts'
import type { Replica } from '../replica/replica.ts'
import type { Trees } from '../replica/trees.ts'
import { askMember } from './ask-member.ts'
import type { Work } from './pacing.ts'
import { changeCopy } from './range-removal.ts'

/** Between two looks for copies to give away. */
const LOOK_MS = 2_000
/** Between two questions to an owner that takes them. */
const AGAIN_MS = 500

export interface DonorDependencies {
  readonly clock: Clock
  readonly entropy: Entropy
  readonly trace: Trace
  readonly topology: Topology
  readonly peers: PeerCalls
  readonly engine: Engine
  readonly replica: Replica
  readonly trees: Trees
  readonly pacing: { work(): Work }
  /** An operator lets moves wait; a gift under way ends. */
  readonly isPaused: () => boolean
}

/** Partitions with the same owners. */
interface Gift {
  readonly n: number
  readonly partitions: readonly number[]
  readonly owners: readonly NodeId[]
  readonly ring: RingDigest
}

export class Donor {
  readonly #node: DonorDependencies
  #timer: Timer | undefined
  #isStopped = false

  constructor(dependencies: DonorDependencies) {
    this.#node = dependencies
  }

  begin(): void {
    if (this.#isStopped) return
    this.#timer = this.#node.clock.after(LOOK_MS, () => void this.#look().then(() => this.begin()))
  }

  stop(): void {
    this.#isStopped = true
    this.#timer?.cancel()
  }

  /** Partitions, of all N, with copies here that are to be given away. */
  get left(): number {
    let left = 0
    for (const n of this.#node.trees.ns) left += this.#foreign(n).length
    return left
  }

  /** Those of buckets with this N that have copies here, and are neither owned nor filled here. */
  #foreign(n: number): readonly number[] {
    const { topology, trees } = this.#node
    const { lists, ring, self } = topology
    const foreign: number[] = []
    for (let partition = 0; partition < ring.partitionCount; partition++) {
      const { ownerIds, filler } = lists.ofPartition(partition, n)
      if (ownerIds.includes(self.id) || filler === self.id) continue
      const sum = trees.sum(n, ring.bits, partition)
      if (sum.hi !== 0 || sum.lo !== 0) foreign.push(partition)
    }
    return foreign
  }

  async #look(): Promise<void> {
    const { trees, trace } = this.#node
    if (!trees.isBuilt) return
    for (const n of trees.ns) {
      for (const gift of this.#gifts(n)) {
        if (this.#isStopped || this.#node.isPaused()) return
        if (!(await this.#give(gift))) continue
        if (!(await this.#hasDropped(gift))) continue
        trace.record('copies-given', { n, count: gift.partitions.length })
      }
    }
  }

  #gifts(n: number): readonly Gift[] {
    const { lists, stages } = this.#node.topology
    const byOwners = new Map<string, { owners: readonly NodeId[]; partitions: number[] }>()
    for (const partition of this.#foreign(n)) {
      const { ownerIds: owners } = lists.ofPartition(partition, n)
      const gift = byOwners.get(owners.join()) ?? { owners, partitions: [] }
      byOwners.set(owners.join(), gift)
      if (gift.partitions.length < MOVE_PARTITIONS_MAX) gift.partitions.push(partition)
    }
    return [...byOwners.values()].map(({ owners, partitions }) => {
      const ring = stages.digestOf(partitions.map((one) => [one, n]))
      return { n, partitions, owners, ring }
    })
  }

  /** True once all owners hold it durably. */
  async #give(gift: Gift): Promise<boolean> {
    const { clock, entropy, peers } = this.#node
    const bytes = entropy.bytes(8)
    const attempt: AttemptId = u64(readU32(bytes, 0), readU32(bytes, 4))
    const waiting = new Set(gift.owners)
    while (waiting.size > 0) {
      for (const owner of [...waiting]) {
        if (this.#isStopped || !peers.isConnected(owner) || !this.#isSame(gift)) return false
        const answer = await this.#ask(owner, gift, attempt)
        if (isFailure(answer)) return false
        if (answer.isWhole) waiting.delete(owner)
      }
      if (waiting.size > 0) await new Promise<void>((resolve) => clock.after(AGAIN_MS, resolve))
    }
    return this.#isSame(gift)
  }

  /** The owners are the same, and this member has not become one of them. */
  #isSame({ n, partitions, ring }: Gift): boolean {
    const { stages } = this.#node.topology
    return equalU64(stages.digestOf(partitions.map((one) => [one, n])), ring)
  }

  #ask(owner: NodeId, { n, partitions, ring }: Gift, attempt: AttemptId) {
    const { clock, peers } = this.#node
    return askMember<PeerMoveReply>(clock, ring, (terms, deliver) => {
      peers.move(owner, { step: MoveStep.take, n, partitions, attempt }, terms, deliver)
    })
  }

  /** False where the disk has no room, or a record cannot be read: the next look tries again. */
  async #hasDropped(gift: Gift): Promise<boolean> {
    try {
      await this.#drop(gift)
      return true
    } catch (error) {
      if (isOperatingError(error)) return false
      throw error
    }
  }

  /** One record for each partition of which nothing is owned here for any N; else key by key. */
  async #drop(gift: Gift): Promise<void> {
    const { topology, replica } = this.#node
    const { ring } = topology
    for (const partition of gift.partitions) {
      if (this.#isStopped || !this.#isSame(gift)) return
      const range = {
        from: firstTokenOf(partition, ring.bits),
        to: lastTokenOf(partition, ring.bits),
      }
      if (this.#isForeignAlone(partition, gift.n)) replica.writer.drop(range, ring.bits, partition)
      else await this.#erase(gift, range)
    }
  }

  /** No bucket with another N has copies here. */
  #isForeignAlone(partition: number, n: number): boolean {
    const { topology, trees } = this.#node
    return trees.ns.every((other) => {
      const sum = trees.sum(other, topology.ring.bits, partition)
      return other === n || (sum.hi === 0 && sum.lo === 0)
    })
  }

  async #erase(gift: Gift, range: { readonly from: Token; readonly to: Token }): Promise<void> {
    const { engine, replica, pacing } = this.#node
    const work = pacing.work()
    // A change waits for its turn, and a table may give the place back meanwhile.
    const unlessOwned = (object: VersionedObject): VersionedObject | undefined =>
      this.#isSame(gift) ? undefined : object
    let from: Token | undefined = range.from
    while (from !== undefined && !this.#isStopped && this.#isSame(gift)) {
      await work.rest()
      const bounds = { keysMax: TREE_KEYS_MAX, bytesMax: SCAN_PAGE_BYTES_MAX }
      const query = { place: OWN, from, to: range.to, ...bounds }
      const page: DigestPage = await engine.digests(query)
      for (const copy of page.entries) {
        if (copy.bucketId.n === gift.n) await changeCopy(replica, copy, unlessOwned)
      }
      from = page.next
    }
  }
}
