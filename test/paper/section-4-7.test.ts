/**
 * Dynamo 4.7: handling permanent failures, replica synchronization.
 *
 * We differ in three things. A branch is the sum of the keyed digests below it, not a hash of the
 * hashes of its children, so that a write changes it by one addition. One tree serves all key
 * ranges, each of which is a branch of it. And a member asks for what it lacks; nothing is sent to
 * one that did not ask.
 */
import { isDeepStrictEqual } from 'node:util'
import t from 'tap'
import { utf8Text } from '../../src/base/bytes.ts'
import { isFailure } from '../../src/base/deliver.ts'
import { isOperatingError } from '../../src/base/errors.ts'
import { u64 } from '../../src/base/u64.ts'
import { type BranchSum, leafOf, TREE_LEAF_BITS } from '../../src/dynamo/repair/branches.ts'
import type { RingDigest } from '../../src/dynamo/ring/ring.ts'
import { tokenOf } from '../../src/native/digest.ts'
import type { Answer } from '../../src/wire/session.ts'
import { nameOf, replyOf, Scene, verdictOf } from '../unit/node/scene.ts'

/** Several exchanges, and the moment between two looks at a leaf. */
const EXCHANGES_MS = 12_000
const KEYS = 40
const KEY = 'cart'

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

/** Those of the branches whose sum at the node is another than is said. */
async function differingOf(
  scene: Scene,
  machine: number,
  bits: number,
  sums: readonly BranchSum[],
): Promise<readonly number[]> {
  const ring = namingBranches(
    scene,
    bits,
    sums.map(({ branch }) => branch),
  )
  const asked = { ring, n: 3, leafBits: TREE_LEAF_BITS, bits, sums, deadlineMs: 1000 }
  return replyOf(await scene.run(scene.asPeer(machine, 'peerTree', asked))).differing
}

/** What a question about these branches names: the owners of their partitions. */
function namingBranches(scene: Scene, bits: number, branches: readonly number[]): RingDigest {
  const { lists } = scene.cluster
  const { ring } = lists
  const partitionOf = (branch: number): number => {
    return bits < ring.bits ? branch * 2 ** (ring.bits - bits) : branch >>> (bits - ring.bits)
  }
  return lists.digestOf(branches.map((branch) => [partitionOf(branch), 3]))
}

/** Those of the branches below which the node has a key. */
function differing(
  scene: Scene,
  machine: number,
  bits: number,
  branches: readonly number[],
): Promise<readonly number[]> {
  const sums = branches.map((branch) => ({ branch, sum: u64(0, 0) }))
  return differingOf(scene, machine, bits, sums)
}

const allBranches = (bits: number): number[] => Array.from({ length: 2 ** bits }, (_, i) => i)

// "There are scenarios under which hinted replicas become unavailable before they can be returned
// to the original replica node. To handle this and other threats to durability, Dynamo implements
// an anti-entropy (replica synchronization) protocol to keep the replicas synchronized."
t.test('4.7: an owner gets a write whose hint was lost with its holder', async (t) => {
  const scene = await Scene.open({ nodes: 5 })
  const { owners } = scene.placeOf(KEY)
  const [first = 0, , away = 0] = owners
  scene.cluster.kill(away)
  await scene.quiet()
  const { holders } = replyOf(await (await scene.session(first)).put(KEY, 'tea'))
  await scene.quiet()
  const keepers = scene.cluster.machines.filter((one) => {
    return (scene.cluster.node(one)?.hints ?? []).length > 0
  })
  t.equal(keepers.length, 1, `held by ${holders.length}, and as one hint`)
  scene.cluster.crashAndWipe(keepers[0] as number)
  await scene.run(scene.cluster.start(away))
  await scene.world.run(EXCHANGES_MS)
  t.strictSame(await ownValues(scene, away, KEY), ['tea'])
  t.equal(scene.total('read_repairs_total'), 0)
})

// "To detect the inconsistencies between replicas faster and to minimize the amount of transferred
// data, Dynamo uses Merkle trees."
t.test('4.7: copies become equal by exchange alone, without a read', async (t) => {
  const { scene, late } = await diverged()
  t.not(scene.cluster.unequalRoots(scene.cluster.machines).length, 0, 'the copies differ')
  scene.world.heal()
  await scene.world.run(EXCHANGES_MS)
  t.strictSame(scene.cluster.unequalRoots(scene.cluster.machines), [])
  t.strictSame(await ownValues(scene, late, keyOf(0)), ['new 0', 'old'])
  t.strictSame(await ownValues(scene, late, keyOf(1)), ['old'], 'what did not differ')
  t.equal(scene.total('read_repairs_total'), 0, 'no read has done it')
})

// "A Merkle tree is a hash tree where leaves are hashes of the values of individual keys. Parent
// nodes higher in the tree are hashes of their respective children."
t.test('4.7: a key is in its leaf and in all branches above it, and in no other', async (t) => {
  const scene = await Scene.open()
  const [machine = 0] = scene.cluster.machines
  const session = await scene.session(machine)
  const { bucket, key } = nameOf(KEY)
  const leaf = leafOf(tokenOf(bucket, key))
  const { bits } = scene.cluster.ring
  t.strictSame(await differing(scene, machine, bits, allBranches(bits)), [], 'an empty tree')
  await session.put(KEY, 'tea', { w: 3 })
  for (let depth = bits; depth <= TREE_LEAF_BITS; depth += 4) {
    const own = leaf >>> (TREE_LEAF_BITS - depth)
    const siblings = allBranches(4).map((last) => 16 * (own >>> 4) + last)
    t.strictSame(await differing(scene, machine, depth, siblings), [own], `of ${depth} bits`)
  }
  const partition = leaf >>> (TREE_LEAF_BITS - bits)
  const sum = scene.cluster.node(machine)?.rootOf(3, partition)
  const sums = [{ branch: leaf, sum: sum ?? u64(0, 0) }]
  t.strictSame(await differingOf(scene, machine, TREE_LEAF_BITS, sums), [], 'it is their only key')
  const { context } = replyOf(await session.get(KEY))
  await session.put(KEY, 'milk', { w: 3, contexts: [context] })
  t.strictSame(await differingOf(scene, machine, TREE_LEAF_BITS, sums), [leaf], 'of its value')
})

// "if the hash values of the root of two trees are equal, then the values of the leaf nodes in the
// tree are equal and the nodes require no synchronization. If not … the nodes may exchange the hash
// values of children and the process continues until it reaches the leaves of the trees, at which
// point the hosts can identify the keys that are 'out of sync'."
t.test('4.7: of many keys the one that is out of sync is found by its leaf', async (t) => {
  const scene = await Scene.open()
  const [first = 0, second = 0, late = 0] = scene.cluster.machines
  const session = await scene.session(first)
  for (let i = 0; i < KEYS; i++) await session.put(keyOf(i), 'old', { w: 3 })
  await scene.world.run(EXCHANGES_MS)
  const before = ['exchange_leaves_total', 'exchange_repairs_total'].map((one) => scene.total(one))
  for (const other of [first, second]) scene.world.cut(late, other)
  await scene.quiet()
  await session.put(keyOf(7), 'new', { w: 2 })
  scene.world.heal()
  await scene.world.run(EXCHANGES_MS)
  t.strictSame(scene.cluster.unequalRoots(scene.cluster.machines), [])
  t.equal(scene.total('exchange_repairs_total'), (before[1] ?? 0) + 1, 'one copy was behind')
  const leaves = scene.total('exchange_leaves_total') - (before[0] ?? 0)
  // The late owner and each of the others may find it, in one exchange or two.
  t.ok(leaves >= 1 && leaves <= 6, `${leaves} leaves of 2^20 differed`)
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
// virtual node) it hosts. This allows nodes to compare whether the keys within a key range are
// up-to-date."
t.test('4.7: a write changes the root of its key range alone', async (t) => {
  const scene = await Scene.open()
  const [machine = 0] = scene.cluster.machines
  const session = await scene.session(machine)
  for (let i = 0; i < KEYS; i++) await session.put(keyOf(i), 'old', { w: 3 })
  const { partitionCount, bits } = scene.cluster.ring
  const roots = (): unknown[] =>
    Array.from({ length: partitionCount }, (_, i) => scene.cluster.node(machine)?.rootOf(3, i))
  const before = roots()
  await session.put(keyOf(5), 'new', { w: 3 })
  const { bucket, key } = nameOf(keyOf(5))
  const partition = leafOf(tokenOf(bucket, key)) >>> (TREE_LEAF_BITS - bits)
  const after = roots()
  const changed = after.flatMap((root, i) => (isDeepStrictEqual(root, before[i]) ? [] : [i]))
  t.strictSame(changed, [partition])
})

// "two nodes exchange the root of the Merkle tree corresponding to the key ranges that they host in
// common."
t.test('4.7: two nodes compare the key ranges that both host, and no other', async (t) => {
  const scene = await Scene.open({ nodes: 5 })
  await scene.world.run(EXCHANGES_MS)
  const client = await scene.client()
  const { ring } = scene.cluster
  for (const machine of scene.cluster.machines) {
    const { ranges } = await scene.run(client.ranges({ node: `n${machine}` }))
    for (const { partition, others } of ranges) {
      const owners = scene.cluster.ownersOfPartition(partition, '')
      t.ok(owners.includes(machine), `n${machine} hosts partition ${partition}`)
      const names = owners.filter((one) => one !== machine).map((one) => `n${one}`)
      t.same(others.map(({ name }) => name).sort(), names.sort())
      t.ok(
        others.every(({ equal }) => equal !== undefined),
        'each pair has compared',
      )
    }
    const hosted = Array.from({ length: ring.partitionCount }, (_, i) => i).filter((partition) => {
      return scene.cluster.ownersOfPartition(partition, '').includes(machine)
    })
    t.same(
      ranges.map(({ partition }) => partition),
      hosted,
    )
  }
})

// "The disadvantage with this scheme is that many key ranges change when a node joins or leaves the
// system thereby requiring the tree(s) to be recalculated. This issue is addressed, however, by the
// refined partitioning scheme": a range of any number of bits has its sum, and no key is read.
t.test('4.7: ranges of any other size are compared by the same trees', async (t) => {
  const scene = await Scene.open()
  const [machine = 0] = scene.cluster.machines
  const session = await scene.session(machine)
  await session.put(KEY, 'tea', { w: 3 })
  const { bucket, key } = nameOf(KEY)
  const leaf = leafOf(tokenOf(bucket, key))
  const { bits } = scene.cluster.ring
  const sum = scene.cluster.node(machine)?.rootOf(3, leaf >>> (TREE_LEAF_BITS - bits)) ?? u64(0, 0)
  for (const other of [bits - 1, bits + 1, bits + 3]) {
    const branch = leaf >>> (TREE_LEAF_BITS - other)
    const sums = [
      { branch, sum },
      { branch: branch ^ 1, sum: u64(0, 0) },
    ]
    sums.sort((a, b) => a.branch - b.branch)
    t.strictSame(await differingOf(scene, machine, other, sums), [], `${other} bits`)
  }
})

t.test('4.7: trees are of the copies also after a crash', async (t) => {
  const { scene, late } = await diverged()
  const [first = 0] = scene.cluster.machines
  scene.cluster.kill(first)
  scene.world.heal()
  await scene.run(scene.cluster.start(first))
  await scene.world.run(EXCHANGES_MS)
  t.strictSame(scene.cluster.unequalRoots(scene.cluster.machines), [])
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
  t.strictSame(scene.cluster.unequalRoots(scene.cluster.machines), [])
  t.strictSame(await ownValues(scene, late, keyOf(4)), ['new 4', 'old'])
})

t.test('4.7: a tree of another ring or another depth is refused', async (t) => {
  const scene = await Scene.open()
  const [machine = 0] = scene.cluster.machines
  const ring = namingBranches(scene, 4, [])
  const asked = { ring, n: 3, leafBits: 20, bits: 4, sums: [], deadlineMs: 1000 }
  const ofLeaf = namingBranches(scene, 20, [1])
  const leaves = {
    ring: ofLeaf,
    n: 3,
    leafBits: 20,
    leaves: [1],
    from: undefined,
    deadlineMs: 1000,
  }
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
  const { bucket, key } = nameOf(keyOf(1))
  const token = tokenOf(bucket, key)
  const ask = async (leaf: number): Promise<Answer<'peerLeaves'>> => {
    const ring = namingBranches(scene, 20, [leaf])
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
