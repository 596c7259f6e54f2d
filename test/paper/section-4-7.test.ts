/** Dynamo 4.7: handling permanent failures, replica synchronization. */
import t from 'tap'
import { utf8Text } from '../../src/base/bytes.ts'
import { isFailure } from '../../src/base/deliver.ts'
import { isOperatingError } from '../../src/base/errors.ts'
import { u64 } from '../../src/base/u64.ts'
import { leafOf } from '../../src/dynamo/repair/branches.ts'
import { tokenOf } from '../../src/native/digest.ts'
import type { Answer } from '../../src/wire/session.ts'
import { nameOf, replyOf, Scene, verdictOf } from '../unit/node/scene.ts'

/** Several exchanges, and the moment between two looks at a leaf. */
const EXCHANGES_MS = 12_000
const KEYS = 40

const keyOf = (i: number): string => `cart-${i}`

/** Three nodes; one was cut off while the others took writes, and none keeps hints for it. */
async function diverged(): Promise<{ scene: Scene; late: number }> {
  const scene = await Scene.open()
  const [first = 0, second = 0, late = 0] = scene.cluster.machines
  const session = await scene.session(first)
  for (let i = 0; i < KEYS; i++) await session.put(keyOf(i), 'old')
  for (const other of [first, second]) scene.world.cut(late, other)
  await scene.quiet()
  for (let i = 0; i < KEYS; i += 2) {
    t.equal(verdictOf(await session.put(keyOf(i), `new ${i}`, { w: 2 })), 'ok')
  }
  return { scene, late }
}

/** The values that a node's own copy of a key has. */
async function ownValues(scene: Scene, machine: number, key: string): Promise<string[]> {
  const session = await scene.session(machine)
  const others = scene.cluster.machines.filter((one) => one !== machine)
  for (const other of others) scene.world.cut(machine, other)
  const answer = await session.get(key, 1)
  scene.world.heal()
  return replyOf(answer).siblings.map(utf8Text).sort()
}

// "To detect the inconsistencies between replicas faster and to minimize the amount of transferred
// data, Dynamo uses Merkle trees."
t.test('4.7: copies become equal by exchange alone, without a read', async (t) => {
  const { scene, late } = await diverged()
  t.not(scene.cluster.unequalRoots().length, 0, 'the copies differ')
  scene.world.heal()
  await scene.world.run(EXCHANGES_MS)
  t.strictSame(scene.cluster.unequalRoots(), [])
  t.strictSame(await ownValues(scene, late, keyOf(0)), ['new 0', 'old'])
  t.strictSame(await ownValues(scene, late, keyOf(1)), ['old'], 'what did not differ')
  t.equal(scene.total('read_repairs_total'), 0, 'no read has done it')
})

// "The principal advantage of Merkle tree is that each branch of the tree can be checked
// independently without requiring nodes to download the entire tree or the entire data set."
t.test('4.7: what differs is taken once, and equal copies take nothing', async (t) => {
  const { scene } = await diverged()
  scene.world.heal()
  await scene.world.run(EXCHANGES_MS)
  const repairs = scene.total('exchange_repairs_total')
  t.equal(repairs, KEYS / 2, 'one copy of each key was behind')
  const [appends, exchanges] = ['appends_total', 'exchanges_total'].map((name) => {
    return scene.total(name)
  })
  await scene.world.run(10 * EXCHANGES_MS)
  t.equal(scene.total('exchange_repairs_total'), repairs, 'steady state repairs nothing')
  t.equal(scene.total('appends_total'), appends, 'and writes nothing')
  t.ok(scene.total('exchanges_total') > (exchanges as number) + 10, 'exchanges go on')
  t.equal(scene.total('tree_corrections_total'), 0)
})

// "each node maintains a separate Merkle tree for each key range (the set of keys covered by a
// virtual node) it hosts."
t.test('4.7: trees are of the copies also after a crash', async (t) => {
  const { scene, late } = await diverged()
  const [first = 0] = scene.cluster.machines
  scene.cluster.kill(first)
  scene.world.heal()
  await scene.run(scene.cluster.start(first))
  await scene.world.run(EXCHANGES_MS)
  t.strictSame(scene.cluster.unequalRoots(), [])
  t.strictSame(await ownValues(scene, late, keyOf(2)), ['new 2', 'old'])
})

t.test('4.7: an exchange goes on after its other side has died in it', async (t) => {
  const { scene, late } = await diverged()
  const [first = 0] = scene.cluster.machines
  scene.world.heal()
  for (let ms = 0; ms < EXCHANGES_MS && scene.total('exchange_leaves_total') === 0; ms++) {
    await scene.world.run(1)
  }
  t.not(scene.total('exchange_leaves_total'), 0, 'an exchange is under way')
  scene.cluster.kill(first)
  await scene.run(scene.cluster.start(first))
  await scene.world.run(EXCHANGES_MS)
  t.strictSame(scene.cluster.unequalRoots(), [])
  t.strictSame(await ownValues(scene, late, keyOf(4)), ['new 4', 'old'])
})

t.test('4.7: a tree of another ring or another depth is refused', async (t) => {
  const scene = await Scene.open()
  const [machine = 0] = scene.cluster.machines
  const { digest: ring } = scene.cluster.ring
  const asked = { ring, n: 3, leafBits: 20, bits: 4, sums: [], deadlineMs: 1000 }
  const leaves = { ring, n: 3, leafBits: 20, leaves: [1], from: undefined, deadlineMs: 1000 }
  const codeOf = (answer: unknown): string => (isOperatingError(answer) ? answer.code : 'answered')
  const ask = async (changed: object): Promise<string[]> => [
    codeOf(await scene.run(scene.asPeer(machine, 'peerTree', { ...asked, ...changed }))),
    codeOf(await scene.run(scene.asPeer(machine, 'peerLeaves', { ...leaves, ...changed }))),
  ]
  t.strictSame(await ask({}), ['answered', 'answered'])
  t.strictSame(await ask({ leafBits: 16 }), ['ring-differs', 'ring-differs'])
  t.strictSame(await ask({ ring: u64(1, 2) }), ['ring-differs', 'ring-differs'])
})

t.test('4.7: keys below a leaf come with their digests', async (t) => {
  const scene = await Scene.open()
  const [machine = 0] = scene.cluster.machines
  const session = await scene.session(machine)
  await session.put(keyOf(1), 'a')
  const { digest: ring } = scene.cluster.ring
  const { bucket, key } = nameOf(keyOf(1))
  const token = tokenOf(bucket, key)
  const ask = async (leaf: number): Promise<Answer<'peerLeaves'>> => {
    const asked = { ring, n: 3, leafBits: 20, leaves: [leaf], from: undefined, deadlineMs: 1000 }
    return scene.run(scene.asPeer(machine, 'peerLeaves', asked))
  }
  const found = await ask(leafOf(token))
  t.strictSame(
    (isFailure(found) ? [] : found.entries).map((entry) => [entry.token, utf8Text(entry.name.key)]),
    [[token, keyOf(1)]],
  )
  t.same(await ask(leafOf(token) ^ 1), { entries: [], next: undefined }, 'below another leaf')
})
