/** The ring and the properties of buckets that a configuration gives, and a ring adopted later. */
import t from 'tap'
import type { Token } from '../../../../src/native/digest.ts'
import { u64 } from '../../../../src/base/u64.ts'
import { utf8Bytes } from '../../../../src/base/bytes.ts'
import { isFailure } from '../../../../src/base/deliver.ts'
import type { Config, MemberConfig } from '../../../../src/config.ts'
import { bucketIdOf, Durability } from '../../../../src/dynamo/buckets/bucket-record.ts'
import { isId } from '../../../../src/dynamo/names.ts'
import { firstStages } from '../../../../src/dynamo/ring/stages.ts'
import { memberIdOf, ringOf, Topology } from '../../../../src/node/cluster/topology.ts'
import { type Placement, placementOf } from '../../../../src/node/coordinator/quorums.ts'
import { topologyReply } from '../../../../src/node/listeners/cluster-replies.ts'
import { Cluster } from '../../../../src/sim/cluster/cluster.ts'
import { SimWorld } from '../../../../src/sim/index.ts'
import { bucket } from '../../dynamo/buckets/samples.ts'

function configOf(machine: number, change: Partial<Config> = {}): Config {
  const cluster = new Cluster(new SimWorld({ seed: 1 }), { nodes: 3 })
  return { ...cluster.configOf(machine), ...change }
}

/** The same members, each on the machine that `on` names. */
function onMachines(on: (index: number) => string): readonly MemberConfig[] {
  return configOf(1).members.map((member, i) => ({ ...member, machine: on(i) }))
}

function placed(topology: Topology, token: Token, bucket: string): Placement {
  const named = topology.named.ofName(utf8Bytes(bucket))
  if (isFailure(named)) throw named
  return placementOf(topology, token, named)
}

t.test('nodes with one list of members have one ring, whatever its order', async (t) => {
  const one = new Topology(configOf(1))
  const two = new Topology(configOf(2, { members: configOf(2).members.toReversed() }))
  t.strictSame(one.ring.digest, two.ring.digest)
  t.not(one.self.id, two.self.id)
})

t.test('another list, machine, zone or weight is another ring', async (t) => {
  const { digest } = ringOf(configOf(1))
  const members = configOf(1).members.slice(0, 2)
  for (const change of [{ members }, { members: onMachines(() => 'm') }, { partitions: 32 }]) {
    t.notSame(ringOf(configOf(1, change)).digest, digest)
  }
})

t.test('an adopted ring is in force for later requests, and not for those under way', async (t) => {
  const topology = new Topology(configOf(1))
  const { lists } = topology
  const moved = configOf(1).members.map((one) => ({ ...one, host: '10.9.9.9' }))
  const next = ringOf(configOf(1, { members: moved.slice(0, 2) }))
  topology.adopt(firstStages(next))
  t.equal(topology.ring, next)
  t.equal(lists.ring.members.length, 3, 'a request that has begun keeps its ring')
})

t.test('a node outside of the ring owns nothing, and is the last fallback', async (t) => {
  const token = u64<Token>(0, 0)
  const config = configOf(1)
  const topology = new Topology(config)
  const inside = placed(topology, token, 'carts')
  topology.adopt(firstStages(ringOf({ ...config, members: config.members.slice(1) })))
  t.same(topology.self, { id: memberIdOf(config.cluster, 'n1'), ...config.members[0] })
  t.same(topology.otherOwners(), [])
  const { owners, others, machineOf } = placed(topology, token, 'carts')
  t.equal(owners.length, 2)
  t.same(others, [topology.self.id])
  t.equal(machineOf(topology.self.id), topology.self.id, 'two machines for three copies')
  t.equal(inside.machineOf(topology.self.id), 'm1')
  const n = { ...config, defaults: { n: 2, r: 1, w: 1 }, members: config.members.slice(1) }
  topology.adopt(firstStages(ringOf(n)))
  const bucket = new Topology({ ...config, defaults: n.defaults })
  bucket.adopt(topology.stages)
  t.equal(placed(bucket, token, 'carts').machineOf(topology.self.id), 'm1', 'enough machines')
})

t.test('K4: a member has one id for ever, and no other member or cluster has it', async (t) => {
  const ids = ['n1', 'n2', 'n1\0', ''].map((name) => memberIdOf('c', name))
  t.equal(new Set([...ids, memberIdOf('d', 'n1')]).size, 5)
  t.equal(memberIdOf('c', 'n1'), ids[0])
  t.ok(ids.every((id) => isId(id)))
})

t.test('a bucket has its own quorums, every other the defaults', async (t) => {
  const buckets = [{ name: 'carts', n: 3, r: 1, w: 3 }]
  const topology = new Topology(configOf(1, { buckets, defaults: { n: 2, r: 1, w: 1 } }))
  t.match(topology.named.ofName(utf8Bytes('carts')), { n: 3, r: 1, w: 3 })
  t.match(topology.named.ofName(utf8Bytes('other')), { n: 2, r: 1, w: 1 })
  const token: Token = u64(0x1234_5678, 0)
  t.equal(placed(topology, token, 'carts').owners.length, 3)
  t.equal(placed(topology, token, 'other').owners.length, 2)
})

t.test('copies of a bucket that no record tells of count once they are synced', async (t) => {
  const { named } = new Topology(configOf(1))
  const fields = { n: 3, r: 3, w: 1, durability: Durability.interval }
  const made = bucket(1, fields)
  const copy = {
    name: { bucket: utf8Bytes('carts'), key: utf8Bytes('k') },
    bucketId: bucketIdOf(made),
  }
  t.match(named.ofCopy(copy), { r: 2, w: 2, durability: Durability.always })
  named.follow([made])
  t.match(named.ofCopy(copy), fields)
  t.match(named.ofName(utf8Bytes('carts')), fields)
  t.match(named.ofName(utf8Bytes('other')), { durability: Durability.always })
})

t.test('an operator is told which loss the cluster would not survive', async (t) => {
  t.strictSame(new Topology(configOf(1)).warnings(), [])
  const alone = new Topology(configOf(1, { members: onMachines(() => 'one') }))
  t.match(alone.warnings(), [/one machine: this cluster survives no lost disk/])
  const two = new Topology(configOf(1, { members: onMachines((i) => `m${i % 2}`) }))
  t.match(two.warnings(), [/2 machines: this cluster survives the loss of 1 disk/])
})

t.test('the topology for clients names every member, its place and every bucket', async (t) => {
  const buckets = [{ name: 'carts', n: 3, r: 2, w: 2 }]
  const message = topologyReply(new Topology(configOf(1, { buckets })))
  t.equal(message.members.length, 3)
  t.equal(message.owners.length, 2 * 16 * 3, 'three owners of each partition')
  t.strictSame(
    message.buckets.map(({ name }) => name),
    ['', 'carts'],
  )
  t.ok(message.members.every(({ node }) => node.length === 8))
})
