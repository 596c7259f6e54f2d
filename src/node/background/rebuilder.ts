/**
 * Rebuilds the copies of a node whose disk was emptied: reads every key of its ranges from the
 * other owners.
 *
 * Partition after partition, from so many other owners that one of them is among the W that
 * acknowledged any write. While it runs, the node's acknowledgements count and its reads do not
 * (`own-standing.ts`). What is done survives a restart. An owner that is away is waited for: it may
 * hold what no other does.
 */
import { EMPTY_BYTES } from '../../base/bytes.ts'
import { isFailure, perform } from '../../base/deliver.ts'
import type { OperatingError } from '../../base/errors.ts'
import { compareU64, nextU64, u64 } from '../../base/u64.ts'
import type { NodeId } from '../../dynamo/names.ts'
import { lastTokenOf } from '../../dynamo/ring/partition.ts'
import { decodeObject } from '../../dynamo/version/object-bytes.ts'
import { SCAN_PAGE_KEYS_MAX } from '../../limits.ts'
import type { Token } from '../../native/digest.ts'
import type { Clock } from '../../world/clock.ts'
import type { Trace } from '../../world/trace.ts'
import type { OwnStanding } from '../cluster/own-standing.ts'
import type { PeerCalls } from '../cluster/peer-calls.ts'
import type { BucketProperties, Topology } from '../cluster/topology.ts'
import { placementIn } from '../coordinator/quorums.ts'
import type { CopiesPage, Replica } from '../replica/replica.ts'

/** Before an owner that failed is asked again. */
const RETRY_MS = 500
const PAGE_MS_MAX = 10_000
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
    let next = standing.state.kind === 'rebuilding' ? standing.state.next : 0
    for (; next < topology.ring.partitionCount; next++) {
      while (!(await this.#rebuild(next))) {
        await this.#pause(RETRY_MS)
        if (this.#isStopped) return
      }
      await this.#note(next + 1)
      if (this.#isStopped) return
    }
    await standing.rebuiltAll()
    this.#isRunning = false
  }

  /** Reads one partition. False where too few owners gave theirs. */
  async #rebuild(partition: number): Promise<boolean> {
    const needs = this.#needsOf(partition)
    const read = new Set<NodeId>()
    for (const node of new Set(needs.flatMap(({ others }) => others))) {
      if (this.#isStopped) return false
      const isRead = await this.#readFrom(node, partition)
      if (isRead) read.add(node)
    }
    const missing = needs.find(
      ({ others, needed }) => others.filter((node) => read.has(node)).length < needed,
    )
    const { topology } = this.#node
    const away = missing?.others.filter((node) => !read.has(node)) ?? []
    this.#waitsFor =
      missing && away.map((node) => topology.ring.member(node)?.name ?? node).join(', ')
    return missing === undefined
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
  async #readFrom(node: NodeId, partition: number): Promise<boolean> {
    const { ring } = this.#node.topology
    const to = lastTokenOf(partition, ring.bits)
    let from: Token | undefined = firstTokenOf(partition, ring.bits)
    let tries = 0
    while (from !== undefined && !this.#isStopped) {
      const page = await this.#page(node, from, to)
      if (!isFailure(page)) {
        if (!(await this.#take(page, partition))) return false
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
      for (const { bucket, key } of page.entries) {
        peers.readCopy(node, { bucket, key }, false, terms, () => undefined)
      }
    }
  }

  #page(node: NodeId, from: Token, to: Token): Promise<CopiesPage | OperatingError> {
    const { clock, peers, topology } = this.#node
    const range = { from, to, bucket: EMPTY_BYTES, keysMax: SCAN_PAGE_KEYS_MAX }
    const terms = { ring: topology.ring.digest, deadline: clock.now() + PAGE_MS_MAX }
    return new Promise((resolve) => peers.scanRange(node, range, terms, resolve))
  }

  /** Merges a page of copies; true when all are durable here. */
  async #take({ entries }: CopiesPage, partition: number): Promise<boolean> {
    const { topology, replica } = this.#node
    let last = 0
    for (const { bucket, key, token, object: bytes } of entries) {
      const object = decodeObject(bytes)
      const isOwn = this.#othersOf(partition, topology.propertiesOf(bucket)) !== undefined
      if (this.#isStopped) return false
      if (object === undefined || !isOwn) continue
      const name = { bucket: bucket.slice(), key: key.slice() }
      const sequence = await new Promise<number | OperatingError>((resolve) => {
        perform(() => replica.merge(name, token, object, Number.POSITIVE_INFINITY), resolve)
      })
      if (isFailure(sequence)) return false
      last = sequence
    }
    return new Promise((resolve) => {
      replica.whenSynced(last, (error) => resolve(error === undefined))
    })
  }

  async #note(next: number): Promise<void> {
    const { clock, standing } = this.#node
    if (clock.now() < this.#notedAt + NOTE_MS) return
    this.#notedAt = clock.now()
    await standing.rebuilt(next)
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
