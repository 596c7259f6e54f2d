/** A ring that changes while nodes run: requests, and members that use the old ring. */
import t from 'tap'
import { utf8Text } from '../../../../src/base/bytes.ts'
import type { Config } from '../../../../src/config.ts'
import type { Ring } from '../../../../src/dynamo/ring/ring.ts'
import { ringOf } from '../../../../src/node/cluster/topology.ts'
import type { RunningNode } from '../../../../src/node/node.ts'
import { nameOf, replyOf, Scene, verdictOf } from '../scene.ts'
import { BUCKET_ID } from '../../../../src/store/conformance/subject.ts'

const KEY = 'cart'

function nodeOf(scene: Scene, machine: number): RunningNode {
  const node = scene.cluster.node(machine)
  if (node === undefined) throw new Error(`node ${machine} does not run`)
  return node
}

/** A ring of the scene's members that `change` keeps. */
function ringFor(scene: Scene, change: (members: Config['members']) => Config['members']): Ring {
  const config = scene.cluster.configOf(1)
  return ringOf({ ...config, members: change(config.members) })
}

function connected(scene: Scene, machine: number): string {
  const peers = nodeOf(scene, machine)
    .status()
    .peers.filter((peer) => peer.isConnected)
  return peers
    .map(({ name }) => name)
    .toSorted()
    .join(' ')
}

t.test('puts and gets go on before, during and after a change of the ring', async (t) => {
  const scene = await Scene.open({ nodes: 4 })
  const session = await scene.session(1)
  const valuesNow = async (r: number): Promise<string> =>
    replyOf(await session.get(KEY, r))
      .siblings.map(utf8Text)
      .join(' ')
  const put = async (value: string, w: number): Promise<string> =>
    verdictOf(await session.put(KEY, value, { w, replace: w === 1 ? 'given' : 'seen' }))
  t.equal(await put('before', 3), 'ok')
  t.equal(await valuesNow(3), 'before')

  const ring = ringFor(scene, (members) => members.slice(0, 3))
  nodeOf(scene, 1).adopt(ring)
  t.equal(await put('during', 1), 'ok', 'an owner alone takes it')
  t.match(await valuesNow(1), 'during')
  t.equal(
    verdictOf(await session.get(KEY, 3)),
    'ring-differs refused',
    'the others have another ring',
  )

  for (const machine of [2, 3]) nodeOf(scene, machine).adopt(ring)
  t.equal(await put('after', 3), 'ok')
  t.equal(await valuesNow(3), 'after')
})

t.test('a ring changes no links: those follow the members', async (t) => {
  const scene = await Scene.open({ nodes: 4 })
  nodeOf(scene, 1).adopt(ringFor(scene, (members) => members.slice(0, 3)))
  await scene.quiet()
  t.equal(connected(scene, 1), 'n2 n3 n4')
})

t.test('a peer request that names the old ring is refused', async (t) => {
  const scene = await Scene.open({ nodes: 4 })
  const old = scene.cluster.ring.digest
  const ask = async (ring: Ring['digest']): Promise<string> => {
    const copy = { name: nameOf(KEY), bucketId: BUCKET_ID, hints: false }
    const request = { ...copy, ring, digestOnly: false, deadlineMs: 500 }
    return verdictOf(await scene.run(scene.asPeer(1, 'peerRead', request)))
  }
  t.equal(await ask(old), 'ok')
  const ring = ringFor(scene, (members) => members.slice(0, 3))
  nodeOf(scene, 1).adopt(ring)
  t.equal(await ask(old), 'ring-differs refused')
  t.equal(await ask(ring.digest), 'ok')
})
