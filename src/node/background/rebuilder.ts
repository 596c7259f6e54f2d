/**
 * Rebuilds the copies of a node whose disk was emptied: reads every key of its ranges from the
 * other owners.
 *
 * From each other owner partition after partition, until so many owners have given each that one of
 * them is among the W that acknowledged any write. While it runs, the node's acknowledgements count
 * and its reads do not (`own-standing.ts`). What is done survives a restart. An owner that is away
 * is waited for: it may hold what no other does.
 */
import { EMPTY_BYTES } from '../../base/bytes.ts'
import { isFailure, perform } from '../../base/deliver.ts'
import type { OperatingError } from '../../base/errors.ts'
import { compareU64, nextU64, u64 } from '../../base/u64.ts'
import { type CopyId, NEVER_CREATED, type NodeId, OWN } from '../../dynamo/names.ts'
import { lastTokenOf } from '../../dynamo/ring/partition.ts'
import { decodeObject } from '../../dynamo/version/object-bytes.ts'
import type { VersionedObject } from '../../dynamo/version/object.ts'
import { SCAN_PAGE_KEYS_MAX } from '../../limits.ts'
import { askForOwn } from '../../dynamo/quorum/get.ts'
import type { Token } from '../../native/digest.ts'
import type { Clock } from '../../world/clock.ts'
import type { Trace } from '../../world/trace.ts'
import type { OwnStanding } from '../cluster/own-standing.ts'
import type { PeerCalls } from '../cluster/peer-calls.ts'
import type { BucketProperties, Topology } from '../cluster/topology.ts'
import { placementIn } from '../coordinator/quorums.ts'
import type { CopiesPage } from '../replica/copies.ts'
import type { Replica } from '../replica/replica.ts'

/** Before an owner that failed is asked again. */
const RETRY_MS = 500
const PAGE_MS_MAX = 2_000
/** The least time between two notes of progress: each is two syncs. */
const NOTE_MS = 500
/** A place that an owner cannot read, because its own copy rots there, is passed after so many. */
const ROTTEN_TRIES_MAX = 8

export interface RebuilderDependencies {
  readonly clock: Clock
  readonly trace: Trace
  readonly topology: Topology
  readonly peers: PeerCalls
  readonly replica: Replica
  readonly standing: OwnStanding
}

/** The owners of a partition whose copies this node needs, for one bucket or several. */
interface Need {
  readonly others: readonly NodeId[]
  /** Of them. */
  readonly needed: number
}

export class Rebuilder {
  readonly #node: RebuilderDependencies
  #isRunning = false
  #isStopped = false
  /** All partitions below are done. */
  #next = 0
  #notedAt = Number.NEGATIVE_INFINITY
  /** Why it waits; undefined while it goes on. */
  #waitsFor: string | undefined
  #passed = 0

  constructor(dependencies: RebuilderDependencies) {
    this.#node = dependencies
  }

  /** For `status`: undefined while nothing is to be rebuilt. */
  get sentence(): string | undefined {
    const { standing, topology } = this.#node
    const { state } = standing
    if (state.kind !== 'rebuilding') {
      if (this.#passed === 0) return undefined
      const places = `${this.#passed} places could not be read while this node was rebuilt`
      return `${places}: the copy of an owner has rotted there`
    }
    const wait = this.#waitsFor === undefined ? '' : `; it waits for ${this.#waitsFor}`
    const count = topology.ring.partitionCount
    return `this node is being rebuilt: ${state.next} of ${count} partitions are read${wait}`
  }

  /** Goes on with what is to be rebuilt, if anything is. */
  begin(): void {
    if (this.#isRunning || this.#node.standing.state.kind !== 'rebuilding') return
    this.#isRunning = true
    void this.#run()
  }

  stop(): void {
    this.#isStopped = true
  }

  async #run(): Promise<void> {
    const { standing, topology } = this.#node
    const { state } = standing
    const count = topology.ring.partitionCount
    const read = Array.from({ length: count }, () => new Set<NodeId>())
    this.#next = state.kind === 'rebuilding' ? state.next : 0
    while (!this.#isStopped) {
      const passes = [...this.#missing(read)].map((node) => this.#readFrom(node, read))
      await Promise.all(passes)
      this.#advance(read)
      if (this.#isStopped) return
      if (this.#next === count) break
      const away = this.#lackingAt(this.#next, read).map((node) => {
        return topology.ring.member(node)?.name
      })
      this.#waitsFor = away.join(', ')
      await this.#pause(RETRY_MS)
    }
    if (this.#isStopped) return
    this.#waitsFor = undefined
    await standing.rebuiltAll()
    this.#isRunning = false
  }

  /** Counts the partitions that are done, and notes how many, now and then. */
  #advance(read: readonly ReadonlySet<NodeId>[]): void {
    const { clock, standing } = this.#node
    while (this.#next < read.length && this.#lackingAt(this.#next, read).length === 0) {
      this.#next += 1
    }
    if (this.#next === read.length || clock.now() < this.#notedAt + NOTE_MS) return
    this.#notedAt = clock.now()
    void standing.rebuilt(this.#next)
  }

  /** Members of which some partition is still needed. */
  #missing(read: readonly ReadonlySet<NodeId>[]): ReadonlySet<NodeId> {
    const missing = new Set<NodeId>()
    for (let partition = this.#next; partition < read.length; partition++) {
      for (const node of this.#lackingAt(partition, read)) missing.add(node)
    }
    return missing
  }

  /** Owners that have not given a partition, while more of them must; else none. */
  #lackingAt(partition: number, read: readonly ReadonlySet<NodeId>[]): readonly NodeId[] {
    const from = read[partition] as ReadonlySet<NodeId>
    const lacking = new Set<NodeId>()
    for (const { others, needed } of this.#needsOf(partition)) {
      const unread = others.filter((node) => !from.has(node))
      if (others.length - unread.length >= needed) continue
      for (const node of unread) lacking.add(node)
    }
    return [...lacking]
  }

  /** Reads what is needed of one member, partition after partition, until it fails. */
  async #readFrom(node: NodeId, read: readonly Set<NodeId>[]): Promise<void> {
    for (let partition = this.#next; partition < read.length && !this.#isStopped; partition++) {
      if (!this.#lackingAt(partition, read).includes(node)) continue
      if (!(await this.#readPartition(node, partition))) return
      read[partition]?.add(node)
      this.#advance(read)
    }
  }

  #needsOf(partition: number): readonly Need[] {
    const { topology } = this.#node
    const needs: Need[] = []
    for (const properties of topology.allProperties()) {
      const others = this.#othersOf(partition, properties)
      if (others === undefined) continue
      const needed = Math.min(properties.n - properties.w + 1, others.length)
      needs.push({ others, needed })
    }
    return needs
  }

  /** The other owners; undefined if this node owns nothing of it. */
  #othersOf(partition: number, properties: BucketProperties): readonly NodeId[] | undefined {
    const { topology } = this.#node
    const { owners } = placementIn(topology.lists, partition, properties)
    const { id: self } = topology.self
    return owners.includes(self) ? owners.filter((owner) => owner !== self) : undefined
  }

  /** Takes all copies that `node` has of a partition. False where it failed. */
  async #readPartition(node: NodeId, partition: number): Promise<boolean> {
    const { ring } = this.#node.topology
    const to = lastTokenOf(partition, ring.bits)
    let from: Token | undefined = firstTokenOf(partition, ring.bits)
    let tries = 0
    while (from !== undefined && !this.#isStopped) {
      const page = await this.#page(node, from, to)
      if (!isFailure(page)) {
        if (!(await this.#take(page, node, partition))) return false
        from = page.next
        tries = 0
      } else if (page.code !== 'record-rotten') {
        return false
      } else if (tries < ROTTEN_TRIES_MAX) {
        tries += 1
        await this.#mendAt(from, node, partition)
        await this.#pause(RETRY_MS)
      } else {
        this.#passed += 1
        from = nextBefore(from, to)
        tries = 0
      }
    }
    return !this.#isStopped
  }

  /** Reads from `node` the keys that others have at this token: a read that finds rot mends it. */
  async #mendAt(token: Token, node: NodeId, partition: number): Promise<void> {
    const { clock, peers, topology } = this.#node
    for (const other of new Set(this.#needsOf(partition).flatMap(({ others }) => others))) {
      if (other === node) continue
      const page = await this.#page(other, token, token)
      if (isFailure(page)) continue
      const terms = { ring: topology.ring.digest, deadline: clock.now() + PAGE_MS_MAX }
      for (const { bucket, key, bucketId } of page.entries) {
        const copy = { place: OWN, bucketId, token, name: { bucket, key } }
        peers.readCopy(askForOwn(node), copy, terms, () => undefined)
      }
    }
  }

  #page(node: NodeId, from: Token, to: Token): Promise<CopiesPage | OperatingError> {
    const { clock, peers, topology } = this.#node
    const bucket = { bucket: EMPTY_BYTES, creation: NEVER_CREATED }
    const all = { ...bucket, keysMax: SCAN_PAGE_KEYS_MAX, withValues: true }
    const range = { from, to, ...all }
    const terms = { ring: topology.ring.digest, deadline: clock.now() + PAGE_MS_MAX }
    return new Promise((resolve) => peers.scanRange(node, range, terms, resolve))
  }

  /** Merges a page of copies; true when all are durable here. */
  async #take({ entries }: CopiesPage, node: NodeId, partition: number): Promise<boolean> {
    const { topology, replica } = this.#node
    let last = 0
    for (const { bucket, key, bucketId, token, object: bytes, isOutline } of entries) {
      const name = { bucket: bucket.slice(), key: key.slice() }
      const copy = { place: OWN, bucketId, token, name }
      const isOwn = this.#othersOf(partition, topology.propertiesOf(bucket)) !== undefined
      if (!isOwn) continue
      const object = isOutline ? await this.#readKey(node, copy) : decodeObject(bytes)
      if (this.#isStopped || object === 'failed') return false
      if (object === undefined) continue
      const sequence = await new Promise<number | OperatingError>((resolve) => {
        perform(() => replica.merge(copy, object, Number.POSITIVE_INFINITY), resolve)
      })
      if (isFailure(sequence)) return false
      last = sequence
    }
    return new Promise((resolve) => {
      replica.whenSynced(last, (error) => resolve(error === undefined))
    })
  }

  /** The copy of one key that `node` has: its page had no room for the value. */
  #readKey(node: NodeId, copy: CopyId): Promise<VersionedObject | 'failed' | undefined> {
    const { clock, peers, topology } = this.#node
    const terms = { ring: topology.ring.digest, deadline: clock.now() + PAGE_MS_MAX }
    return new Promise((resolve) => {
      peers.readCopy(askForOwn(node), copy, terms, (answer) => {
        if (answer.kind === 'object') resolve(answer.object)
        else resolve(answer.kind === 'absent' ? undefined : 'failed')
      })
    })
  }

  #pause(ms: number): Promise<void> {
    return new Promise((resolve) => this.#node.clock.after(ms, resolve))
  }
}

/** The token behind `token`; undefined behind the last one. */
function nextBefore(token: Token, last: Token): Token | undefined {
  return compareU64(token, last) < 0 ? nextU64(token) : undefined
}

function firstTokenOf(partition: number, bits: number): Token {
  return u64(partition * 2 ** (32 - bits), 0)
}
