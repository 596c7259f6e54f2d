/** What is kept of comparisons: the last equal sum with each owner, and since when they differ. */
import t from 'tap'
import { type U64, u64 } from '../../../../src/base/u64.ts'
import type { NodeId } from '../../../../src/dynamo/names.ts'
import {
  type Compared,
  Equalities,
  equalAtAll,
} from '../../../../src/node/background/equalities.ts'
import { Topology } from '../../../../src/node/cluster/topology.ts'
import { Cluster } from '../../../../src/sim/cluster/cluster.ts'
import { SimWorld } from '../../../../src/sim/index.ts'

const N = 3
const PARTITION = 5
const SUM: U64 = u64(7, 9)

/** Of three nodes, all owners of every partition. */
function fresh() {
  const topology = new Topology(new Cluster(new SimWorld({ seed: 1 }), { nodes: 3 }).configOf(1))
  const equalities = new Equalities(topology)
  const [second, third] = equalities.of(N, PARTITION).map(({ node }) => node) as [NodeId, NodeId]
  const compare = (node: NodeId, sum: U64, isDifferent: boolean, askedMs: number): void => {
    const differing = new Set(isDifferent ? [PARTITION] : [])
    equalities.compared({ node, n: N }, [{ branch: PARTITION, sum }], differing, askedMs)
  }
  const all = () => equalAtAll(equalities.of(N, PARTITION))
  return { topology, equalities, second, third, compare, all }
}

t.test('a partition is equal at all owners since the oldest of the last comparisons', async (t) => {
  const { equalities, second, third, compare, all } = fresh()
  compare(second, SUM, false, 100)
  t.equal(all(), undefined, 'the third was never compared')
  compare(third, SUM, false, 200)
  t.same(all(), { sum: SUM, foundMs: 100 })
  compare(second, SUM, false, 300)
  t.same(all(), { sum: SUM, foundMs: 200 })
  const [one] = equalities.of(N, PARTITION)
  t.same(one, { node: second, equal: { sum: SUM, foundMs: 300 }, differsSinceMs: undefined })
})

t.test('a difference ends it, and is counted from the first that was seen', async (t) => {
  const { equalities, second, third, compare, all } = fresh()
  compare(second, SUM, false, 100)
  compare(third, SUM, false, 100)
  compare(third, u64(1, 1), true, 200)
  compare(third, u64(1, 2), true, 300)
  t.equal(all(), undefined)
  const other = equalities.of(N, PARTITION).find(({ node }) => node === third)
  t.same(other, { node: third, equal: { sum: SUM, foundMs: 100 }, differsSinceMs: 200 })
  compare(third, SUM, false, 400)
  t.same(all(), { sum: SUM, foundMs: 100 })
})

t.test('owners that were equal at two sums are not equal at all', async (t) => {
  const { second, third, compare, all } = fresh()
  compare(second, SUM, false, 100)
  compare(third, u64(7, 8), false, 200)
  t.equal(all(), undefined)
  compare(second, u64(7, 8), false, 300)
  t.same(all(), { sum: u64(7, 8), foundMs: 200 })
})

t.test('nothing is found where there is no other owner', async (t) => {
  const none: readonly Compared[] = []
  t.equal(equalAtAll(none), undefined)
})

t.test('partitions, N and owners are apart', async (t) => {
  const { equalities, second, third, compare } = fresh()
  compare(second, SUM, false, 100)
  const known = [N, 2].map((n) =>
    equalities.of(n, PARTITION).map(({ equal }) => equal !== undefined),
  )
  t.same(known[0], [true, false])
  t.notOk(known[1]?.includes(true), 'of another N')
  t.notOk(equalities.of(N, PARTITION + 1).some(({ equal }) => equal !== undefined))
  t.equal(equalities.of(N, PARTITION)[1]?.node, third)
})

t.test('another ring begins anew', async (t) => {
  const { topology, equalities, second, compare } = fresh()
  compare(second, SUM, false, 100)
  const other = new Cluster(new SimWorld({ seed: 1 }), { nodes: 3, partitions: 64 }).configOf(1)
  topology.adopt(new Topology(other).stages)
  t.notOk(equalities.of(N, PARTITION).some(({ equal }) => equal !== undefined))
})
