/**
 * Finds what this member's copies lack, by comparing hash trees with the other owners, and asks
 * for it (Dynamo 4.7).
 *
 *     sums of all shared partitions ─► those that differ ─► their children … ─► leaves that differ
 *     ─► the same leaves again, a moment later ─► their keys ─► the copies that differ, merged here
 *
 * Each member asks for what it lacks itself: nothing is sent to one that did not ask, so nothing of
 * an exchange arrives late. A leaf that differs a second time has no write under way. Where two
 * leaves differ and all their keys are equal one of the sums is wrong: both members read theirs
 * again.
 *
 * A member exchanges with one other after another, every few seconds; while an exchange finds as
 * much as it may hold, the next follows at once.
 */
import { type Deliver, isFailure, perform } from '../../base/deliver.ts'
import { OperatingError } from '../../base/errors.ts'
import { equalU64 } from '../../base/u64.ts'
import type { CopyId, NodeId } from '../../dynamo/names.ts'
import type { CopyAnswer } from '../../dynamo/quorum/answers.ts'
import { askForOwn } from '../../dynamo/quorum/get.ts'
import {
  bitsBelow,
  type Branch,
  branchesBelow,
  leafOf,
  TREE_LEAF_BITS,
} from '../../dynamo/repair/branches.ts'
import { EXCHANGE_READS_MAX, TREE_BRANCHES_MAX, TREE_LEAVES_MAX } from '../../limits.ts'
import type { Digest, Token } from '../../native/digest.ts'
import type { Clock, Timer } from '../../world/clock.ts'
import type { PeerCalls, Terms } from '../cluster/peer-calls.ts'
import type { Topology } from '../cluster/topology.ts'
import type { Counters } from '../counters.ts'
import type { LeafKeys } from '../replica/leaf-keys.ts'
import type { Replica } from '../replica/replica.ts'
import { isRot } from '../replica/rot.ts'
import type { Trees } from '../replica/trees.ts'

/** Between two looks at a leaf that differs: writes in progress have ended by then. */
const SETTLE_MS = 500
/** For one question: members may be slow after an outage. */
const ANSWER_MS_MAX = 5_000
/** Leaves that one exchange mends at most; while there are so many, the next follows at once. */
const LEAVES_MAX: number = TREE_BRANCHES_MAX

export interface RepairerDependencies {
  readonly clock: Clock
  readonly topology: Topology
  readonly peers: PeerCalls
  readonly replica: Replica
  readonly trees: Trees
  readonly counters: Counters
  readonly isWhole: () => boolean
  readonly exchangeMs: number
}

/** The member to exchange with, and the N of the buckets whose trees are compared. */
interface Exchange {
  readonly node: NodeId
  readonly n: number
}

export class Repairer {
  readonly #node: RepairerDependencies
  #isBusy = false
  #timer: Timer | undefined
  #isStopped = false

  constructor(dependencies: RepairerDependencies) {
    this.#node = dependencies
  }

  begin(): void {
    this.#timer = this.#node.clock.after(this.#node.exchangeMs, () => {
      void this.#exchangeWithAll()
      this.begin()
    })
  }

  stop(): void {
    this.#isStopped = true
    this.#timer?.cancel()
  }

  /** One member after another: what the first one gives need not be asked of the next. */
  async #exchangeWithAll(): Promise<void> {
    const { topology, peers, trees, isWhole } = this.#node
    if (this.#isBusy || !trees.isBuilt || !isWhole()) return
    this.#isBusy = true
    for (const { id } of topology.ring.members) {
      if (this.#isStopped) return
      if (id !== topology.self.id && peers.isConnected(id)) await this.#exchangeWith(id)
    }
    this.#isBusy = false
  }

  async #exchangeWith(node: NodeId): Promise<void> {
    const { topology, counters } = this.#node
    for (const n of new Set(topology.allProperties().map((bucket) => bucket.n))) {
      let repaired: number
      do {
        repaired = counters.keysRepaired
        const found = await this.#exchange({ node, n })
        if (found === undefined) return
        if (found < LEAVES_MAX) break
        // Where this member has nothing to take, the other one has, and asks for it.
      } while (counters.keysRepaired > repaired)
    }
    counters.exchanges += 1
  }

  /** Mends what differs; how many leaves that were. Undefined where the member failed. */
  async #exchange(exchange: Exchange): Promise<number | undefined> {
    const leaves = await this.#descend(exchange)
    if (leaves === undefined || leaves.length === 0) return leaves?.length
    await this.#pause(SETTLE_MS)
    const settled = await this.#differing(exchange, TREE_LEAF_BITS, leaves)
    if (settled === undefined) return undefined
    this.#node.counters.leavesDiffered += settled.length
    for (let at = 0; at < settled.length; at += TREE_LEAVES_MAX) {
      if (!(await this.#mendLeaves(exchange, settled.slice(at, at + TREE_LEAVES_MAX))))
        return undefined
    }
    return settled.length
  }

  /** From the partitions that both own down to the leaves that differ. */
  async #descend(exchange: Exchange): Promise<readonly Branch[] | undefined> {
    let { bits } = this.#node.topology.ring
    let branches: readonly Branch[] | undefined = this.#shared(exchange)
    for (;;) {
      branches = await this.#differing(exchange, bits, branches)
      if (branches === undefined || branches.length === 0 || bits === TREE_LEAF_BITS) break
      branches = branchesBelow(branches, bits)
      bits = bitsBelow(bits)
    }
    return branches
  }

  /** Partitions of buckets with this N that both members own. */
  #shared({ node, n }: Exchange): readonly Branch[] {
    const { ring, lists, self } = this.#node.topology
    const partitions = Array.from({ length: ring.partitionCount }, (_, partition) => partition)
    return partitions.filter((partition) => {
      const { ownerIds } = lists.ofPartition(partition, n)
      return ownerIds.includes(node) && ownerIds.includes(self.id)
    })
  }

  /** Those of these branches whose sums the other member has not, at most `LEAVES_MAX`. */
  async #differing(
    { node, n }: Exchange,
    bits: number,
    branches: readonly Branch[],
  ): Promise<readonly Branch[] | undefined> {
    const { peers, trees } = this.#node
    const differing: Branch[] = []
    for (
      let at = 0;
      at < branches.length && differing.length < LEAVES_MAX;
      at += TREE_BRANCHES_MAX
    ) {
      const part = branches.slice(at, at + TREE_BRANCHES_MAX)
      const sums = part.map((one) => ({ branch: one, sum: trees.sum(n, bits, one) }))
      const answer = await this.#ask<readonly Branch[]>((terms, deliver) => {
        peers.compareTrees(node, { n, bits, sums }, terms, deliver)
      })
      if (isFailure(answer) || this.#isStopped) return undefined
      const asked = new Set(part)
      differing.push(...answer.filter((one) => asked.has(one)))
    }
    return differing.slice(0, LEAVES_MAX)
  }

  /** Asks for what is missing below these leaves; false where the member failed. */
  async #mendLeaves(exchange: Exchange, leaves: readonly Branch[]): Promise<boolean> {
    const { node, n } = exchange
    const keys = new Map<Branch, number>()
    let asked = 0
    let from: Token | undefined
    do {
      const start = from
      const page = await this.#ask<LeafKeys>((terms, deliver) => {
        this.#node.peers.leafKeys(node, { n, leaves, from: start }, terms, deliver)
      })
      if (this.#isStopped) return false
      if (isFailure(page)) return this.#mendBesideRot(exchange, leaves, page)
      for (const { token } of page.entries)
        keys.set(leafOf(token), (keys.get(leafOf(token)) ?? 0) + 1)
      asked += await this.#mendKeys(node, page.entries)
      from = page.next
    } while (from !== undefined)
    return asked > 0 || this.#correct(exchange, leaves, keys)
  }

  /** A key that has rotted there keeps nothing but its own leaf from being mended. */
  async #mendBesideRot(
    exchange: Exchange,
    leaves: readonly Branch[],
    failure: OperatingError,
  ): Promise<boolean> {
    if (!isRot(failure)) return false
    for (const leaf of leaves.length > 1 ? leaves : []) {
      if (!(await this.#mendLeaves(exchange, [leaf]))) return false
    }
    return true
  }

  /** Takes those copies of a page that are something else here; how many they were. */
  async #mendKeys(node: NodeId, entries: LeafKeys['entries']): Promise<number> {
    const behind: CopyId[] = []
    for (const { digest, ...copy } of entries) {
      const held = await this.#digestHere(copy)
      if (held === undefined || !equalU64(held, digest)) behind.push(copy)
    }
    for (let at = 0; at < behind.length && !this.#isStopped; at += EXCHANGE_READS_MAX) {
      const asked = behind.slice(at, at + EXCHANGE_READS_MAX)
      await Promise.all(asked.map((copy) => this.#mendKey(node, copy)))
    }
    return behind.length
  }

  /** Undefined where there is no copy, or none that can be read: one that has rotted is mended. */
  async #digestHere(copy: CopyId): Promise<Digest | undefined> {
    const digest = await new Promise<Digest | OperatingError | undefined>((resolve) => {
      perform(() => this.#node.replica.digest(copy), resolve)
    })
    return digest === undefined || isFailure(digest) ? undefined : digest
  }

  /** Merges what the member has of a key. A failure is left to the next exchange. */
  async #mendKey(node: NodeId, copy: CopyId): Promise<void> {
    const { peers, replica, counters } = this.#node
    const answer = await this.#ask<CopyAnswer>((terms, deliver) => {
      peers.readCopy(askForOwn(node), copy, terms, deliver)
    })
    if (isFailure(answer) || answer.kind !== 'object' || this.#isStopped) return
    const before = replica.lastSequence
    const merged = await new Promise<number | OperatingError>((resolve) => {
      perform(() => replica.merge(copy, answer.object, Number.POSITIVE_INFINITY), resolve)
    })
    // What the member has may be older than what is here.
    if (!isFailure(merged) && merged > before) counters.keysRepaired += 1
  }

  /**
   * Reads leaves again whose sums differ and which have as many keys here as there: all of them are
   * equal, so one of the sums is wrong. `theirs` counts the keys there.
   */
  async #correct(
    exchange: Exchange,
    leaves: readonly Branch[],
    theirs: ReadonlyMap<Branch, number>,
  ): Promise<boolean> {
    const differing = await this.#differing(exchange, TREE_LEAF_BITS, leaves)
    for (const leaf of differing ?? []) {
      const here = await this.#countKeys(exchange.n, leaf)
      if (here === (theirs.get(leaf) ?? 0)) this.#node.trees.correct(leaf)
    }
    return differing !== undefined
  }

  /** Undefined where they cannot all be read. */
  async #countKeys(n: number, leaf: Branch): Promise<number | undefined> {
    let count = 0
    let from: Token | undefined
    do {
      const start = from
      const page = await new Promise<LeafKeys | OperatingError>((resolve) => {
        perform(() => this.#node.replica.leafKeys({ n, leaves: [leaf], from: start }), resolve)
      })
      if (isFailure(page) || this.#isStopped) return undefined
      count += page.entries.length
      from = page.next
    } while (from !== undefined)
    return count
  }

  /** The answer of a member, or why there is none: a member that is silent is not waited for. */
  #ask<T>(ask: (terms: Terms, deliver: Deliver<T>) => void): Promise<T | OperatingError> {
    const { clock, topology } = this.#node
    return new Promise((resolve) => {
      const late = new OperatingError('deadline-passed', 'a member did not answer an exchange')
      const timer = clock.after(ANSWER_MS_MAX, () => resolve(late))
      ask({ ring: topology.ring.digest, deadline: clock.now() + ANSWER_MS_MAX }, (answer) => {
        timer.cancel()
        resolve(answer)
      })
    })
  }

  #pause(ms: number): Promise<void> {
    return new Promise((resolve) => this.#node.clock.after(ms, resolve))
  }
}
