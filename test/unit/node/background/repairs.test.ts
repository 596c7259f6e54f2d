/** Exchanges on request, between real nodes in the simulator: what is taken, and from which. */
import t from 'tap'
import { utf8Bytes } from '../../../../src/base/bytes.ts'
import type { OperatingError } from '../../../../src/base/errors.ts'
import type { NodeId } from '../../../../src/dynamo/names.ts'
import { nodeId } from '../../../../src/dynamo/names.ts'
import { EXCHANGE_WAITERS_MAX, REPAIRS_MAX } from '../../../../src/limits.ts'
import type { ExchangeWatch } from '../../../../src/node/background/repairer.ts'
import { Repairs } from '../../../../src/node/background/repairs.ts'
import { Topology } from '../../../../src/node/cluster/topology.ts'
import { Counters } from '../../../../src/node/counters.ts'
import type { RepairResult } from '../../../../src/node/requests.ts'
import { Cluster } from '../../../../src/sim/cluster/cluster.ts'
import { SimWorld } from '../../../../src/sim/index.ts'
import type { Repair } from '../../../../src/wire/message/client.ts'
import { replyOf, Scene, verdictOf } from '../scene.ts'

/** Less than until nodes exchange by themselves. */
const CONNECT_MS = 500
const KEYS = ['a', 'b', 'c', 'd', 'e']
const PAIR = 'pair'

const runId = (first: number): Uint8Array => new Uint8Array(16).fill(first)

function request(first: number, more: Partial<Repair> = {}): Repair {
  const bucket = new Uint8Array(0)
  const run = runId(first)
  return { bucket, from: undefined, run, deadlineMs: 30_000, opensRound: false, ...more }
}

/** Three nodes, of which the third lacks `KEYS`, and has just started. */
async function oneBehind(): Promise<Scene> {
  const scene = await Scene.open({ buckets: [{ name: PAIR, n: 2, r: 1, w: 1 }] })
  scene.cluster.kill(3)
  await scene.quiet()
  const session = await scene.session(1)
  for (const key of KEYS) replyOf(await session.put(key, 'tea', { w: 2 }))
  await scene.run(scene.cluster.start(3))
  await scene.world.run(CONNECT_MS)
  if (scene.figure(3, 'exchange_repairs_total') > 0) throw new Error('it has taken keys already')
  return scene
}

t.test('a node takes what it lacks at once, and tells what that was', async (t) => {
  const scene = await oneBehind()
  const session = await scene.session(3)
  const began = scene.world.nowMs
  const reply = replyOf(await session.ask('repair', request(1)))
  t.ok(scene.world.nowMs - began < 2_000, 'before its timer')
  const node = scene.cluster.memberOf(3)
  const done = { node, isDone: true, members: 2, done: 2, leaves: KEYS.length, keys: KEYS.length }
  t.same(reply, { ...done, unfinished: [] })
  t.equal(scene.figure(3, 'exchange_repairs_total'), KEYS.length)
  t.same(replyOf(await session.ask('repair', request(1))), reply, 'the same run is told again')
  const again = replyOf(await session.ask('repair', request(2)))
  t.match(again, { isDone: true, leaves: 0, keys: 0 }, 'another is made anew')
})

t.test('it takes from one member alone where that is named', async (t) => {
  const scene = await oneBehind()
  const session = await scene.session(3)
  const from = scene.cluster.memberOf(2)
  const reply = replyOf(await session.ask('repair', request(1, { from })))
  t.match(reply, { members: 1, done: 1, keys: KEYS.length })
})

t.test('a bucket stands for all with its N', async (t) => {
  const scene = await oneBehind()
  const session = await scene.session(3)
  const pair = replyOf(await session.ask('repair', request(1, { bucket: utf8Bytes(PAIR) })))
  t.match(pair, { isDone: true, leaves: 0, keys: 0 }, 'the keys have another N')
  const other = request(2, { bucket: utf8Bytes('never written') })
  t.match(replyOf(await session.ask('repair', other)), { keys: KEYS.length }, 'N of the default')
})

t.test('at its deadline a request tells how far it is, and the next one joins', async (t) => {
  const scene = await oneBehind()
  const session = await scene.session(3)
  const early = replyOf(await session.ask('repair', request(1, { deadlineMs: 100 })))
  t.match(early, { isDone: false, members: 2, done: 0, keys: 0 })
  const both = [1, 1, 2].map((first) => session.begin('repair', request(first)))
  const [one, joined, next] = (await scene.run(Promise.all(both))).map(replyOf)
  t.match(one, { isDone: true, done: 2, keys: KEYS.length })
  t.same(joined, one)
  t.match(next, { isDone: true, done: 2, keys: 0 }, 'it has waited for its turn')
})

t.test('a member that is away is named, and the others are asked all the same', async (t) => {
  const scene = await oneBehind()
  scene.cluster.kill(1)
  await scene.world.run(CONNECT_MS)
  const reply = replyOf(await (await scene.session(3)).ask('repair', request(1)))
  const unfinished = [{ node: scene.cluster.memberOf(1), code: 'peer-away' }]
  t.match(reply, { isDone: true, members: 2, done: 2, keys: KEYS.length, unfinished })
})

t.test('a member that is silent is named', async (t) => {
  const scene = await oneBehind()
  const session = await scene.session(3)
  scene.world.pause(1)
  const reply = replyOf(
    await session.ask('repair', request(1, { from: scene.cluster.memberOf(1) })),
  )
  t.equal(reply.isDone, true)
  t.equal(reply.unfinished[0]?.node, scene.cluster.memberOf(1))
  t.match(reply.unfinished[0]?.code, /deadline-passed|peer-away|connection-lost/)
})

t.test('wrong questions are refused, with what to do', async (t) => {
  const scene = await oneBehind()
  const session = await scene.session(3)
  const asked = (from: NodeId) => session.ask('repair', request(9, { from }))
  const foreign = await asked(nodeId('00000000000000ff'))
  t.equal(verdictOf(foreign), 'ring-differs refused')
  t.match((foreign as OperatingError).message, /no member of the ring/)
  t.equal(verdictOf(await asked(scene.cluster.memberOf(3))), 'message-garbled refused')
})

t.test('a node that gets its copies back refuses', async (t) => {
  const scene = await oneBehind()
  await scene.quiet()
  for (const machine of [1, 2, 3]) scene.cluster.kill(machine)
  scene.world.wipe(3)
  await scene.run(scene.cluster.start(3))
  await scene.run(scene.cluster.start(1))
  await scene.quiet()
  const answer = await (await scene.session(3)).ask('repair', request(1))
  t.equal(verdictOf(answer), 'replica-rebuilding refused')
})

/** Runs whose exchanges the test begins and ends. */
function scripted() {
  const sim = new SimWorld({ seed: 1 })
  const { clock } = sim.start(1)
  const topology = new Topology(new Cluster(new SimWorld({ seed: 1 }), { nodes: 3 }).configOf(1))
  const counters = new Counters()
  const asked: { readonly watch: ExchangeWatch; readonly end: () => void }[] = []
  const repairer = {
    exchangeNow: (_: unknown, __: unknown, watch: ExchangeWatch | undefined) => {
      return new Promise<void>((end) => void (watch && asked.push({ watch, end })))
    },
  }
  const isWhole = (): boolean => true
  const trees = { isBuilt: true }
  const repairs = new Repairs({ clock, topology, trees, counters, repairer, isWhole })
  const told: (RepairResult | OperatingError)[] = []
  const ask = (first: number, ms = 60_000): void => {
    const terms = { run: runId(first), bucket: new Uint8Array(0), from: undefined }
    repairs.ask({ ...terms, deadline: clock.now() + ms }, (result) => told.push(result))
  }
  return { sim, counters, asked, repairs, told, ask }
}

t.test('runs are bounded, and the oldest that has ended is forgotten', async (t) => {
  const { sim, asked, ask, told } = scripted()
  for (let i = 1; i <= REPAIRS_MAX; i++) ask(i)
  t.throws(() => ask(50), { code: 'overloaded' })
  t.equal(asked.length, REPAIRS_MAX)
  asked[3]?.end()
  asked[5]?.end()
  await sim.run(1)
  ask(50)
  t.equal(told.length, 2)
  ask(4 + 2)
  t.equal(told.length, 3, 'the other one is still known')
  ask(51)
  t.throws(() => ask(4), { code: 'overloaded' }, 'this one would begin anew')
})

t.test('requests that wait are bounded, those of all runs together', async (t) => {
  const { sim, asked, ask, told } = scripted()
  for (let i = 0; i < EXCHANGE_WAITERS_MAX; i++) ask(1 + (i % 2), 1_000)
  for (const run of [1, 3]) t.throws(() => ask(run), { code: 'overloaded' })
  t.equal(asked.length, 2, 'what is refused is not begun')
  await sim.run(1_001)
  t.equal(told.length, EXCHANGE_WAITERS_MAX)
  ask(1)
})

t.test('a run counts from its turn to its end', async (t) => {
  const { sim, counters, asked, ask, told } = scripted()
  ask(1, 10)
  counters.keysRepaired += 5
  await sim.run(11)
  asked[0]?.watch.onBegin()
  counters.keysRepaired += 7
  ask(1, 10)
  await sim.run(11)
  asked[0]?.end()
  await sim.run(1)
  counters.keysRepaired += 9
  ask(1)
  t.same(
    told.map((result) => ('keys' in result ? [result.keys, result.isDone] : result)),
    [
      [0, false],
      [7, false],
      [7, true],
    ],
  )
})

t.test('a node that stops fails those that wait, once', async (t) => {
  const { sim, asked, repairs, ask, told } = scripted()
  ask(1)
  repairs.stop()
  asked[0]?.end()
  await sim.run(120_000)
  t.equal(told.length, 1)
  t.match(told, [{ code: 'node-stopping' }])
})

t.test('the library follows it to the end, and tells how far it is', async (t) => {
  const scene = await oneBehind()
  const client = await scene.client()
  const seen: number[] = []
  const onProgress = ({ done }: { done: number }): void => void seen.push(done)
  const told = await scene.run(client.repair('n3', { onProgress }))
  t.match(told, { name: 'n3', members: 2, done: 2, keys: KEYS.length, unfinished: [] })
  t.equal(seen[0], 0, 'it is asked again while it goes on')
  t.equal(seen.at(-1), 2)
  scene.cluster.kill(1)
  await scene.world.run(CONNECT_MS)
  const short = await scene.run(client.repair('n3', { bucket: 'default', from: 'n1' }))
  t.match(short, { members: 1, unfinished: [{ name: 'n1', code: 'peer-away' }] })
  for (const [node, from, sentence] of [
    ['n9', undefined, /no member is named n9/],
    ['n3', 'n9', /no member is named n9/],
    ['n3', 'n3', /n3 cannot take from itself/],
  ] as const) {
    const repair = client.repair(node, { from }).catch((error: unknown) => error)
    t.match(await scene.run(repair), { code: 'input-wrong', message: sentence })
  }
  const failure = await scene.run(client.repair('n3', { bucket: '' }).catch((e: unknown) => e))
  t.match(failure, { code: 'bucket-wrong' })
})
