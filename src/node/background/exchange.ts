/**
 * One exchange with another owner: finds what this member's copies lack, by comparing hash trees,
 * and asks for it (Dynamo 4.7).
 *
 *     where the other one stands in rounds
 *     ─► sums of all shared partitions ─► those that differ ─► their children … ─► leaves
 *     ─► the same leaves again, a moment later ─► their keys ─► the copies that differ, merged here
 *     ─► whether the other one is still in the same start
 *
 * Nothing is sent to one that did not ask, so nothing of an exchange arrives late. A leaf that
 * differs a second time has no write under way. Where two leaves differ and all their keys are
 * equal one of the sums is wrong: both members read theirs again.
 *
 * A copy that has rotted there is passed over: what it carried counts as destroyed, and is to be
 * had from other owners. One that has rotted here is mended first, or the exchange is incomplete.
 */
import { type Deliver, isFailure, perform } from '../../base/deliver.ts'
import type { ErrorCode, OperatingError } from '../../base/errors.ts'
import { equalU64 } from '../../base/u64.ts'
import type { CopyId, NodeId } from '../../dynamo/names.ts'
import { type Branch, leafOf, TREE_LEAF_BITS, TREE_LEAVES } from '../../dynamo/repair/branches.ts'
import { Descent, type Level } from '../../dynamo/repair/descent.ts'
import type { RoundFloor } from '../../dynamo/repair/round.ts'
import type { RingDigest } from '../../dynamo/ring/ring.ts'
import { decodeObject } from '../../dynamo/version/object-bytes.ts'
import { TREE_BRANCHES_MAX, TREE_KEYS_MAX, TREE_LEAVES_MAX } from '../../limits.ts'
import type { Digest, Token } from '../../native/digest.ts'
import type { Clock } from '../../world/clock.ts'
import type { ObjectsAnswer, PeerCalls, RoundsAnswer, Terms } from '../cluster/peer-calls.ts'
import type { Topology } from '../cluster/topology.ts'
import type { Counters } from '../counters.ts'
import type { Floors } from '../replica/floors.ts'
import { askMember } from './ask-member.ts'
import type { Equalities } from './equalities.ts'
import type { Pacing, Work } from './pacing.ts'
import { isAllDurable } from '../replica/durable.ts'
import { mapKeyOf } from '../replica/key-steps.ts'
import type { LeafKeys, Leaves } from '../replica/leaf-keys.ts'
import type { Replica } from '../replica/replica.ts'
import { isRot } from '../replica/rot.ts'
import type { Trees } from '../replica/trees.ts'

/** Between two looks at a leaf that differs: writes in progress have ended by then. */
const SETTLE_MS = 500

export interface ExchangeDependencies {
  readonly clock: Clock
  readonly topology: Topology
  readonly peers: PeerCalls
  readonly replica: Replica
  readonly trees: Trees
  readonly floors: Floors
  readonly counters: Counters
  readonly equalities: Equalities
  readonly pacing: Pacing
}

/** The N of the buckets whose trees are compared. */
type OfTree = { readonly n: number }

/** Partitions to compare, in place of those that both own. */
export interface Scope {
  readonly n: number
  readonly partitions: readonly number[]
  /** The other side takes no writes for them: what differs need not be looked at twice. */
  readonly isClosed: boolean
}

export class Exchange {
  readonly #node: ExchangeDependencies
  readonly #with: NodeId
  readonly #isStopped: () => boolean
  readonly #work: Work
  readonly #scope: Scope | undefined
  /**
   * The other side gives places, or copies, away. What this member lacks there is no sign of death,
   * whichever round it has adopted: it has not owned them. No round has passed since moves began.
   */
  readonly #isGiven: boolean
  /** The round of the other owner. */
  #theirs: RoundFloor
  /** Why something could not be had, here or there. */
  #failure: ErrorCode | undefined
  /** Behind the last leaf that this pass looks at. */
  #end: Branch = TREE_LEAVES

  /** `state`: what the other owner said of itself as the exchange began. */
  constructor(
    node: ExchangeDependencies,
    other: NodeId,
    state: RoundsAnswer,
    isStopped: () => boolean,
    scope?: Scope,
  ) {
    this.#node = node
    this.#scope = scope
    this.#with = other
    this.#theirs = state.adopted
    this.#isGiven = scope !== undefined && state.isWhole
    this.#isStopped = isStopped
    this.#work = node.pacing.work()
  }

  /**
   * In the trees of one N, or in all. Undefined where all that the other owner carried when this
   * began is durable here, or rightly is not taken, as far as the owner has not restarted since;
   * else why not.
   */
  async run(only: number | undefined): Promise<ErrorCode | undefined> {
    const { topology, replica } = this.#node
    for (const n of only === undefined ? topology.ns : [only]) {
      if (!(await this.#mendTree({ n }))) return this.#failure ?? 'node-stopping'
    }
    return (await isAllDurable(replica)) ? this.#failure : 'disk-failed'
  }

  /** False where the member failed. */
  async #mendTree(tree: OfTree): Promise<boolean> {
    for (let from: Branch = 0; from < TREE_LEAVES; from = this.#end) {
      if (!(await this.#pass(tree, from))) return false
      if (this.#failure !== undefined) return true
    }
    return true
  }

  /** Mends what differs from a leaf on, up to `#end`. False where the member failed. */
  async #pass(tree: OfTree, from: Branch): Promise<boolean> {
    const leaves = await this.#descend(tree, from)
    if (leaves === undefined) return false
    if (leaves.length === 0) return true
    const settled = await this.#settled(tree, leaves)
    if (settled === undefined) return false
    this.#node.counters.leavesDiffered += settled.length
    for (let at = 0; at < settled.length; at += TREE_LEAVES_MAX) {
      if (!(await this.#mendLeaves(tree, settled.slice(at, at + TREE_LEAVES_MAX)))) return false
    }
    return true
  }

  /** Those of the leaves that differ still: writes that were under way have ended. */
  async #settled(tree: OfTree, leaves: readonly Branch[]): Promise<readonly Branch[] | undefined> {
    if (this.#scope?.isClosed === true) return leaves
    await this.#pause(SETTLE_MS)
    return this.#differing(tree, leavesOf(leaves))
  }

  /** From the partitions that both own down to the leaves that differ. */
  async #descend(tree: OfTree, from: Branch): Promise<readonly Branch[] | undefined> {
    const { topology } = this.#node
    const { bits } = topology.ring
    const branches = this.#scope?.partitions ?? topology.sharedPartitions(this.#with, tree.n)
    const descent = new Descent({ bits, branches }, from)
    for (let level = descent.next(); level !== undefined; level = descent.next()) {
      const differing = await this.#differing(tree, level)
      if (differing === undefined) return undefined
      descent.take(differing)
    }
    this.#end = descent.end
    return descent.leaves
  }

  /** Those of these branches whose sums the other member has not. */
  async #differing(
    { n }: OfTree,
    { bits, branches }: Level,
  ): Promise<readonly Branch[] | undefined> {
    const { clock, topology, peers, trees, equalities } = this.#node
    const differing: Branch[] = []
    for (let at = 0; at < branches.length; at += TREE_BRANCHES_MAX) {
      // Not between the sums and the question: they would be of two moments.
      await this.#rest()
      const part = branches.slice(at, at + TREE_BRANCHES_MAX)
      const sums = part.map((one) => ({ branch: one, sum: trees.sum(n, bits, one) }))
      const askedMs = clock.now()
      const ring = topology.digestOfBranches(bits, part, n)
      const answer = await this.#ask<readonly Branch[]>(ring, (terms, deliver) => {
        peers.compareTrees(this.#with, { n, bits, sums }, terms, deliver)
      })
      if (isFailure(answer) || this.#isStopped()) return undefined
      if (bits === topology.ring.bits && this.#scope === undefined) {
        equalities.compared({ node: this.#with, n }, sums, new Set(answer), askedMs)
      }
      differing.push(...answer)
    }
    return differing
  }

  /** Asks for what is missing below these leaves; false where the member failed. */
  async #mendLeaves(tree: OfTree, leaves: readonly Branch[]): Promise<boolean> {
    const theirs = new Map<string, Branch>()
    let asked = 0
    let from: Token | undefined
    do {
      await this.#rest()
      const start = from
      const ring = this.#node.topology.digestOfBranches(TREE_LEAF_BITS, leaves, tree.n)
      const page = await this.#ask<LeafKeys>(ring, (terms, deliver) => {
        this.#node.peers.leafKeys(this.#with, { ...tree, leaves, from: start }, terms, deliver)
      })
      if (isFailure(page) || this.#isStopped()) return false
      for (const copy of page.entries) theirs.set(mapKeyOf(copy), leafOf(copy.token))
      asked += await this.#mendKeys(page.entries)
      from = page.next
    } while (from !== undefined)
    if (this.#isBehind) asked += await this.#yield(tree, leaves, theirs)
    return asked > 0 || this.#correct(tree, leaves, theirs)
  }

  /** Takes those copies of a page that are something else here; how many they were. */
  async #mendKeys(entries: LeafKeys['entries']): Promise<number> {
    const behind: CopyId[] = []
    for (const { digest, ...copy } of entries) {
      const held = await this.#digestHere(copy)
      if (held === undefined || !equalU64(held, digest)) behind.push(copy)
    }
    await this.#take(behind)
    return behind.length
  }

  /** Between owners of two rounds the lower yields, also in what the higher does not have. */
  get #isBehind(): boolean {
    return !this.#isGiven && this.#node.floors.adopted.number < this.#theirs.number
  }

  /** Asks for the keys below these leaves that the other owner did not name; how many they were. */
  async #yield(
    tree: OfTree,
    leaves: readonly Branch[],
    theirs: ReadonlyMap<string, Branch>,
  ): Promise<number> {
    let asked = 0
    let from: Token | undefined
    do {
      const page = await this.#pageHere({ ...tree, leaves, from })
      if (page === undefined) break
      const others = page.entries.filter((copy) => !theirs.has(mapKeyOf(copy)))
      await this.#take(others)
      asked += others.length
      from = page.next
    } while (from !== undefined)
    return asked
  }

  /** Undefined where there is no copy, or none that can be read: one that has rotted is mended. */
  async #digestHere(copy: CopyId): Promise<Digest | undefined> {
    const digest = await new Promise<Digest | OperatingError | undefined>((resolve) => {
      perform(() => this.#node.replica.ownDigest(copy), resolve)
    })
    return digest === undefined || isFailure(digest) ? undefined : digest
  }

  /** Takes what the other owner carries of these keys, as many as one answer brings at a time. */
  async #take(copies: readonly CopyId[]): Promise<void> {
    for (let at = 0; at < copies.length && !this.#isStopped(); ) {
      await this.#rest()
      const part = copies.slice(at, at + TREE_KEYS_MAX)
      this.#node.replica.objectsAwaited += 1
      const ring = this.#node.topology.digestOfKeys(part)
      const answer = await this.#askOnly<ObjectsAnswer>(ring, (terms, deliver) => {
        this.#node.peers.objects(this.#with, part, terms, deliver)
      })
      // The key that comes first may have rotted there: what that carried is nowhere.
      const objects = isFailure(answer) && isRot(answer) ? [] : this.#objectsOf(answer)
      if (objects === undefined) {
        this.#node.replica.objectsAwaited -= 1
        return
      }
      for (const [i, bytes] of objects.entries()) await this.#takeOne(part[i] as CopyId, bytes)
      this.#node.replica.objectsAwaited -= 1
      at += Math.max(1, objects.length)
    }
  }

  /** Undefined where the other owner failed, or is at another round by now. */
  #objectsOf(answer: ObjectsAnswer | OperatingError): ObjectsAnswer['objects'] | undefined {
    if (!isFailure(answer) && answer.round === this.#theirs.number) return answer.objects
    this.#failure ??= isFailure(answer) ? answer.code : 'round-left'
    return undefined
  }

  async #takeOne(copy: CopyId, bytes: Uint8Array | undefined): Promise<void> {
    const { replica, counters } = this.#node
    const object = bytes === undefined ? undefined : decodeObject(bytes)
    if (bytes !== undefined && object === undefined) {
      this.#failure ??= 'message-garbled'
      return
    }
    const lie = object === undefined ? undefined : this.#node.peers.lieIn(this.#with, object)
    if (lie !== undefined) {
      this.#failure ??= lie.code
      return
    }
    const theirs = this.#isGiven ? this.#node.floors.adopted : this.#theirs
    const hasChanged = await new Promise<boolean | OperatingError>((resolve) => {
      perform(() => replica.exchange(copy, object, theirs), resolve)
    })
    if (isFailure(hasChanged)) this.#failure ??= hasChanged.code
    // What the other one has may be older than what is here.
    else if (hasChanged) counters.keysRepaired += 1
  }

  /**
   * Reads leaves again whose sums differ and which have as many keys here as there: all of them are
   * equal, so one of the sums is wrong.
   */
  async #correct(
    tree: OfTree,
    leaves: readonly Branch[],
    theirs: ReadonlyMap<string, Branch>,
  ): Promise<boolean> {
    const differing = await this.#differing(tree, leavesOf(leaves))
    for (const leaf of differing ?? []) {
      const there = [...theirs.values()].filter((one) => one === leaf).length
      const here = await this.#countKeys(tree, leaf)
      if (here === there) this.#node.trees.correct(leaf)
    }
    return differing !== undefined
  }

  /** Undefined where they cannot all be read. */
  async #countKeys(tree: OfTree, leaf: Branch): Promise<number | undefined> {
    let count = 0
    let from: Token | undefined
    do {
      const page = await this.#pageHere({ ...tree, leaves: [leaf], from })
      if (page === undefined) return undefined
      count += page.entries.length
      from = page.next
    } while (from !== undefined)
    return count
  }

  /** Keys here; undefined where they cannot all be read. */
  async #pageHere(leaves: Leaves): Promise<LeafKeys | undefined> {
    await this.#rest()
    if (this.#isStopped()) return undefined
    const page = await new Promise<LeafKeys | OperatingError>((resolve) => {
      perform(() => this.#node.replica.leafKeys(leaves), resolve)
    })
    if (!isFailure(page) && !this.#isStopped()) return page
    this.#failure ??= isFailure(page) ? page.code : 'node-stopping'
    return undefined
  }

  async #ask<T>(
    ring: RingDigest,
    ask: (terms: Terms, deliver: Deliver<T>) => void,
  ): Promise<T | OperatingError> {
    const answer = await this.#askOnly(ring, ask)
    if (isFailure(answer)) this.#failure ??= answer.code
    return answer
  }

  async #askOnly<T>(
    ring: RingDigest,
    ask: (terms: Terms, deliver: Deliver<T>) => void,
  ): Promise<T | OperatingError> {
    this.#work.pause()
    const answer = await askMember(this.#node.clock, ring, ask)
    this.#work.resume()
    return answer
  }

  /** Not while the other side is closed for this: then requests wait for it. */
  async #rest(): Promise<void> {
    if (this.#scope?.isClosed !== true) await this.#work.rest()
  }

  async #pause(ms: number): Promise<void> {
    this.#work.pause()
    await new Promise<void>((resolve) => this.#node.clock.after(ms, resolve))
    this.#work.resume()
  }
}

function leavesOf(branches: readonly Branch[]): Level {
  return { bits: TREE_LEAF_BITS, branches }
}
