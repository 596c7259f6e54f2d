/**
 * What operators do with buckets at this node: create one, and show one under another name.
 *
 *     name free here ─► free at all members that can be asked ─► record durable and served here
 *                                                             ─► told to all that are connected
 *
 * Members that are away hear of it when they connect. Until then a client of theirs that puts under
 * the name puts into a bucket that was never created: the answer says which members these are.
 */
import { OperatingError } from '../../base/errors.ts'
import { isFailure } from '../../base/deliver.ts'
import { bucketsDigestOf } from '../../dynamo/buckets/bucket-set.ts'
import { exactName } from '../../dynamo/buckets/bucket-names.ts'
import {
  type BucketRecord,
  bucketRecord,
  type BucketTerms,
  haveSameTerms,
} from '../../dynamo/buckets/bucket-record.ts'
import { NEVER_CREATED, type NodeId } from '../../dynamo/names.ts'
import { BUCKETS_MAX, DEADLINE_MS_MAX } from '../../limits.ts'
import { Held } from '../../wire/message/bucket.ts'
import type { Clock } from '../../world/clock.ts'
import type { Trace } from '../../world/trace.ts'
import type { Buckets } from './buckets.ts'
import type { Membership } from './membership.ts'
import type { PeerCalls } from './peer-calls.ts'
import type { Rings } from './rings.ts'
import type { Topology } from './topology.ts'

export interface BucketOperationsDependencies {
  readonly buckets: Buckets
  readonly topology: Topology
  readonly membership: Pick<Membership, 'present'>
  readonly rings: Pick<Rings, 'isFrozen' | 'use'>
  readonly peers: Pick<PeerCalls, 'tellBuckets' | 'connected'>
  readonly clock: Clock
  readonly trace: Trace
}

/** A bucket as it is now, and the members that have not heard of it. */
export interface ChangedBucket {
  readonly record: BucketRecord
  readonly untold: readonly NodeId[]
}

export class BucketOperations {
  readonly #node: BucketOperationsDependencies

  constructor(dependencies: BucketOperationsDependencies) {
    this.#node = dependencies
  }

  /**
   * Resolves once the bucket is durable here, and the members that are connected were told. Fails
   * with `bucket-exists`, `buckets-full`, `ring-differs`, `deadline-passed` or `node-stopping`.
   */
  async create(terms: BucketTerms, deadline: number): Promise<ChangedBucket> {
    const { trace } = this.#node
    // Its answer was lost: it is asked again.
    const known = this.#sameOf(terms)
    if (known !== undefined) return this.#keep(known)
    this.#checkFree(terms.createdAs, terms)
    this.#checkRoom()
    await this.#checkUnused(terms.createdAs, deadline)
    // Last: an N that is in use stays so for ever.
    await this.#checkUse(terms)
    // Another call may have created it meanwhile.
    const made = this.#sameOf(terms)
    if (made !== undefined) return this.#keep(made)
    this.#checkFree(terms.createdAs, terms)
    this.#checkRoom()
    trace.record('bucket-created', { creation: terms.creation, n: terms.n })
    return this.#keep(bucketRecord({ ...terms, name: terms.createdAs, version: 1 }))
  }

  /** Shows the bucket of this name under another. Fails with `bucket-wrong`, else as `create`. */
  async rename(bucket: string, name: string, deadline: number): Promise<ChangedBucket> {
    const { buckets, topology, trace } = this.#node
    const known = topology.named.createdAt(bucket)
    if (known === undefined) throw unknown(bucket)
    if (topology.named.createdAt(name) === known) return this.#keep(known)
    this.#checkFree(name, known)
    await this.#checkUnused(name, deadline)
    this.#checkFree(name, known)
    const last = buckets.set.get(known.creation) ?? known
    const { digest: _, ...fields } = last
    trace.record('bucket-renamed', { creation: known.creation })
    return this.#keep(bucketRecord({ ...fields, name, version: last.version + 1 }))
  }

  /** Resolves once it is durable here, and told. */
  async #keep(record: BucketRecord): Promise<ChangedBucket> {
    if (!(await this.#node.buckets.add(record))) throw stopping()
    return this.#told(record)
  }

  /** The bucket that these terms have made already; `bucket-exists` where others have its id. */
  #sameOf(terms: BucketTerms): BucketRecord | undefined {
    const known = this.#node.buckets.set.get(terms.creation)
    if (known === undefined || haveSameTerms(known, terms)) return known
    throw exists(known.name, 'a bucket has this id with other terms: let another id be drawn')
  }

  /** No configured bucket of this node, and no other that was created, may have the name. */
  #checkFree(name: string, { creation }: Pick<BucketTerms, 'creation'>): void {
    const { buckets, topology } = this.#node
    if (topology.named.isConfigured(name)) throw heldBy(name, Held.configured, 'this node')
    const other = buckets.set.all.find((one) => one.name === name && one.creation !== creation)
    if (other === undefined) return
    throw exists(name, `choose another name, or give that one another (everwrite bucket rename)`)
  }

  #checkRoom(): void {
    const { size } = this.#node.buckets.set
    if (size < BUCKETS_MAX) return
    throw new OperatingError(
      'buckets-full',
      `the cluster has ${size} buckets that were created, of ${BUCKETS_MAX} at most: use one of` +
        ' those, or a name that needs no creation',
      { details: { limit: { name: 'BUCKETS_MAX', value: BUCKETS_MAX } } },
    )
  }

  /** A new N comes into use between tables alone (dynamo/ring/ring-view.ts). */
  async #checkUse(terms: BucketTerms): Promise<void> {
    const { topology, rings } = this.#node
    if (topology.serves(terms)) return
    if (await rings.use(terms.n)) return
    if (!rings.isFrozen) throw stopping()
    throw new OperatingError(
      'ring-differs',
      `no bucket has had N = ${terms.n}, and a table waits to take effect that does not know of` +
        ' it: create the bucket once it is in effect (everwrite cluster status), or with another N',
    )
  }

  /** Nothing may have been put under the name, as far as members can be asked. */
  async #checkUnused(name: string, deadline: number): Promise<void> {
    const { buckets, clock, membership } = this.#node
    // The rest of the time is for what comes after.
    const until = (clock.now() + deadline) / 2
    const isLate = (): boolean => clock.now() >= until
    const connected = [...this.#node.peers.connected]
    const [own, others] = await Promise.all([
      buckets.heldAt(name, isLate),
      Promise.all(connected.map((member) => this.#ask(member, name, until))),
    ])
    if (own !== Held.free) throw heldBy(name, own, 'this node')
    if (isLate()) {
      const sentence = 'this node could not look through its keys in time: give it more (--timeout)'
      throw new OperatingError('deadline-passed', sentence)
    }
    for (const [i, held] of others.entries()) {
      if (held === undefined || held === Held.free) continue
      const node = membership.present.find(({ id }) => id === connected[i])
      throw heldBy(name, held, node?.name ?? 'another member')
    }
  }

  /** Undefined where the member does not answer in time. */
  #ask(member: NodeId, name: string, until: number): Promise<Held | undefined> {
    const { peers, clock, buckets } = this.#node
    const leftMs = Math.max(1, Math.floor(until - clock.now()))
    return new Promise((resolve) => {
      const timer = clock.after(leftMs, () => resolve(undefined))
      const deadlineMs = Math.min(leftMs, DEADLINE_MS_MAX)
      const digest = bucketsDigestOf(buckets.set.all)
      peers.tellBuckets(member, { digest, news: NO_BYTES, asked: name, deadlineMs }, (answer) => {
        timer.cancel()
        resolve(isFailure(answer) ? undefined : answer.held)
      })
    })
  }

  async #told(record: BucketRecord): Promise<ChangedBucket> {
    const { buckets, membership, topology } = this.#node
    const told = await buckets.tellAll()
    const ids = membership.present.map(({ id }) => id)
    return { record, untold: ids.filter((id) => id !== topology.self.id && !told.has(id)) }
  }
}

const NO_BYTES = new Uint8Array(0)

function heldBy(name: string, held: Held, node: string): OperatingError {
  const exact = exactName({ createdAs: name, creation: NEVER_CREATED })
  if (held === Held.configured) {
    const cure = `the configuration of ${node} names it: take it out there, at all nodes, or choose`
    return exists(name, `${cure} another name`)
  }
  return exists(
    name,
    `${node} holds keys that were put under the name, which the new one would hide: choose` +
      ' another name; or export and delete them, and wait until a round has let them go' +
      ` (everwrite repair --round). Under ${exact} they can be read whatever is created`,
  )
}

function exists(name: string, cure: string): OperatingError {
  return new OperatingError('bucket-exists', `there is a bucket ${name}: ${cure}`)
}

function unknown(name: string): OperatingError {
  return new OperatingError(
    'bucket-wrong',
    `no bucket that was created is called ${name} here: see everwrite bucket list`,
  )
}

function stopping(): OperatingError {
  return new OperatingError('node-stopping', 'this node is stopping; ask another')
}
