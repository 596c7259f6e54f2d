/** What a get repairs is durable before it counts, in a bucket with durability `interval` too. */
import t from 'tap'
import { keyName, type NodeId } from '../../../../src/dynamo/names.ts'
import { Context } from '../../../../src/dynamo/version/context.ts'
import { repair, type RepairDependencies } from '../../../../src/node/coordinator/read-repair.ts'
import { copyOf } from '../../../../src/store/conformance/subject.ts'

const [SELF, OTHER] = ['a'.repeat(16), 'b'.repeat(16)] as [NodeId, NodeId]

t.test('an owner counts once it has synced what it lacked', async (t) => {
  const asked: object[] = []
  let synced: (() => void) | undefined
  const node = {
    self: SELF,
    trace: { record: () => undefined },
    counters: { repairs: 0 },
    replica: {
      merge: () => 7,
      whenSynced: (sequence: number, done: () => void) => {
        t.equal(sequence, 7)
        synced = done
      },
    },
    peers: { writeCopy: (...[, , , terms]: readonly object[]) => asked.push(terms as object) },
  } as unknown as RepairDependencies
  const object = { context: Context.empty, siblings: [] }
  const terms = { ring: { hi: 1, lo: 2 }, deadline: 100 }
  const wanted = { copy: copyOf(keyName('b', 'k')), object, bytes: new Uint8Array(1), terms }
  const held: NodeId[] = []
  repair(node, { ...wanted, owners: [SELF, OTHER] } as never, (owner) => held.push(owner))
  t.same(asked, [terms], 'without a durability: the default is to wait')
  t.same(held, [])
  synced?.()
  t.same(held, [SELF])
})
