/** A simulated cluster in which buckets are created, and clients of single nodes. */
import { type Client, connectTo } from '../../../../src/client/client.ts'
import type { Bucket } from '../../../../src/client/bucket.ts'
import type { BucketInfo, CreateBucketOptions } from '../../../../src/client/buckets.ts'
import { Scene, type SceneOptions } from '../scene.ts'

/** Enough for news to reach all that are connected. */
const SPREAD_MS = 3_000
/** Members notice a cut after some seconds, and connect again as long after it has healed. */
const SPLIT_MS = 10_000
const HEAL_MS = 40_000

export class BucketsScene {
  readonly scene: Scene

  constructor(scene: Scene) {
    this.scene = scene
  }

  static async open(options: SceneOptions = {}): Promise<BucketsScene> {
    return new BucketsScene(await Scene.open(options))
  }

  /** A client that reaches one machine alone. */
  async at(machine: number): Promise<Client> {
    const { cluster, world } = this.scene
    const own = cluster.clientWorld()
    const [client] = cluster.clientMachines.slice(-1)
    for (const other of cluster.machines) {
      if (other !== machine && client !== undefined) world.cut(client, other)
    }
    const seeds = [cluster.seeds[machine - 1] as string]
    return this.scene.run(connectTo({ seeds, timeout: 5_000 }, own))
  }

  create(client: Client, name: string, options: CreateBucketOptions = {}) {
    return this.scene.run(client.createBucket(name, options))
  }

  put(bucket: Bucket<string>, key: string, value: string) {
    return this.scene.run(bucket.put(key, value))
  }

  async get(bucket: Bucket<string>, key: string): Promise<readonly string[]> {
    return (await this.scene.run(bucket.get(key))).siblings.toSorted()
  }

  async list(client: Client): Promise<readonly BucketInfo[]> {
    return (await this.scene.run(client.buckets())).filter(({ created }) => created !== undefined)
  }

  async names(client: Client): Promise<readonly string[]> {
    return (await this.list(client)).map(({ name }) => name)
  }

  spread(): Promise<void> {
    return this.scene.world.run(SPREAD_MS)
  }

  /** Members of the group and others do not reach each other; clients reach theirs. */
  async split(group: readonly number[]): Promise<void> {
    const { cluster, world } = this.scene
    for (const one of group) {
      for (const other of cluster.machines) if (!group.includes(other)) world.cut(one, other)
    }
    await world.run(SPLIT_MS)
  }

  async heal(): Promise<void> {
    for (const a of this.scene.cluster.machines) {
      for (const b of this.scene.cluster.machines) {
        if (a < b) this.scene.world.healBetween(a, b)
      }
    }
    await this.scene.world.run(HEAL_MS)
  }

  /** The code with which it fails. */
  async code(promise: Promise<unknown>): Promise<string> {
    const told = promise.then(
      () => 'done',
      (error: unknown) => String((error as { readonly code?: unknown }).code),
    )
    return this.scene.run(told)
  }
}
