/** Whom a client asks: owners first, the silent last, and how it finds its way back. */
import t from 'tap'
import { utf8Bytes } from '../../../src/base/bytes.ts'
import { OperatingError } from '../../../src/base/errors.ts'
import type { CallError } from '../../../src/client/failure.ts'
import { Routes } from '../../../src/client/routes.ts'
import { preferenceListOf } from '../../../src/dynamo/ring/preference-list.ts'
import { tokenOf } from '../../../src/native/digest.ts'
import { foundReply, settle, Stage, type StageNode, topologyOf } from './scripted.ts'

/** The name of the node that a get of `key` went to. */
async function askedFor(stage: Stage, ask: () => Promise<unknown>): Promise<StageNode | undefined> {
  const before = new Map(stage.nodes.map((node) => [node, node.asked.length]))
  ask().catch(() => {})
  await settle()
  return stage.nodes.find((node) => node.asked.length > (before.get(node) as number))
}

t.test('keys go to the first owner that the ring names, over all partitions', async (t) => {
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

t.test('with one owner away the next is asked, and the first again when it is back', async (t) => {
  const stage = new Stage()
  const client = await stage.connect()
  const first = (await askedFor(stage, () => client.get('k'))) as StageNode
  first.isReachable = false
  first.drop()
  await settle()
  const second = (await askedFor(stage, () => client.get('k'))) as StageNode
  t.not(second, first)
  first.isReachable = true
  await stage.clock.pass(3000)
  t.equal(await askedFor(stage, () => client.get('k')), first)
})

t.test('a lost node is dialled ever more rarely, and not all at one time', async (t) => {
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

t.test('a silent node is used last until it is heard', async (t) => {
  const stage = new Stage()
  const client = await stage.connect()
  const first = (await askedFor(stage, () => client.get('k'))) as StageNode
  first.isAwake = false
  await stage.clock.pass(470)
  t.not(await askedFor(stage, () => client.get('k')), first)
  // A late answer to an attempt long given up shows that it is there again.
  first.asked[0]?.answer(foundReply())
  await settle()
  t.equal(await askedFor(stage, () => client.get('k')), first)
})

t.test('a slow node that answers others is not taken for silent', async (t) => {
  const stage = new Stage()
  const client = await stage.connect()
  const first = (await askedFor(stage, () => client.get('k'))) as StageNode
  client.get('k').catch(() => {})
  await settle()
  first.asked[1]?.answer(foundReply())
  await stage.clock.pass(470)
  t.equal(await askedFor(stage, () => client.get('k')), first)
})

t.test('a node that stays silent is dropped and dialled again', async (t) => {
  const stage = new Stage()
  const client = await stage.connect()
  const first = (await askedFor(stage, () => client.get('k'))) as StageNode
  first.isAwake = false
  const { dials } = first
  await stage.clock.pass(8000)
  t.ok(first.dials > dials)
})

t.test(
  'one seed is enough: the others are learned, and dialled when they are needed',
  async (t) => {
    const stage = new Stage()
    const client = await stage.connect({ seeds: ['127.0.0.1:7401'] })
    t.same(
      stage.nodes.map((node) => node.dials),
      [0, 1, 0],
    )
    for (let i = 0; i < 20; i++) client.get(`key-${i}`).catch(() => {})
    await settle()
    t.same(
      stage.nodes.map((node) => node.connections),
      [1, 1, 1],
    )
  },
)

t.test('a seed that is away does no harm', async (t) => {
  const stage = new Stage()
  ;(stage.nodes[0] as StageNode).isReachable = false
  const client = await stage.connect()
  t.equal((await client.topology()).members.length, 3)
})

t.test(
  'with no seed there, connect says so when its time is up, and leaves nothing behind',
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

t.test('when every seed turns the client away, connect ends at once and says why', async (t) => {
  const stage = new Stage()
  for (const node of stage.nodes) node.refusal = new OperatingError('token-wrong', 'wrong token')
  const connecting = stage.connect()
  await stage.clock.pass(60)
  const error = (await connecting.catch((thrown: unknown) => thrown)) as OperatingError
  t.equal(error.code, 'token-wrong')
})

t.test('a changed topology is learned when the ring is said to differ', async (t) => {
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
  stage.topology = { ...others, ring: { hi: 7, lo: 7 } }
  first.asked[0]?.fail('ring-differs')
  await settle()
  t.not(await askedFor(stage, () => client.get('k')), first)
  t.equal(first.connections, 0, 'who is no member any more is let go')
  t.equal((await client.topology()).ring, '0000000700000007')
})

t.test('a topology that contradicts itself is refused, and the one before stays', async (t) => {
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

t.test('status asks the node that is named, and no other', async (t) => {
  const stage = new Stage()
  const client = await stage.connect()
  t.equal(await askedFor(stage, () => client.status('node-2')), stage.nodes[1])
  await t.rejects(client.status('node-9'), { code: 'input-wrong', message: /node-1, node-2/ })
})

t.test('a node that is known by two addresses has one connection', async (t) => {
  const stage = new Stage()
  const client = await stage.connect({ seeds: ['localhost:7400'] })
  for (let i = 0; i < 20; i++) client.get(`key-${i}`).catch(() => {})
  await settle()
  t.same(
    stage.nodes.map((node) => node.connections),
    [1, 1, 1],
  )
})

t.test('the only node is asked again though it was silent', async (t) => {
  const stage = new Stage(1)
  const client = await stage.connect()
  ;(stage.nodes[0] as StageNode).isAwake = false
  client.get('k').catch(() => {})
  await stage.clock.pass(600)
  t.equal(stage.asked.length, 2)
})

t.test('a connection that ends as it begins is dialled again', async (t) => {
  const stage = new Stage(1)
  const [node] = stage.nodes as [StageNode]
  node.endsAtOnce = true
  const failing = stage.connect({ connectTimeout: 300 })
  await stage.clock.pass(400)
  const error = (await failing.catch((thrown: unknown) => thrown)) as CallError
  t.equal(error.code, 'not-connected')
  t.equal(error.attempts, 0, 'nothing is sent into it')
  t.ok(node.dials > 1)
  const connecting = stage.connect()
  await stage.clock.pass(200)
  node.endsAtOnce = false
  await stage.clock.pass(1000)
  t.equal((await (await connecting).topology()).members.length, 1)
  t.equal(node.connections, 1)
})

t.test('only the owners of a key are dialled for it, as many as its bucket has', async (t) => {
  for (const [bucket, n] of [
    ['pairs', 2],
    ['others', 3],
  ] as const) {
    // The seed must be no owner, or nobody would need to be dialled.
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
    await settle()
    t.equal(stage.nodes.filter((node) => node.dials > 0).length, n + 1, bucket)
  }
})
