/** Exchanges of one member with others, whose answers the test gives. */
import t from 'tap'
import { utf8Bytes } from '../../../../src/base/bytes.ts'
import type { Deliver } from '../../../../src/base/deliver.ts'
import { equalU64 } from '../../../../src/base/u64.ts'
import { type CopyId, keyName, type NodeId } from '../../../../src/dynamo/names.ts'
import type { CopyAnswer } from '../../../../src/dynamo/quorum/answers.ts'
import type { GetAsk } from '../../../../src/dynamo/quorum/get.ts'
import type { Branch } from '../../../../src/dynamo/repair/branches.ts'
import { Context } from '../../../../src/dynamo/version/context.ts'
import { Repairer } from '../../../../src/node/background/repairer.ts'
import {
  objectAnswer,
  type PeerCalls,
  type TreePart,
} from '../../../../src/node/cluster/peer-calls.ts'
import { Topology } from '../../../../src/node/cluster/topology.ts'
import { Counters } from '../../../../src/node/counters.ts'
import { Hints } from '../../../../src/node/replica/hints.ts'
import { type LeafKeys, type Leaves, leafKeys } from '../../../../src/node/replica/leaf-keys.ts'
import { Replica } from '../../../../src/node/replica/replica.ts'
import { Trees } from '../../../../src/node/replica/trees.ts'
import { Cluster } from '../../../../src/sim/cluster/cluster.ts'
import { SimWorld } from '../../../../src/sim/index.ts'
import type { World } from '../../../../src/world/world.ts'
import { copyOf } from '../../../../src/store/conformance/subject.ts'
import { MemoryEngine } from '../../../../src/store/memory/memory.ts'

const KEY = new Uint8Array(16)
const EXCHANGE_MS = 1_000
const NEVER = Number.POSITIVE_INFINITY
const RARELY_MS = 5_000
/** Of exchanges with two members, in which 64 times 64 leaves differ. */
const COMPARISONS_MAX = 2 * (64 + 20)
/** More than one exchange mends. */
const MANY = 4_500

/** What one member holds. */
class Holder {
  readonly engine = new MemoryEngine()
  readonly trees: Trees = new Trees(this.engine, KEY)
  readonly counters = new Counters()
  readonly replica: Replica

  constructor({ clock, entropy, trace }: World, node: NodeId) {
    const { engine, trees, counters } = this
    const hints = new Hints(engine, clock, 1 << 20)
    const mend = (): Promise<boolean> => Promise.resolve(false)
    const common = { engine, node, digestKey: KEY, clock, entropy, trace, counters }
    this.replica = new Replica({ ...common, isWhole: () => true, hints, trees, mend })
  }

  async put(key: string, value: string): Promise<void> {
    const request = { requestId: `${key}${value}`.padEnd(16), isRepeat: false }
    const write = { ...request, value: utf8Bytes(value), seen: Context.empty }
    await this.replica.write(copyAt(key), write, NEVER)
  }
}

const copyAt = (key: string): CopyId => copyOf(keyName('b', key))

interface Bench {
  readonly sim: SimWorld
  readonly own: Holder
  /** Of every other member. */
  readonly others: Holder
  readonly silent: Set<NodeId>
  readonly members: readonly NodeId[]
  /** How many copies were asked for, and comparisons. */
  readonly asked: { copies: number; comparisons: number }
}

async function bench(exchangeMs = EXCHANGE_MS): Promise<Bench> {
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
    if (!silent.has(node)) world.clock.after(1, answer)
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
    readCopy({ node }: GetAsk, copy: CopyId, _: unknown, deliver: (answer: CopyAnswer) => void) {
      asked.copies += 1
      const stored = others.engine.get(copy)
      later(node, () => {
        deliver(
          stored === undefined ? { kind: 'absent' } : objectAnswer(stored.object, stored.digest),
        )
      })
    },
  } as unknown as PeerCalls
  const { clock } = world
  const { replica, trees, counters } = own
  const common = { clock, topology, peers, replica, trees, counters }
  new Repairer({ ...common, isWhole: () => true, exchangeMs }).begin()
  return { sim, own, others, silent, members, asked }
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

t.test('a silent member does not keep the next one from an exchange', async (t) => {
  const { sim, own, others, silent, members } = await bench()
  silent.add(members[0] as NodeId)
  await others.put('k', 'a')
  await sim.run(10 * EXCHANGE_MS)
  t.equal(own.counters.keysRepaired, 1)
})

t.test('a member that has nothing to take waits for its next turn', async (t) => {
  const { sim, own, asked } = await bench(RARELY_MS)
  for (let i = 0; i < MANY; i++) await own.put(`k${i}`, 'a')
  await sim.run(4 * RARELY_MS)
  t.ok(asked.comparisons > 10, 'it goes on')
  t.ok(asked.comparisons < 4 * COMPARISONS_MAX, `${asked.comparisons} comparisons`)
  t.equal(asked.copies, 0)
})
