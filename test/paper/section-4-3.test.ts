/** Dynamo 4.3: replication; and 4.2 as far as it says where a key lives. */
import t from 'tap'
import { preferenceListOf } from '../../src/dynamo/ring/preference-list.ts'
import type { Ring } from '../../src/dynamo/ring/ring.ts'
import { tokenOf } from '../../src/native/digest.ts'
import { nameOf, replyOf, Scene } from '../unit/node/scene.ts'

// "Each data item is replicated at N hosts, where N is a parameter configured per-instance."
t.test('4.3: each key is kept by N nodes, and N is chosen', async (t) => {
  for (const n of [1, 2, 3, 5]) {
    const scene = await Scene.open({ nodes: 5, quorums: { n, r: 1, w: n } })
    const session = await scene.session(1)
    for (let i = 0; i < 10; i++) replyOf(await session.put(`key ${i}`, 'v'))
    await scene.world.run(200)
    t.equal(scene.total('keys'), 10 * n, `N = ${n}`)
  }
})

// "Every node in the system can determine which nodes should be in this list for any particular
// key."
t.test('4.3: every node knows the preference list of every key', async (t) => {
  const scene = await Scene.open({ nodes: 5 })
  const views = scene.cluster.machines.map((machine) => scene.cluster.node(machine)?.ring as Ring)
  for (let i = 0; i < 100; i++) {
    const { bucket, key } = nameOf(`key ${i}`)
    const token = tokenOf(bucket, key)
    const lists = views.map((ring) => {
      return preferenceListOf(ring, ring.partitionOf(token), 3).owners.map(({ id }) => id)
    })
    for (const list of lists) t.strictSame(list, lists[0])
    t.equal(new Set(lists[0]).size, 3, 'distinct nodes')
  }
})

// "To account for node failures, preference list contains more than N nodes … the preference list
// for a key is constructed by skipping positions in the ring to ensure that the list contains only
// distinct physical nodes."
t.test('4.3: the list has distinct machines, and goes on behind the N-th', async (t) => {
  const scene = await Scene.open({ nodes: 5 })
  const { owners, others } = scene.placeOf('cart')
  t.equal(owners.length, 3)
  t.equal(new Set([...owners, ...others]).size, 5)
})

// 4.2: "the departure or arrival of a node only affects its immediate neighbors" waits for joining
// and leaving; what can be stated now is that load is even (6.2, strategy 3).
t.test('6.2: keys spread evenly over the nodes', async (t) => {
  const scene = await Scene.open({ nodes: 5, partitions: 256 })
  const client = await scene.client()
  for (let i = 0; i < 500; i += 50) {
    const puts = Array.from({ length: 50 }, (_, j) => client.put(`key ${i + j}`, 'v', { w: 3 }))
    await scene.run(Promise.all(puts))
  }
  const mean = (500 * 3) / 5
  for (const machine of scene.cluster.machines) {
    const part = scene.figure(machine, 'keys') / mean
    t.ok(part > 0.8 && part < 1.2, `node ${machine}: ${part.toFixed(2)} of its share`)
  }
})
