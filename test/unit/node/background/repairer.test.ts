/** Exchanges of one member with others, whose answers the test gives. */
import t from 'tap'
import { utf8Bytes } from '../../../../src/base/bytes.ts'
import { type Deliver, perform } from '../../../../src/base/deliver.ts'
import { OperatingError } from '../../../../src/base/errors.ts'
import { compareU64, equalU64 } from '../../../../src/base/u64.ts'
import { type CopyId, keyName, type NodeId } from '../../../../src/dynamo/names.ts'
import { type Branch, TREE_LEAF_BITS, TREE_LEAVES } from '../../../../src/dynamo/repair/branches.ts'
import type { RoundFloor } from '../../../../src/dynamo/repair/round.ts'
import { Context } from '../../../../src/dynamo/version/context.ts'
import { Equalities } from '../../../../src/node/background/equalities.ts'
import { Exchange } from '../../../../src/node/background/exchange.ts'
import { Pacing } from '../../../../src/node/background/pacing.ts'
import { Repairer } from '../../../../src/node/background/repairer.ts'
import type { OwnStanding } from '../../../../src/node/cluster/own-standing.ts'
import type {
  ObjectsAnswer,
  PeerCalls,
  RoundsAnswer,
  TreePart,
} from '../../../../src/node/cluster/peer-calls.ts'
import { Topology } from '../../../../src/node/cluster/topology.ts'
import { Counters } from '../../../../src/node/counters.ts'
import type { Floors } from '../../../../src/node/replica/floors.ts'
import { Hints } from '../../../../src/node/replica/hints.ts'
import { type LeafKeys, type Leaves, leafKeys } from '../../../../src/node/replica/leaf-keys.ts'
import { mapKeyOf } from '../../../../src/node/replica/key-steps.ts'
import type { Digest } from '../../../../src/native/digest.ts'
import type { DigestPage, Entry, ScanQuery, Stored } from '../../../../src/store/engine.ts'
import { Replica } from '../../../../src/node/replica/replica.ts'
import { Trees } from '../../../../src/node/replica/trees.ts'
import { Cluster } from '../../../../src/sim/cluster/cluster.ts'
import { SimWorld } from '../../../../src/sim/index.ts'
import type { Clock } from '../../../../src/world/clock.ts'
import type { World } from '../../../../src/world/world.ts'
import { copyOf } from '../../../../src/store/conformance/subject.ts'
import { replicaParts } from '../../../support/replica-parts.ts'
import { MemoryEngine } from '../../../../src/store/memory/memory.ts'
import { ALWAYS_OPEN } from '../../../support/open-replica.ts'

const KEY = new Uint8Array(16)
const EXCHANGE_MS = 1_000
const NEVER = Number.POSITIVE_INFINITY
const RARELY_MS = 5_000
/** Of exchanges with two members in which 70 times 64 leaves differ: on the way down, and there. */
const COMPARISONS_MAX = 2 * (200 + 5 + 70)
/** While an exchange is waited for, at a hundred a second. */
const LOOKS_MAX = 1_000
/** More than one exchange mends. */
const MANY = 4_500

/** An engine whose copies of some keys have rotted, until they are replaced. */
class RottingEngine extends MemoryEngine {
  readonly #rotten = new Map<string, CopyId>()

  rot(copy: CopyId): void {
    this.#rotten.set(mapKeyOf(copy), copy)
  }

  override get(copy: CopyId): Stored | undefined {
    this.#require(copy)
    return super.get(copy)
  }

  override digest(copy: CopyId): Digest | undefined {
    this.#require(copy)
    return super.digest(copy)
  }

  override append(entries: readonly Entry[]): number {
    for (const entry of entries) if ('name' in entry) this.#rotten.delete(mapKeyOf(entry))
    return super.append(entries)
  }

  override async digests(query: ScanQuery): Promise<DigestPage> {
    const isIn = ({ token }: CopyId): boolean =>
      compareU64(token, query.from) >= 0 && compareU64(token, query.to) <= 0
    const [rotten] = [...this.#rotten.values()]
      .filter(isIn)
      .sort((a, b) => compareU64(a.token, b.token))
    if (rotten === undefined) return super.digests(query)
    if (equalU64(rotten.token, query.from)) this.#require(rotten)
    const before = await super.digests(query)
    const entries = before.entries.filter(({ token }) => compareU64(token, rotten.token) < 0)
    return { entries, next: rotten.token }
  }

  #require(copy: CopyId): void {
    if (this.#rotten.has(mapKeyOf(copy))) throw new OperatingError('record-rotten', 'it rotted')
  }
}

/** What one member holds. */
class Holder {
  readonly engine = new RottingEngine()
  isWhole = true
  readonly trees: Trees = new Trees(this.engine, KEY)
  readonly counters = new Counters()
  readonly replica: Replica
  readonly floors: Floors

  constructor({ clock, entropy, trace }: World, node: NodeId) {
    const { engine, trees, counters } = this
    const hints = new Hints(engine, clock, 1 << 20)
    const mend = (): Promise<boolean> => Promise.resolve(false)
    const common = { engine, node, digestKey: KEY, clock, entropy, trace, counters }
    const parts = { ...replicaParts(engine, clock, KEY), trees }
    this.floors = parts.floors
    this.replica = new Replica({
      ...common,
      ...parts,
      isWhole: () => this.isWhole,
      ...ALWAYS_OPEN,
      hints,
      mend,
    })
  }

  async put(key: string, value: string): Promise<void> {
    const request = { requestId: `${key}${value}`.padEnd(16), isRepeat: false }
    const write = { ...request, value: utf8Bytes(value), seen: Context.empty }
    await this.replica.write(copyAt(key), write, NEVER)
  }
}

const copyAt = (key: string): CopyId => copyOf(keyName('b', key))

interface Bench {
  readonly repairer: Repairer
  readonly sim: SimWorld
  readonly clock: Clock
  readonly pacing: Pacing
  readonly own: Holder
  /** Of every other member. */
  readonly others: Holder
  readonly silent: Set<NodeId>
  readonly members: readonly NodeId[]
  /** How many copies were asked for, and comparisons. */
  readonly asked: { copies: number; comparisons: number }
}

async function bench(exchangeMs = EXCHANGE_MS, answerMs = 1): Promise<Bench> {
  const sim = new SimWorld({ seed: 1 })
  const world = sim.start(1)
  const topology = new Topology(new Cluster(new SimWorld({ seed: 1 }), { nodes: 3 }).configOf(1))
  const self = topology.self.id
  const members = topology.ring.members.map(({ id }) => id).filter((id) => id !== self)
  const [own, others] = [new Holder(world, self), new Holder(world, members[0] as NodeId)]
  await Promise.all([own.trees.build(), others.trees.build()])
  const silent = new Set<NodeId>()
  const asked = { copies: 0, comparisons: 0 }
  const later = (node: NodeId, answer: () => void): void => {
    if (!silent.has(node)) world.clock.after(answerMs, answer)
  }
  const peers = {
    isConnected: () => true,
    compareTrees(node: NodeId, part: TreePart, _: unknown, deliver: Deliver<readonly Branch[]>) {
      asked.comparisons += 1
      const { n, bits, sums } = part
      later(node, () => {
        const differing = sums.filter(
          ({ branch, sum }) => !equalU64(others.trees.sum(n, bits, branch), sum),
        )
        deliver(differing.map(({ branch }) => branch))
      })
    },
    leafKeys(node: NodeId, leaves: Leaves, _: unknown, deliver: Deliver<LeafKeys>) {
      later(node, () => void leafKeys(others.engine, leaves).then(deliver))
    },
    objects(node: NodeId, copies: readonly CopyId[], _: unknown, deliver: Deliver<ObjectsAnswer>) {
      asked.copies += copies.length
      later(node, () => {
        perform(() => {
          const objects = copies.map((copy) => others.engine.get(copy)?.object)
          return { round: others.floors.adopted.number, objects }
        }, deliver)
      })
    },
    rounds(
      node: NodeId,
      _known: RoundFloor,
      _closing: boolean,
      _: unknown,
      deliver: Deliver<RoundsAnswer>,
    ) {
      const { floors, replica } = others
      const closed = { ...floors.closed, highest: 0, durable: 0, knowsClosed: true }
      later(node, () => {
        deliver({ start: replica.start, isWhole: true, adopted: floors.adopted, ...closed })
      })
    },
    lieIn: () => undefined,
  } as unknown as PeerCalls
  const { clock } = world
  const { replica, trees, floors, counters } = own
  const standing = { isWhole: true, state: 'whole', hear: () => undefined }
  const equalities = new Equalities(topology)
  const pacing = new Pacing({ clock, foreground: counters.foreground, latencyTargetMs: 20 })
  const common = { clock, topology, peers, replica, trees, floors, counters, equalities, pacing }
  const hints = { places: [] }
  const kept = { standing: standing as unknown as OwnStanding, exchangeMs, hints }
  const repairer = new Repairer({ ...common, ...kept })
  repairer.begin()
  return { repairer, sim, clock, pacing, own, others, silent, members, asked }
}

t.test('what is not here, or is older here, is taken once', async (t) => {
  const { sim, own, others, asked } = await bench()
  await own.put('both', 'a')
  await others.put('both', 'b')
  await others.put('there alone', 'c')
  await sim.run(5 * EXCHANGE_MS)
  t.equal(own.counters.keysRepaired, 2)
  t.ok(own.engine.get(copyAt('there alone')))
  t.ok(asked.copies >= 2)
})

t.test('a key that is here alone is left to the other one', async (t) => {
  const { sim, own, others, asked } = await bench()
  await own.put('here alone', 'a')
  await sim.run(5 * EXCHANGE_MS)
  t.equal(others.engine.get(copyAt('here alone')), undefined, 'nothing is sent unasked')
  t.strictSame([asked.copies, own.trees.corrections], [0, 0])
})

t.test('leaves with equal keys and other sums are read again', async (t) => {
  const { sim, own, others } = await bench()
  await others.put('k', 'a')
  const stored = others.engine.get(copyAt('k'))
  if (stored === undefined) throw new Error('it was put there')
  await sim.run(3 * EXCHANGE_MS)
  t.equal(own.trees.corrections, 0)
  own.trees.onReplaced(copyAt('k'), undefined, stored.digest)
  await sim.run(3 * EXCHANGE_MS)
  t.equal(own.trees.corrections, 1, 'a wrong sum is mended once')
  t.strictSame(own.trees.sum(3, 0, 0), others.trees.sum(3, 0, 0))
  t.equal(own.counters.keysRepaired, 1)
})

t.test('a copy that rotted there keeps no exchange from being complete', async (t) => {
  const { sim, own, others } = await bench()
  for (const key of ['sound', 'rotten']) await others.put(key, 'a')
  others.engine.rot(copyAt('rotten'))
  await sim.run(3 * EXCHANGE_MS)
  t.ok(own.engine.get(copyAt('sound')))
  t.equal(own.engine.get(copyAt('rotten')), undefined)
  t.ok(own.counters.exchanges > 0, 'what it carried counts as destroyed')
})

t.test('a copy that rotted here is replaced by an exchange where all comes so', async (t) => {
  const { sim, own, others } = await bench()
  await others.put('k', 'a')
  await own.put('k', 'b')
  own.engine.rot(copyAt('k'))
  const { start } = own.replica
  await sim.run(3 * EXCHANGE_MS)
  t.throws(() => own.engine.get(copyAt('k')), { code: 'record-rotten' }, 'a whole node mends it')
  t.equal(own.counters.exchanges, 0, 'and is not done before')
  own.isWhole = false
  await sim.run(3 * EXCHANGE_MS)
  t.strictSame(own.engine.get(copyAt('k'))?.object, others.engine.get(copyAt('k'))?.object)
  t.not(own.replica.start, start, 'its dots may have rotted, and are not given again')
  t.ok(own.counters.exchanges > 0)
})

t.test('a silent member does not keep the next one from an exchange', async (t) => {
  const { sim, own, others, silent, members } = await bench()
  silent.add(members[0] as NodeId)
  await others.put('k', 'a')
  await sim.run(10 * EXCHANGE_MS)
  t.equal(own.counters.keysRepaired, 1)
})

t.test('the next exchange begins a period after the last one, whatever began that', async (t) => {
  const answerMs = 100
  const { sim, repairer, others, asked } = await bench(RARELY_MS, answerMs)
  await sim.run(RARELY_MS - 5 * answerMs)
  const early = repairer.exchangeWithAll()
  // The timer finds it busy.
  await sim.complete(early, 10 * answerMs)
  await others.put('k', 'a')
  const before = asked.comparisons
  t.ok(before > 0, 'it has compared')
  await sim.run(RARELY_MS - 4 * answerMs)
  t.ok(asked.comparisons > before, 'a period after that exchange began')
})

t.test('a member that has nothing to take waits for its next turn', async (t) => {
  const { sim, own, asked } = await bench(RARELY_MS)
  for (let i = 0; i < MANY; i++) await own.put(`k${i}`, 'a')
  const isTooMuch = (): boolean => asked.comparisons >= 4 * COMPARISONS_MAX
  t.notOk(await sim.runUntil(isTooMuch, 4 * RARELY_MS), 'it waits')
  t.ok(asked.comparisons > 10, 'it goes on')
  t.equal(asked.copies, 0)
})

/** Of an exchange with a member that says of each branch down to this level that it differs. */
async function comparedAt(levelBits: number): Promise<number> {
  const sim = new SimWorld({ seed: 1 })
  const world = sim.start(1)
  const { clock } = world
  const topology = new Topology(new Cluster(new SimWorld({ seed: 1 }), { nodes: 3 }).configOf(1))
  const { replica, trees, floors, counters } = new Holder(world, topology.self.id)
  await trees.build()
  const compared = new Set<Branch>()
  const peers = {
    compareTrees(_: NodeId, { bits, sums }: TreePart, __: unknown, deliver: Deliver<unknown>) {
      const branches = sums.map(({ branch }) => branch)
      // A leaf is looked at twice: the second time it is equal.
      const differing = bits < levelBits ? branches : branches.filter((one) => !compared.has(one))
      if (bits === levelBits) for (const branch of branches) compared.add(branch)
      deliver(bits <= levelBits ? differing : [])
    },
    lieIn: () => undefined,
  } as unknown as PeerCalls
  const [other] = topology.otherOwners()
  if (other === undefined) throw new Error('there are three')
  const state = { ...floors.closed, highest: 0, durable: 0, start: replica.start, isWhole: true }
  const equalities = new Equalities(topology)
  const pacing = new Pacing({ clock, foreground: counters.foreground, latencyTargetMs: 20 })
  const common = { clock, topology, peers, replica, trees, floors, counters, equalities, pacing }
  const answer = { ...state, adopted: floors.adopted, knowsClosed: true }
  const exchange = new Exchange(common, other, answer, () => false)
  t.equal(await sim.complete(exchange.run(undefined), 60_000), undefined, 'it is complete')
  return compared.size
}

t.test('an exchange looks at all that differs, some thousand branches at a time', async (t) => {
  t.equal(await comparedAt(8), 2 ** 8)
  t.equal(await comparedAt(16), 2 ** 16)
  t.equal(await comparedAt(TREE_LEAF_BITS), TREE_LEAVES, 'also more leaves than one way down finds')
})

t.test(
  'exchanges that are asked for wait for those of the timer, and name who failed',
  async (t) => {
    const { repairer, sim, others, silent, members } = await bench()
    const told: unknown[] = []
    const watch = {
      onBegin: () => void told.push('begun'),
      onMember: (node: NodeId, code: unknown) => void told.push([node, code]),
    }
    await others.put('k', 'a')
    await sim.run(EXCHANGE_MS + 100)
    const [first, second] = members as [NodeId, NodeId]
    silent.add(second)
    const asked = repairer.exchangeNow([second, first], undefined, watch)
    await sim.run(100)
    t.same(told, [], 'the timer has begun one, and looks at the leaf again')
    await sim.complete(asked)
    t.same(told, ['begun', [second, 'deadline-passed'], [first, undefined]])
  },
)

/** How long it took from the first look at a copy here to the last copy taken. */
async function repairBeside(requestMs: number): Promise<number> {
  const { sim, clock, pacing, own, others } = await bench(EXCHANGE_MS, 20)
  const { foreground } = own.counters
  const ownDigest = own.replica.ownDigest.bind(own.replica)
  let beganMs: number | undefined
  own.replica.ownDigest = async (copy) => {
    beganMs ??= clock.now()
    await new Promise<void>((resolve) => void clock.after(5, resolve))
    return ownDigest(copy)
  }
  for (let i = 0; i < 4; i++) await others.put(`k${i}`, 'a')
  pacing.begin()
  for (let looks = 0; own.counters.keysRepaired < 4 && looks < LOOKS_MAX; looks++) {
    foreground.onBegun()
    foreground.onEnded(requestMs)
    await sim.run(10)
  }
  return clock.now() - (beganMs ?? Number.NaN)
}

t.test('an exchange rests for its own work while requests of clients are slow', async (t) => {
  const atOnceMs = await repairBeside(10)
  t.ok(atOnceMs < 80, `${atOnceMs} ms`)
  const restingMs = await repairBeside(50)
  // Four looks, each of them paid for; the questions and answers between are not.
  t.ok(restingMs > 300 && restingMs < 600, `${restingMs} ms`)
})
