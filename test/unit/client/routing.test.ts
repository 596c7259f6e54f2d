/** The choice of nodes: owners first, quiet nodes last, lost nodes dialled again. */
import t from 'tap'
import { u64 } from '../../../src/base/u64.ts'
import { utf8Bytes } from '../../../src/base/bytes.ts'
import { OperatingError } from '../../../src/base/errors.ts'
import type { CallError } from '../../../src/client/failure.ts'
import { Routes } from '../../../src/client/routes.ts'
import { preferenceListOf } from '../../../src/dynamo/ring/preference-list.ts'
import { tokenOf } from '../../../src/native/digest.ts'
import { askedFor, foundReply, untilIdle, Stage, type StageNode, topologyOf } from './scripted.ts'

t.test('a key goes to the first owner in its preference list, in all partitions', async (t) => {
  const stage = new Stage(5)
  const client = await stage.connect()
  const { ring } = new Routes(stage.topology)
  const seen = new Set<string>()
  for (let i = 0; i < 64; i++) {
    const token = tokenOf(utf8Bytes('default'), utf8Bytes(`key-${i}`))
    const [first] = preferenceListOf(ring, ring.partitionOf(token), 3).owners
    const node = await askedFor(stage, () => client.get(`key-${i}`))
    t.equal(node?.name, first?.name)
    seen.add(node?.name ?? '')
  }
  t.equal(seen.size, 5)
})

t.test(
  'with the first owner away the second is asked, and the first again when it is back',
  async (t) => {
    const stage = new Stage()
    const client = await stage.connect()
    const first = (await askedFor(stage, () => client.get('k'))) as StageNode
    first.isReachable = false
    first.drop()
    await untilIdle()
    const second = (await askedFor(stage, () => client.get('k'))) as StageNode
    t.not(second, first)
    first.isReachable = true
    await stage.clock.pass(3000)
    t.equal(await askedFor(stage, () => client.get('k')), first)
  },
)

t.test('a lost node is dialled less often over time, at random moments', async (t) => {
  const stage = new Stage()
  await stage.connect()
  const [node] = stage.nodes as [StageNode]
  node.isReachable = false
  node.drop()
  await stage.clock.pass(1000)
  const early = node.dials
  t.ok(early >= 3 && early <= 40, `${early} dials in the first second`)
  await stage.clock.pass(20_000)
  const before = node.dials
  await stage.clock.pass(10_000)
  t.ok(node.dials - before <= 40, `${node.dials - before} dials in ten seconds`)
  t.ok(node.dials - before >= 4, `${node.dials - before} dials in ten seconds`)
})

t.test('a quiet node is used last until an answer comes', async (t) => {
  const stage = new Stage()
  const client = await stage.connect()
  const first = (await askedFor(stage, () => client.get('k'))) as StageNode
  first.isAwake = false
  await stage.clock.pass(470)
  t.not(await askedFor(stage, () => client.get('k')), first)
  // A late answer to an attempt that timed out shows that the node is there again.
  first.asked[0]?.answer(foundReply())
  await untilIdle()
  t.equal(await askedFor(stage, () => client.get('k')), first)
})

t.test('a slow node that answers other calls is not quiet', async (t) => {
  const stage = new Stage()
  const client = await stage.connect()
  const first = (await askedFor(stage, () => client.get('k'))) as StageNode
  client.get('k').catch(() => {})
  await untilIdle()
  first.asked[1]?.answer(foundReply())
  await stage.clock.pass(470)
  t.equal(await askedFor(stage, () => client.get('k')), first)
})

t.test('a node that stays quiet is dropped and dialled again', async (t) => {
  const stage = new Stage()
  const client = await stage.connect()
  const first = (await askedFor(stage, () => client.get('k'))) as StageNode
  first.isAwake = false
  const { dials } = first
  await stage.clock.pass(8000)
  t.ok(first.dials > dials)
})

t.test('an idle node that does not answer is dropped and dialled again', async (t) => {
  const stage = new Stage(1)
  await stage.connect()
  const [node] = stage.nodes as [StageNode]
  await stage.clock.pass(60_000)
  t.equal(node.dials, 1, 'it answers')
  node.isAwake = false
  await stage.clock.pass(20_000)
  t.ok(node.dials > 1)
})

t.test(
  'one seed is enough: other nodes come from the topology and are dialled when needed',
  async (t) => {
    const stage = new Stage()
    const client = await stage.connect({ seeds: ['127.0.0.1:7401'] })
    t.same(
      stage.nodes.map((node) => node.dials),
      [0, 1, 0],
    )
    for (let i = 0; i < 20; i++) client.get(`key-${i}`).catch(() => {})
    await untilIdle()
    t.same(
      stage.nodes.map((node) => node.connections),
      [1, 1, 1],
    )
  },
)

t.test('a client connects while one seed is away', async (t) => {
  const stage = new Stage()
  ;(stage.nodes[0] as StageNode).isReachable = false
  const client = await stage.connect()
  t.equal((await client.topology()).members.length, 3)
})

t.test(
  'with no seed reachable, connect fails when its time is up and leaves no timer',
  async (t) => {
    const stage = new Stage()
    for (const node of stage.nodes) node.isReachable = false
    const connecting = stage.connect({ connectTimeout: 500 })
    await stage.clock.pass(600)
    const error = (await connecting.catch((thrown: unknown) => thrown)) as OperatingError
    t.equal(error.code, 'not-connected')
    t.match(error.message, '127.0.0.1:7402 is not there')
    await stage.clock.pass(10_000)
    t.equal(stage.clock.waiting, 0)
  },
)

t.test('when every seed refuses the client, connect fails at once with the reason', async (t) => {
  const stage = new Stage()
  for (const node of stage.nodes) node.refusal = new OperatingError('token-wrong', 'wrong token')
  const connecting = stage.connect()
  await stage.clock.pass(60)
  const error = (await connecting.catch((thrown: unknown) => thrown)) as OperatingError
  t.equal(error.code, 'token-wrong')
})

t.test('after ring-differs the client asks for the topology and routes by it', async (t) => {
  const stage = new Stage()
  const probe = await stage.connect()
  const first = (await askedFor(stage, () => probe.get('k'))) as StageNode
  await probe.close()
  first.asked.length = 0
  const other = stage.nodes.find((node) => node !== first) as StageNode
  const client = await stage.connect({ seeds: [`127.0.0.1:${other.port}`] })
  await askedFor(stage, () => client.get('k'))
  await stage.clock.pass(200)
  t.equal(await askedFor(stage, () => client.get('k')), first)
  const others = topologyOf(stage.nodes.filter((node) => node !== first))
  stage.topology = { ...others, ring: u64(7, 7) }
  first.asked[0]?.fail('ring-differs')
  await untilIdle()
  t.not(await askedFor(stage, () => client.get('k')), first)
  t.equal(first.connections, 0, 'a node that is no longer a member is disconnected')
  t.equal((await client.topology()).ring, '0000000700000007')
})

t.test('a topology that contradicts itself is refused, and the current one stays', async (t) => {
  const stage = new Stage()
  const client = await stage.connect()
  const good = stage.topology
  const wrong = [
    { ...good, members: [] },
    { ...good, members: good.members.toReversed() },
    { ...good, owners: good.owners.subarray(2) },
    { ...good, owners: good.owners.map(() => 255) },
    { ...good, partitionBits: 30 },
    { ...good, buckets: [] },
    { ...good, buckets: [{ name: '', n: 0, r: 1, w: 1 }] },
  ]
  for (const topology of wrong) {
    stage.topology = topology
    await t.rejects(client.topology(), { code: 'message-garbled' })
  }
  t.ok(await askedFor(stage, () => client.get('k')))
})

t.test('status asks the named node and no other', async (t) => {
  const stage = new Stage()
  const client = await stage.connect()
  t.equal(await askedFor(stage, () => client.status('node-2')), stage.nodes[1])
  await t.rejects(client.status('node-9'), { code: 'input-wrong', message: /node-1, node-2/ })
})

t.test('a node with two known addresses has one connection', async (t) => {
  const stage = new Stage()
  const client = await stage.connect({ seeds: ['localhost:7400'] })
  for (let i = 0; i < 20; i++) client.get(`key-${i}`).catch(() => {})
  await untilIdle()
  t.same(
    stage.nodes.map((node) => node.connections),
    [1, 1, 1],
  )
})

t.test('the only node is asked again although it is quiet', async (t) => {
  const stage = new Stage(1)
  const client = await stage.connect()
  ;(stage.nodes[0] as StageNode).isAwake = false
  client.get('k').catch(() => {})
  await stage.clock.pass(600)
  t.equal(stage.asked.length, 2)
})

t.test('a session that ends as it opens is dialled again', async (t) => {
  const stage = new Stage(1)
  const [node] = stage.nodes as [StageNode]
  node.endsAtOnce = true
  const failing = stage.connect({ connectTimeout: 300 })
  await stage.clock.pass(400)
  const error = (await failing.catch((thrown: unknown) => thrown)) as CallError
  t.equal(error.code, 'not-connected')
  t.equal(error.attempts, 0, 'no request is sent')
  t.ok(node.dials > 1)
  const connecting = stage.connect()
  await stage.clock.pass(200)
  node.endsAtOnce = false
  await stage.clock.pass(1000)
  t.equal((await (await connecting).topology()).members.length, 1)
  t.equal(node.connections, 1)
})

t.test('a get dials the owners of its key, as many as the N of its bucket', async (t) => {
  for (const [bucket, n] of [
    ['pairs', 2],
    ['others', 3],
  ] as const) {
    // The seed must not be an owner: otherwise no node would be dialled.
    const stage = new Stage(9)
    const client = await stage.connect({ seeds: ['127.0.0.1:7400'] })
    const routes = new Routes(stage.topology)
    const isOwner = (key: string): boolean =>
      routes
        .of(bucket, utf8Bytes(bucket), utf8Bytes(key))
        .owners.some(({ name }) => name === 'node-1')
    const key = ['a', 'b', 'c', 'd', 'e', 'f', 'g', 'h'].find((one) => !isOwner(one)) as string
    client
      .bucket(bucket)
      .get(key)
      .catch(() => {})
    await untilIdle()
    t.equal(stage.nodes.filter((node) => node.dials > 0).length, n + 1, bucket)
  }
})

t.test('an answer that tells of another ring makes the client ask for it', async (t) => {
  const stage = new Stage()
  const client = await stage.connect()
  await stage.clock.pass(1000)
  for (const node of stage.nodes) node.reply = () => foundReply('v')
  await client.get('k')
  const before = stage.topologies
  const members = stage.topology.members.slice(0, 2)
  stage.topology = { ...topologyOf(stage.nodes.slice(0, 2)), members, ring: u64(99, 1) }
  stage.tellRing(99)
  await untilIdle()
  t.equal(stage.topologies, before + 1, 'once, though each tells it')
  t.equal((await client.topology()).members.length, 2)
})
