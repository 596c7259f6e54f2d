/** A member with copies that it does not own: when they go. */
import t from 'tap'
import { OperatingError } from '../../../../src/base/errors.ts'
import { u64 } from '../../../../src/base/u64.ts'
import type { NodeId } from '../../../../src/dynamo/names.ts'
import { StagedLists } from '../../../../src/dynamo/ring/staged-lists.ts'
import type { Stages } from '../../../../src/dynamo/ring/stages.ts'
import { Donor, type DonorDependencies } from '../../../../src/node/background/donor.ts'
import type { PeerCalls } from '../../../../src/node/cluster/peer-calls.ts'
import { SimWorld } from '../../../../src/sim/index.ts'
import type { AttemptId } from '../../../../src/wire/message/peer.ts'
import { members } from '../../dynamo/ring/members.ts'
import { moving, MOVING_N, partitionsWhere } from '../../dynamo/ring/moving.ts'

const ALL = members(4)
const JOINER = ALL[3]?.id as NodeId
const OTHER_N = 4

interface HeldCopy {
  readonly key: string
  readonly bucketId: { readonly n: number }
}
type Change = (object: object) => object | undefined

const OBJECT = {}
/** All of one page, the last one of a bucket with the other N. */
const COPIES: readonly HeldCopy[] = ['k1', 'k2', 'k3', 'other'].map((key) => {
  return { key, bucketId: { n: key === 'other' ? OTHER_N : MOVING_N } }
})

/** The first member has given one partition to the fourth, and has copies of it still. */
class Bench {
  readonly sim = new SimWorld({ seed: 1 })
  stages: Stages = moving(ALL.slice(0, 3), ALL)
  readonly partition: number
  readonly self: NodeId
  readonly donor: Donor
  readonly dropped: number[] = []
  readonly asked: { readonly owner: NodeId; readonly attempt: AttemptId }[] = []
  /** Owners that have taken all. */
  readonly taken = new Set<NodeId>()
  onAsked: (owner: NodeId) => void = () => undefined
  isBuilt = true
  isPaused = false
  isFull = false
  /** Buckets of another N have copies in the partition: then keys go one by one. */
  isShared = false
  readonly erased: string[] = []
  /** A change of this key waits for its turn. */
  onWaiting: (key: string) => void = () => undefined
  #lists: StagedLists

  constructor() {
    const [partition] = partitionsWhere(this.stages, ({ filler }) => filler === JOINER) as [number]
    this.partition = partition
    this.self = this.stages.of(partition, MOVING_N).leaver as NodeId
    this.stages.advance(partition, MOVING_N, 1, true)
    this.#lists = new StagedLists(this.stages)
    const { clock, entropy, trace } = this.sim.start(1)
    const { topology, trees } = this.#parts()
    const drop = (_: unknown, __: number, one: number): void => {
      if (this.isFull) throw new OperatingError('disk-full', 'there is no room for a record')
      this.dropped.push(one)
    }
    const given = { clock, entropy, trace, topology, trees, peers: this.#peers() }
    const replica = { writer: { drop }, change: this.#change }
    const engine = { digests: () => Promise.resolve({ entries: COPIES, next: undefined }) }
    const pacing = { work: () => ({ rest: () => Promise.resolve() }) }
    const isPaused = (): boolean => this.isPaused
    const node = { ...given, replica, engine, pacing, isPaused }
    this.donor = new Donor(node as unknown as DonorDependencies)
    this.donor.begin()
  }

  get owners(): readonly NodeId[] {
    return this.stages.of(this.partition, MOVING_N).owners
  }

  /** The step runs in a later turn, as where the copy is read from the disk. */
  readonly #change = async ({ key }: HeldCopy, change: Change): Promise<number> => {
    this.onWaiting(key)
    await Promise.resolve()
    if (change(OBJECT) === undefined) this.erased.push(key)
    return 1
  }

  adopt(stages: Stages): void {
    this.stages = stages
    this.#lists = new StagedLists(stages)
  }

  #parts() {
    const { self, partition } = this
    const stages = (): Stages => this.stages
    const lists = (): StagedLists => this.#lists
    const topology = {
      self: { id: self },
      ring: this.stages.table.ring,
      get stages() {
        return stages()
      },
      get lists() {
        return lists()
      },
    }
    const isBuilt = (): boolean => this.isBuilt
    const ns = (): readonly number[] => (this.isShared ? [MOVING_N, OTHER_N] : [MOVING_N])
    const trees = {
      get ns() {
        return ns()
      },
      get isBuilt() {
        return isBuilt()
      },
      sum: (n: number, _: number, one: number) => {
        const isHeld = one === partition && (n === MOVING_N || this.isShared)
        return u64(isHeld ? 1 : 0, 0)
      },
    }
    return { topology, trees }
  }

  #peers(): Pick<PeerCalls, 'move' | 'isConnected'> {
    return {
      isConnected: () => true,
      move: (owner, { attempt }, _, deliver) => {
        this.asked.push({ owner, attempt })
        this.onAsked(owner)
        deliver({ attempt, isWhole: this.taken.has(owner) })
      },
    }
  }
}

t.test('copies go once all N owners have taken them', async (t) => {
  const bench = new Bench()
  t.equal(bench.owners.length, MOVING_N)
  t.equal(bench.donor.left, 1)
  await bench.sim.run(10_000)
  t.strictSame(bench.dropped, [])
  for (const owner of bench.owners) bench.taken.add(owner)
  await bench.sim.run(1_000)
  t.strictSame(bench.dropped[0], bench.partition)
  t.strictSame(new Set(bench.asked.map(({ owner }) => owner)), new Set(bench.owners))
  bench.donor.stop()
})

t.test('they stay while an operator lets moves wait', async (t) => {
  const bench = new Bench()
  bench.isPaused = true
  for (const owner of bench.owners) bench.taken.add(owner)
  await bench.sim.run(10_000)
  t.strictSame([bench.asked, bench.dropped], [[], []])
  bench.isPaused = false
  await bench.sim.run(1_000)
  t.strictSame(bench.dropped[0], bench.partition)
  bench.donor.stop()
})

t.test('they stay while the disk is full, and go later', async (t) => {
  const bench = new Bench()
  bench.isFull = true
  for (const owner of bench.owners) bench.taken.add(owner)
  await bench.sim.run(5_000)
  t.strictSame(bench.dropped, [])
  bench.isFull = false
  await bench.sim.run(4_000)
  t.strictSame(bench.dropped[0], bench.partition)
  bench.donor.stop()
})

t.test('they stay while one of the owners has not taken them', async (t) => {
  for (const missing of [0, 1, 2]) {
    const bench = new Bench()
    for (const owner of bench.owners) bench.taken.add(owner)
    bench.taken.delete(bench.owners[missing] as NodeId)
    await bench.sim.run(30_000)
    t.strictSame(bench.dropped, [])
    bench.donor.stop()
  }
})

t.test('they stay where the owners are others by the time that the last one answers', async (t) => {
  const bench = new Bench()
  const spares = members(7)
  const later = moving(ALL, spares.slice(3))
  for (const owner of bench.owners) bench.taken.add(owner)
  const last = bench.owners.at(-1)
  bench.onAsked = (owner) => {
    if (owner === last) bench.adopt(later)
  }
  await bench.sim.run(2_500)
  t.ok(bench.asked.some(({ owner }) => owner === last))
  t.strictSame(bench.dropped, [])
  bench.donor.stop()
})

t.test('beside copies of another N they go key by key', async (t) => {
  const bench = new Bench()
  bench.isShared = true
  for (const owner of bench.owners) bench.taken.add(owner)
  await bench.sim.run(2_500)
  t.strictSame(bench.dropped, [])
  t.strictSame(bench.erased, ['k1', 'k2', 'k3'])
  bench.donor.stop()
})

t.test('those that are left stay once a table gives the place back', async (t) => {
  const bench = new Bench()
  bench.isShared = true
  for (const owner of bench.owners) bench.taken.add(owner)
  const back = moving(ALL.slice(0, 3), ALL.slice(0, 3))
  bench.onWaiting = (key) => {
    if (key === 'k2') bench.adopt(back)
  }
  await bench.sim.run(2_500)
  t.ok(bench.owners.includes(bench.self))
  t.strictSame([bench.dropped, bench.erased], [[], ['k1']])
  bench.donor.stop()
})

t.test('nothing is given before its copies are counted', async (t) => {
  const bench = new Bench()
  bench.isBuilt = false
  await bench.sim.run(10_000)
  t.equal(bench.asked.length, 0)
  bench.donor.stop()
})
