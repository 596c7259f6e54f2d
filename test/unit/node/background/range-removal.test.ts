/** Ranges go where all owners carry the same siblings durably, the one that asks among them. */
import t from 'tap'
import { OperatingError } from '../../../../src/base/errors.ts'
import { keyName } from '../../../../src/dynamo/names.ts'
import { NO_ROUND } from '../../../../src/dynamo/repair/round.ts'
import {
  RangeRemoval,
  type RangeRemovalDependencies,
} from '../../../../src/node/background/range-removal.ts'
import { Floors } from '../../../../src/node/replica/floors.ts'
import type { RingDigest } from '../../../../src/dynamo/ring/ring.ts'
import { Topology } from '../../../../src/node/cluster/topology.ts'
import { Cluster } from '../../../../src/sim/cluster/cluster.ts'
import { SimWorld } from '../../../../src/sim/index.ts'
import { copyOf } from '../../../../src/store/conformance/subject.ts'
import { equalU64, u64 } from '../../../../src/base/u64.ts'
import type { Digest } from '../../../../src/native/digest.ts'

/** Members that were asked, while the copy here was not durable, and by the end. */
async function asked(
  failure: OperatingError | undefined,
  hasMoved = false,
): Promise<readonly [number, number]> {
  const sim = new SimWorld({ seed: 1 })
  const { clock } = sim.start(1)
  const topology = new Topology(new Cluster(new SimWorld({ seed: 1 }), { nodes: 3 }).configOf(1))
  const members: string[] = []
  let synced: (error: OperatingError | undefined) => void = () => undefined
  const node = {
    ...{ clock, topology },
    floors: {
      areOfAdopted: (stages: RingDigest) => !hasMoved && equalU64(stages, topology.stages.digest),
    },
    engine: { report: () => ({ durableSequence: 1 }) },
    replica: {
      lastSequence: 1,
      whenSynced: (_: number, done: typeof synced) => (synced = done),
    },
    peers: {
      ranges: (member: string, _: unknown, __: unknown, deliver: (error: unknown) => void) => {
        members.push(member)
        deliver(new OperatingError('peer-away', 'not now'))
      },
    },
  }
  const removal = new RangeRemoval(node as unknown as RangeRemovalDependencies)
  const copy = copyOf(keyName('b', 'k'))
  const crowded = [{ copy, digest: u64(0, 1) as Digest, ranges: [] }]
  const ended = removal.ask(crowded, NO_ROUND)
  await sim.run(100)
  const before = members.length
  synced(failure)
  await sim.complete(ended, 10_000)
  return [before, members.length]
}

t.test('an owner asks once its own copy is durable', async (t) => {
  t.same(await asked(undefined), [0, 2])
})

t.test('it asks for nothing where the disk failed', async (t) => {
  t.same(await asked(new OperatingError('disk-failed', 'it took nothing')), [0, 0])
})

t.test('it asks for nothing once a place has moved since the round', async (t) => {
  t.same(await asked(undefined, true), [0, 0])
})

t.test('a round is of the stages with which it was adopted, and of those alone', async (t) => {
  const sim = new SimWorld({ seed: 1 })
  const floors = new Floors({ clock: sim.start(1).clock, directory: undefined })
  const [before, after] = [u64<RingDigest>(1, 2), u64<RingDigest>(3, 4)]
  t.notOk(floors.areOfAdopted(before), 'none was adopted')
  await sim.complete(floors.adopt({ ...NO_ROUND, number: 1 }, before), 1_000)
  t.ok(floors.areOfAdopted(before))
  t.notOk(floors.areOfAdopted(after))
  await sim.complete(floors.adopt({ ...NO_ROUND, number: 2 }), 1_000)
  t.notOk(floors.areOfAdopted(before), 'one that was learnt from others')
})
