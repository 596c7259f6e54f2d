/** A small cluster whose rounds come every few seconds, and what tests of them ask of it. */
import t from 'tap'
import type { Context } from '../../../../src/dynamo/version/context.ts'
import { OWN } from '../../../../src/dynamo/names.ts'
import type { RingDigest } from '../../../../src/dynamo/ring/ring.ts'
import { decodeObject } from '../../../../src/dynamo/version/object-bytes.ts'
import { BUCKET_ID } from '../../../../src/store/conformance/subject.ts'
import type { Reply, Request, RequestKind } from '../../../../src/wire/message/table.ts'
import type { Answer } from '../../../../src/wire/session.ts'
import { nameOf, type NodeSession, replyOf, Scene, type SceneOptions } from '../scene.ts'

/** More than the work of any round here takes. */
export const ROUND_LIMIT_MS = 60_000

export class RoundsScene extends Scene {
  static override async open(options: SceneOptions = {}): Promise<RoundsScene> {
    const fast = { roundMs: 3_000, rememberMs: 4_000, cleanMs: 500, partitions: 4 }
    const { world, cluster } = await Scene.open({ ...fast, ...options })
    return new RoundsScene(world, cluster)
  }

  /** Lets time pass until so many more rounds are adopted by all. */
  async rounds(count = 1): Promise<void> {
    const { trace } = this.world
    const until = trace.count('round-adopted') + count
    const isDone = (): boolean => trace.count('round-adopted') >= until
    t.ok(await this.world.runUntil(isDone, count * ROUND_LIMIT_MS), `${count} rounds`)
  }

  /** Lets time pass until every running node has so many keys of its own. */
  async keysAre(count: number): Promise<void> {
    const running = this.cluster.machines.filter((machine) => this.cluster.node(machine))
    const isSo = (): boolean => running.every((machine) => this.figure(machine, 'keys') === count)
    const isDone = await this.world.runUntil(isSo, ROUND_LIMIT_MS)
    if (!isDone) t.same(this.#keys(running), running.fill(count), 'keys of each node')
  }

  #keys(machines: readonly number[]): readonly number[] {
    return machines.map((machine) => this.figure(machine, 'keys'))
  }

  async putAll(session: NodeSession, keys: readonly string[]): Promise<void> {
    for (const key of keys) replyOf(await session.put(key, key))
  }

  async deleteAll(session: NodeSession, keys: readonly string[]): Promise<void> {
    for (const key of keys) {
      const { context } = replyOf(await session.get(key))
      replyOf(await session.put(key, undefined, { contexts: [context] }))
    }
  }

  /** A call of another member, with the ring. */
  call<K extends RequestKind>(
    machine: number,
    kind: K,
    request: Omit<Request<K>, 'ring' | 'deadlineMs'>,
    ring: RingDigest = this.cluster.digest,
  ): Promise<Answer<K>> {
    const whole = { ...request, ring, deadlineMs: 1_000 } as unknown as Request<K>
    return this.run(this.asPeer(machine, kind, whole))
  }

  /** What a node has of a key as its own, encoded. */
  async copyAt(machine: number, key: string): Promise<Reply<'peerRead'>> {
    const name = nameOf(key)
    const read = { name, bucketId: BUCKET_ID, hints: false, digestOnly: false }
    const ring = this.cluster.digestFor(name, BUCKET_ID.n)
    return replyOf(await this.call(machine, 'peerRead', read, ring))
  }

  async contextAt(machine: number, key: string): Promise<Context | undefined> {
    return decodeObject((await this.copyAt(machine, key)).object)?.context
  }

  /** Sends an object as a write. */
  send(machine: number, key: string, object: Uint8Array): Promise<Answer<'peerWrite'>> {
    const write = { name: nameOf(key), bucketId: BUCKET_ID, object, place: OWN }
    return this.call(machine, 'peerWrite', write, this.cluster.digestFor(write.name, BUCKET_ID.n))
  }

  /** Sends objects of a key each, as hints that come home. */
  bringHome(
    machine: number,
    objects: Readonly<Record<string, Uint8Array>>,
  ): Promise<Answer<'peerHints'>> {
    const hints = Object.entries(objects).map(([key, object]) => {
      return { name: nameOf(key), bucketId: BUCKET_ID, object }
    })
    const ring = this.cluster.digestForAll(
      hints.map(({ name }) => name),
      BUCKET_ID.n,
    )
    return this.call(machine, 'peerHints', { hints }, ring)
  }

  /** The power of a machine goes and comes back. */
  async restart(machine: number): Promise<void> {
    this.cluster.crash(machine)
    await this.run(this.cluster.start(machine))
  }
}
