/** What counts as a machine: the members' own statements while there are N, else each member. */
import t from 'tap'
import { type NodeId, nodeId } from '../../../../src/dynamo/names.ts'
import { claim } from '../../../../src/dynamo/ring/claim.ts'
import { type MachineOf, Machines } from '../../../../src/dynamo/ring/machines.ts'
import { type Member, Ring } from '../../../../src/dynamo/ring/ring.ts'
import { StagedLists } from '../../../../src/dynamo/ring/staged-lists.ts'
import { firstStages } from '../../../../src/dynamo/ring/stages.ts'
import { member, members } from './members.ts'

const onTwo = members(4, (i) => ({ machine: i < 2 ? 'a' : 'b' }))
const ids = onTwo.map(({ id }) => id) as [NodeId, NodeId, NodeId, NodeId]

function machinesOf(ring: Ring, n: number): MachineOf {
  const [{ id }] = ring.members as [Member]
  return new Machines(firstStages(ring), n).beside([id])
}

t.test('members that state one machine share it while the ring has N machines', async (t) => {
  const machineOf = machinesOf(claim(onTwo, 4, 2).ring, 2)
  t.strictSame(ids.map(machineOf), ['a', 'a', 'b', 'b'])
})

t.test('with fewer than N machines each member counts as one', async (t) => {
  const machineOf = machinesOf(claim(onTwo, 4, 2).ring, 3)
  t.strictSame(ids.map(machineOf), ids)
})

t.test('a member that owns no partition counts, as it does in preference lists', async (t) => {
  const all = [member(1), member(2), member(3, { machine: 'm2' }), member(4)]
  const ring = new Ring(1, all, Uint16Array.of(0, 1))
  t.strictSame(all.map(({ id }) => id).map(machinesOf(ring, 3)), ['m1', 'm2', 'm2', 'm4'])
})

t.test('a node that is no member has no machine', async (t) => {
  const machineOf = machinesOf(claim(onTwo, 4, 2).ring, 2)
  t.throws(() => machineOf(nodeId('f'.repeat(16))), /only owners and members of the ring/)
})

t.test('Q2: the owners of a partition have distinct machines, however few there are', async (t) => {
  for (let machines = 1; machines <= 5; machines++) {
    const all = members(6, (i) => ({ machine: `m${i % machines}` }))
    const lists = new StagedLists(firstStages(claim(all, 5, 3).ring))
    for (let n = 1; n <= 5; n++) {
      for (let partition = 0; partition < 32; partition++) {
        const { ownerIds, machineOf } = lists.ofPartition(partition, n)
        const distinct = new Set(ownerIds.map(machineOf))
        if (distinct.size !== n) t.fail(`${n} of ${machines} machines, partition ${partition}`)
      }
    }
  }
})

t.test(
  'owners that share a machine on their way to a ring that has N count as members',
  async (t) => {
    const machines = new Machines(firstStages(claim(members(3), 4, 3).ring), 3)
    const [a, b, c] = members(3).map(({ id }) => id) as [NodeId, NodeId, NodeId]
    t.equal(machines.beside([a, b])(c), 'm3')
    t.equal(machines.beside([a, a])(c), c)
  },
)
