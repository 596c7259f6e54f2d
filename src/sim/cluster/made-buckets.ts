/**
 * Buckets that are created while everything else goes on, each by a client that asks one node after
 * another until one has taken it. (docs/design.md 3.1)
 *
 * Clients then find it by its exact name: a node that has not heard of it refuses them, where it
 * would take its plain name for that of a bucket that was never created.
 */
import type { BucketConfig } from '../../config.ts'
import { isOperatingError } from '../../base/errors.ts'
import { hexOf } from '../../base/bytes.ts'
import type { Prng } from '../../base/prng.ts'
import { exactName } from '../../dynamo/buckets/bucket-names.ts'
import {
  type BucketId,
  type CreationId,
  ID_BYTES,
  NEVER_CREATED,
  Policy,
} from '../../dynamo/names.ts'
import type { Client } from '../../client/client.ts'
import type { ConnectOptions } from '../../client/options.ts'
import type { SimWorld } from '../world.ts'

/** A bucket, and how long after chaos begins it is created. */
export interface MadeBucket extends BucketConfig {
  readonly afterMs: number
  /** By default concurrent writes are kept as siblings. */
  readonly isLastOnly?: boolean | undefined
  /** By default a put is acknowledged once it is durable. */
  readonly isInterval?: boolean | undefined
}

/** The cluster in which they are created. */
interface Clients {
  readonly world: SimWorld
  connect(options: Partial<ConnectOptions>): Promise<Client>
}

const AGAIN_MS = 300
const TIMEOUT_MS = 3_000
const CONNECT_MS = 3_600_000

export class MadeBuckets {
  readonly #cluster: Clients
  readonly #all: readonly MadeBucket[]
  readonly #prng: Prng
  readonly #ids = new Map<string, CreationId>()
  readonly #there = new Set<string>()
  #client: Promise<Client> | undefined
  #round = 0
  #isOver = true

  constructor(cluster: Clients, all: readonly MadeBucket[]) {
    this.#cluster = cluster
    this.#all = all
    this.#prng = cluster.world.prng('made buckets')
    for (const { name } of all) {
      const id = hexOf(this.#prng.fill(new Uint8Array(ID_BYTES)))
      this.#ids.set(name, id as CreationId)
    }
  }

  /** Those that a node has taken. */
  get there(): readonly BucketConfig[] {
    return this.#all.filter(({ name }) => this.#there.has(name))
  }

  /** Whether clients may use the bucket: true of all that are not created. */
  isThere(name: string): boolean {
    return !this.#ids.has(name) || this.#there.has(name)
  }

  /** By which clients find it. */
  nameOf(name: string): string {
    const creation = this.#ids.get(name)
    return creation === undefined ? name : exactName({ createdAs: name, creation })
  }

  idOf(name: string, n: number): BucketId {
    const policy = this.isLastOnly(name) ? Policy.lastWriteWins : Policy.siblings
    return { creation: this.#ids.get(name) ?? NEVER_CREATED, policy, n }
  }

  /** Whether the last write wins in the bucket. */
  isLastOnly(bucket: string): boolean {
    return this.#all.some(({ name, isLastOnly }) => name === bucket && isLastOnly === true)
  }

  /** W of a bucket whose puts are acknowledged before they are durable; undefined of others. */
  intervalW(bucket: string): number | undefined {
    return this.#all.find(({ name, isInterval }) => name === bucket && isInterval === true)?.w
  }

  begin(): void {
    this.#isOver = false
    this.#round += 1
    const round = this.#round
    const left = this.#all.filter(({ name }) => !this.#there.has(name))
    if (left.length === 0) return
    this.#client ??= this.#cluster.connect({ timeout: TIMEOUT_MS, connectTimeout: CONNECT_MS })
    for (const made of left) {
      this.#cluster.world.after(made.afterMs, () => void this.#create(made, round))
    }
  }

  end(): void {
    this.#isOver = true
  }

  async #create({ name, n, r, w, isInterval }: MadeBucket, round: number): Promise<void> {
    if (this.#isOver || round !== this.#round) return
    try {
      const id = this.#ids.get(name)
      const policy = this.isLastOnly(name) ? 'last-write-wins' : 'siblings'
      const durability = isInterval === true ? 'interval' : 'always'
      await (await this.#client)?.createBucket(name, { n, r, w, id, policy, durability })
      this.#there.add(name)
    } catch (error) {
      if (!isOperatingError(error)) throw error
      const made = this.#all.find((one) => one.name === name) as MadeBucket
      this.#cluster.world.after(AGAIN_MS, () => void this.#create(made, round))
    }
  }
}
