/** A cluster key is made, spreads, signs once all members have it, and is dropped. */
import t, { type Test } from 'tap'
import { EMPTY_BYTES, hexOf, utf8Bytes } from '../../../../src/base/bytes.ts'
import type { Client } from '../../../../src/client/client.ts'
import { keyLabel } from '../../../../src/dynamo/membership/key-ring.ts'
import { MemberState } from '../../../../src/dynamo/membership/member-record.ts'
import { CLUSTER_KEYS_MAX } from '../../../../src/limits.ts'
import type { ClusterKeys } from '../../../../src/node/cluster/cluster-keys.ts'
import { ClusterKeysChecker } from '../../../../src/sim/index.ts'
import { readKeyRing } from '../../../../src/store/keys.ts'
import { type ClusterKeyReply, KeyAct } from '../../../../src/wire/message/keys.ts'
import { replyOf } from '../scene.ts'
import { JoiningScene, NEW } from './joining-scene.ts'

const ALL = [1, 2, 3] as const
const SETTLE_MS = 30_000

class KeyScene {
  readonly scene: JoiningScene
  readonly checker = new ClusterKeysChecker()

  private constructor(scene: JoiningScene) {
    this.scene = scene
    const { trace } = scene.world
    for (const machine of ALL) this.checker.held(machine, '00000001')
    trace.watch('keys-held', ({ keys }, machine) => this.checker.held(machine, String(keys)))
    trace.watch('key-kept', ({ key }, machine) => this.checker.kept(machine, String(key)))
    trace.watch('key-signs', ({ key }, machine) => this.checker.signs(machine, String(key), ALL))
    trace.watch('key-dropped', ({ key }) => this.checker.dropped(String(key)))
  }

  static async open(seed = 1): Promise<KeyScene> {
    return new KeyScene(await JoiningScene.open({ seed }))
  }

  keys(machine: number): ClusterKeys {
    const node = this.scene.cluster.node(machine)
    if (node === undefined) throw new Error(`no node runs on machine ${machine}`)
    return node.keys
  }

  rotate(machine: number): Promise<void> {
    const keys = this.keys(machine)
    return this.scene.run(keys.rotate(keys.ring.newest.id))
  }

  drop(machine: number, id: number): Promise<string> {
    return this.scene.codeOf(this.keys(machine).drop(id, (member) => member))
  }

  signers(machines: readonly number[] = ALL): readonly string[] {
    return machines.map((machine) => keyLabel(this.keys(machine).ring.signer))
  }

  /** Waits until these sign with the newest key, and have the same ones. */
  settle(machines: readonly number[] = ALL): Promise<boolean> {
    const isSettled = (): boolean => {
      const rings = machines.map((machine) => this.keys(machine).ring)
      return rings.every((ring) => ring.isSame(rings[0] ?? ring) && ring.signer === ring.newest)
    }
    return this.scene.world.runUntil(isSettled, SETTLE_MS)
  }

  /** What an operator is shown. */
  async status(machine: number): Promise<ClusterKeyReply> {
    const session = await this.scene.session(machine)
    const asked = { act: KeyAct.status, key: 0, deadlineMs: 1_000 }
    return (await session.ask('clusterKey', asked)) as ClusterKeyReply
  }

  async waitsFor(machine: number): Promise<readonly string[]> {
    const { members } = await this.status(machine)
    return members.filter(({ isWaitedFor }) => isWaitedFor).map(({ name }) => name)
  }

  async restart(machine: number): Promise<void> {
    await this.scene.run(this.scene.cluster.start(machine))
  }
}

async function put(client: Client, scene: JoiningScene, value: string): Promise<void> {
  const { context } = await scene.run(client.get('k'))
  await scene.run(client.put('k', value, { context }))
}

t.test('a new key signs at all members, and what older ones signed stays valid', async (t) => {
  const scenes = await KeyScene.open()
  const { scene, checker } = scenes
  const client = await scene.client()
  await scene.run(client.put('k', 'one'))
  for (let i = 0; i < 20; i++) await scene.run(client.put(`page-${i}`, 'v'))
  const before = await scene.run(client.get('k'))
  const session = client.session()
  await scene.run(session.bucket().put('s', 'mine'))
  const page = await scene.session(1)
  const scan = { bucket: utf8Bytes('default'), keysMax: 5, withValues: false, r: 0 }
  const first = await page.ask('scan', { ...scan, cursor: EMPTY_BYTES, deadlineMs: 1_000 })
  const { cursor } = replyOf(first)
  await scenes.rotate(2)
  t.ok(await scenes.settle())
  const [label] = scenes.signers()
  t.not(label, '00000001')
  t.same(scenes.signers(), [label, label, label])
  await scene.run(client.put('k', 'two', { context: before.context }))
  const after = await scene.run(client.get('k'))
  t.same(after.siblings, ['two'], 'a context from before the rotation replaces what it saw')
  t.equal((await scene.run(session.bucket().get('s'))).siblings[0], 'mine', 'and a receipt counts')
  const second = replyOf(await page.ask('scan', { ...scan, cursor, deadlineMs: 1_000 }))
  t.equal(second.entries.length, 5, 'a listing goes on from its cursor')
  await put(client, scene, 'three')
  t.same((await scene.run(client.get('k'))).siblings, ['three'])
  t.same(checker.violations, [])
  t.same(await scenes.waitsFor(1), [])
})

t.test('a key waits for a member that is away, and says for which', async (t) => {
  const scenes = await KeyScene.open(2)
  const { scene, checker } = scenes
  scene.cluster.kill(3)
  await scenes.rotate(1)
  await scene.world.run(20_000)
  t.same(scenes.signers([1, 2]), ['00000001', '00000001'])
  t.same(await scenes.waitsFor(2), ['n3'])
  const { keys, members } = await scenes.status(1)
  t.equal(keys.length, 2)
  t.match(
    members.find(({ name }) => name === 'n3'),
    { isConnected: false },
  )
  t.match(
    members.find(({ name }) => name === 'n2'),
    { isWaitedFor: false, signer: 1 },
  )
  await scenes.restart(3)
  t.ok(await scenes.settle(), 'it learns the key as it connects')
  t.same(checker.violations, [])
})

t.test('a key does not wait for a member that is removed', async (t) => {
  const scenes = await KeyScene.open(3)
  const { scene } = scenes
  scene.cluster.kill(3)
  await scenes.rotate(1)
  await scene.world.run(3_000)
  const node = scene.cluster.node(1)
  const gone = { state: MemberState.gone } as const
  await scene.run(node?.membership.change([scene.cluster.memberOf(3), gone]) as Promise<void>)
  t.ok(await scenes.settle([1, 2]))
})

t.test('two rotations at once, also across a cut, end with one key that signs', async (t) => {
  for (let seed = 10; seed < 20; seed++) {
    const scenes = await KeyScene.open(seed)
    const { scene, checker } = scenes
    const { network } = scene.world
    if (seed % 2 === 0) for (const other of [2, 3]) cutBoth(scene, 1, other)
    const both = [1, 3].map((machine) => {
      const keys = scenes.keys(machine)
      return keys.rotate(keys.ring.newest.id)
    })
    await scene.run(Promise.all(both))
    await scene.world.run(1_000)
    network.healAll()
    t.ok(await scenes.settle(), `seed ${seed}`)
    const { ring } = scenes.keys(2)
    t.equal(ring.keys.length, 3, 'both verify')
    t.equal(ring.newest.number, 2)
    t.equal(new Set(scenes.signers()).size, 1)
    t.same(checker.violations, [])
  }
})

t.test('an operator who asks twice makes one key', async (t) => {
  const scenes = await KeyScene.open(4)
  const keys = scenes.keys(1)
  await scenes.scene.run(Promise.all([keys.rotate(1), keys.rotate(1)]))
  t.equal(keys.ring.keys.length, 2)
  t.ok(await scenes.settle())
  await scenes.scene.run(scenes.keys(2).rotate(1))
  t.equal(scenes.keys(2).ring.keys.length, 2, 'another operator had made one meanwhile')
})

t.test('a joiner gets all keys, and a key waits for it', async (t) => {
  const scenes = await KeyScene.open(5)
  const { scene, checker } = scenes
  await scenes.rotate(1)
  t.ok(await scenes.settle())
  scene.cluster.kill(3)
  await scenes.rotate(2)
  await scene.world.run(2_000)
  const invitation = await scene.invite()
  await scene.join(invitation)
  const world = scene.world.start(NEW)
  const directory = await scene.run(world.disk.directory('/data'))
  const ring = await scene.run(readKeyRing(directory))
  scene.world.kill(NEW)
  t.equal(ring?.keys.length, 3, 'also the one that does not sign yet')
  t.same(ring, scenes.keys(1).ring)
  await scenes.restart(3)
  await scene.world.run(10_000)
  t.same(new Set(scenes.signers()).size, 1)
  t.not(scenes.keys(1).ring.signer, scenes.keys(1).ring.newest, 'it has not started')
  t.same(await scenes.waitsFor(1), ['n4'])
  await scene.start()
  t.ok(await scenes.settle([...ALL, NEW]))
  t.same(checker.violations, [])
})

t.test('no key signs while a member may be unknown to one that has not told', async (t) => {
  const scenes = await KeyScene.open(6)
  const { scene, checker } = scenes
  const { network } = scene.world
  // The issuer lets a node in that no other has heard of when the key is about to sign.
  for (const other of [2, 3]) cutBoth(scene, 1, other)
  await scene.join(await scene.invite())
  await scene.world.run(100)
  void scenes.keys(2).rotate(1)
  await scene.world.run(100)
  network.healAll()
  await scene.world.run(15_000)
  t.same(scenes.signers(), ['00000001', '00000001', '00000001'])
  await scene.start()
  t.ok(await scenes.settle([...ALL, NEW]))
  t.same(checker.violations, [])
})

t.test('a power cut at any step of a rotation ends with one key that signs', async (t) => {
  for (let ms = 0; ms < 60; ms += 3) {
    const scenes = await KeyScene.open(100 + ms)
    const { scene, checker } = scenes
    for (const machine of ALL) scene.world.disk(machine).slow(4)
    void scenes
      .keys(1)
      .rotate(1)
      .catch(() => undefined)
    await scene.world.run(ms)
    const victim = (ms % 3) + 1
    scene.cluster.crash(victim)
    if (ms % 2 === 0) scene.cluster.crash((victim % 3) + 1)
    await scene.world.run(500)
    for (const machine of ALL) if (!scene.cluster.node(machine)) await scenes.restart(machine)
    t.ok(await scenes.settle(), `after ${ms} ms`)
    t.same(checker.violations, [])
  }
})

t.test('a member whose disk was emptied comes back with the first key, and learns', async (t) => {
  const scenes = await KeyScene.open(7)
  const { scene, checker } = scenes
  await scenes.rotate(1)
  t.ok(await scenes.settle())
  scene.cluster.crashAndWipe(2)
  checker.lost(2)
  await scene.world.run(1_000)
  await scenes.restart(2)
  t.ok(await scenes.settle())
  const client = await scene.client()
  await put(client, scene, 'v')
  t.same(checker.violations, [])
})

t.test('a key is dropped once no member can sign with it', async (t) => {
  const scenes = await KeyScene.open(8)
  const { scene } = scenes
  const client = await scene.client()
  await scene.run(client.put('k', 'one'))
  const { context } = await scene.run(client.get('k'))
  t.equal(await scenes.drop(1, 1), 'key-in-use', 'it signs')
  t.equal(await scenes.drop(1, 99), 'key-unknown')
  scene.cluster.kill(3)
  await scenes.rotate(1)
  await scene.world.run(2_000)
  const { id } = scenes.keys(1).ring.newest
  t.equal(await scenes.drop(1, id), 'key-in-use', 'it is to sign')
  t.equal(await scenes.drop(1, 1), 'key-in-use')
  await scenes.restart(3)
  t.ok(await scenes.settle())
  await scene.world.run(2_000)
  await scenes.rotate(2)
  t.ok(await scenes.settle())
  await scene.world.run(2_000)
  t.equal(await scenes.drop(3, id), 'key-in-use', 'an older one verifies')
  scene.cluster.kill(2)
  await scene.world.run(2_000)
  t.equal(await scenes.drop(3, 1), 'key-in-use', 'a member is away')
  await scenes.restart(2)
  await scene.world.run(3_000)
  t.equal(await scenes.drop(3, 1), 'none')
  t.equal(await scenes.drop(3, 1), 'none', 'asked again')
  t.ok(await scenes.settle())
  for (const machine of ALL) t.equal(scenes.keys(machine).ring.find(1), undefined)
  const refused = await scene.codeOf(client.put('k', 'two', { context, timeout: 1_000 }))
  t.equal(refused, 'context-key-unknown')
  await put(client, scene, 'three')
  t.same((await scene.run(client.get('k'))).siblings, ['three'])
})

t.test('without the first key all goes on: starts, joins, trees', async (t) => {
  const scenes = await KeyScene.open(9)
  const { scene } = scenes
  await scenes.rotate(1)
  t.ok(await scenes.settle())
  await scene.world.run(2_000)
  t.equal(await scenes.drop(1, 1), 'none')
  t.ok(await scenes.settle())
  for (const machine of ALL) {
    scene.cluster.crash(machine)
    await scenes.restart(machine)
    t.ok(await scene.world.runUntil(() => scenes.keys(machine).ring.keys.length === 1, 1_000))
  }
  await scene.grow()
  t.ok(await scenes.settle([...ALL, NEW]))
  scene.cluster.crashAndWipe(2)
  await scenes.restart(2)
  await scene.world.run(5_000)
  const alarms = scene.cluster.node(2)?.alarms.join('\n')
  t.match(alarms, /no cluster key in common/, 'a node with the first key alone is not let in')
})

t.test('keys have a bound', async (t) => {
  const scenes = await KeyScene.open(11)
  for (let i = 1; i < CLUSTER_KEYS_MAX; i++) {
    await scenes.rotate((i % 3) + 1)
    t.ok(await scenes.settle())
  }
  const keys = scenes.keys(1)
  t.equal(await scenes.scene.codeOf(keys.rotate(keys.ring.newest.id)), 'keys-full')
})

t.test('a key is in no trace, no status and no message', async (t) => {
  const scenes = await KeyScene.open(12)
  const { scene } = scenes
  const sent: string[] = []
  spyOn(t, scene, sent)
  await scenes.rotate(1)
  t.ok(await scenes.settle())
  const shown = [
    ...scene.world.trace.lines(),
    JSON.stringify(await scenes.status(1)),
    JSON.stringify(scene.cluster.node(1)?.status()),
    ...sent,
  ].join('\n')
  t.match(shown, keyLabel(scenes.keys(1).ring.signer))
  for (const { key } of scenes.keys(1).ring.keys) t.notMatch(shown, hexOf(key))
})

function cutBoth({ world }: JoiningScene, a: number, b: number): void {
  world.network.cutOneWay(a, b)
  world.network.cutOneWay(b, a)
}

/** Records what nodes hand to the network, in hexadecimal. */
function spyOn(t: Test, scene: JoiningScene, sent: string[]): void {
  for (const machine of ALL) {
    const keys = scene.cluster.node(machine)?.keys as ClusterKeys
    t.intercept(keys, 'hear', {
      value: (...args: Parameters<ClusterKeys['hear']>) => {
        const [, told] = args
        sent.push(hexOf(told.ring?.sealed ?? new Uint8Array(0)))
        return Reflect.apply(Object.getPrototypeOf(keys).hear, keys, args)
      },
    })
  }
}
