/** One node's part of a rotation, with other members that a test plays. */
import t from 'tap'
import type { OperatingError } from '../../../../src/base/errors.ts'
import { KeyRing, keyRingBytes } from '../../../../src/dynamo/membership/key-ring.ts'
import { membersMark } from '../../../../src/dynamo/membership/key-standings.ts'
import { nodeId, type NodeId } from '../../../../src/dynamo/names.ts'
import { ClusterKeys } from '../../../../src/node/cluster/cluster-keys.ts'
import { HeldKeys } from '../../../../src/node/cluster/held-keys.ts'
import { SimWorld } from '../../../../src/sim/index.ts'
import { readKeyRing } from '../../../../src/store/keys.ts'
import { KeySeal } from '../../../../src/wire/key-seal.ts'
import type { PeerKeys } from '../../../../src/wire/message/keys.ts'
import type { Directory } from '../../../../src/world/disk.ts'
import type { World } from '../../../../src/world/world.ts'

const SELF = nodeId('1'.repeat(16))
const A = nodeId('2'.repeat(16))
const B = nodeId('3'.repeat(16))
const FIRST = KeyRing.first(new Uint8Array(16).fill(1), new Uint8Array(16).fill(9))
const nonces = { connectorsNonce: new Uint8Array(16), acceptorsNonce: new Uint8Array(16).fill(2) }
const PROVED = { role: 'peer', secret: new Uint8Array(16).fill(1), ...nonces } as const
const OWN = new KeySeal({ ...PROVED, side: 'acceptor' })
const THEIRS = new KeySeal({ ...PROVED, side: 'connector' })

class Bench {
  readonly sim: SimWorld
  readonly keys: ClusterKeys
  readonly held = new HeldKeys(FIRST)
  readonly directory: Directory
  members: NodeId[] = [SELF, A, B]
  connected: NodeId[] = []
  readonly told: { readonly member: NodeId; readonly message: PeerKeys }[] = []

  private constructor(sim: SimWorld, world: World, directory: Directory) {
    this.sim = sim
    this.directory = directory
    const { clock, entropy, trace } = world
    const peers = {
      tellKeys: (member: NodeId, make: (seal: KeySeal) => PeerKeys) =>
        void this.told.push({ member, message: make(OWN) }),
      isConnected: (member: NodeId) => this.connected.includes(member),
    }
    const connected = (): readonly NodeId[] => this.connected
    Object.defineProperty(peers, 'connected', { get: connected })
    const present = (): readonly { readonly id: NodeId }[] => this.members.map((id) => ({ id }))
    const membership = {}
    Object.defineProperty(membership, 'present', { get: present })
    this.keys = new ClusterKeys({
      keys: { directory, isWritten: true, held: this.held },
      topology: { self: { id: SELF } },
      membership: membership as never,
      peers: peers as never,
      ...{ clock, entropy, trace },
    })
    this.keys.begin()
  }

  static async open(): Promise<Bench> {
    const sim = new SimWorld({ seed: 1 })
    const world = sim.start(1)
    const directory = await sim.complete(world.disk.directory('/data'))
    return new Bench(sim, world, directory)
  }

  /** A member says that it has written this ring down. */
  hear(from: NodeId, ring: KeyRing, withRing = false, members = this.members): PeerKeys {
    const sealed = THEIRS.seal(keyRingBytes(ring), new Uint8Array(16).fill(3))
    const told = {
      has: ring.keys.map(({ id }) => id),
      signer: ring.signer.id,
      digest: ring.digest,
      members: membersMark(members),
      ring: withRing ? sealed : undefined,
    }
    return this.keys.hear(from, told, OWN)
  }

  run<Value>(work: Promise<Value>): Promise<Value> {
    return this.sim.complete(work, 10_000)
  }

  drop(id: number): Promise<string> {
    const dropped = this.keys
      .drop(id, (member) => member)
      .then(
        () => 'none',
        (error: unknown) => (error as OperatingError).code,
      )
    return this.run(dropped)
  }
}

t.test('a key that comes is durable before it is told, and before it verifies', async (t) => {
  const bench = await Bench.open()
  const two = FIRST.rotated(7, new Uint8Array(16).fill(7))
  bench.connected = [A, B]
  bench.sim.disk(1).slow(100)
  const answer = bench.hear(A, two, true)
  t.same(answer.has, [1], 'it is not durable yet')
  t.equal(bench.held.keyOf(7), undefined)
  for (const { message } of bench.told) t.same(message.has, [1])
  const isHeld = (): boolean => bench.held.keyOf(7) !== undefined
  t.ok(await bench.sim.runUntil(isHeld, 5_000))
  t.same(bench.told.at(-1)?.message.has, [1, 7])
  bench.sim.crash(1)
  const world = bench.sim.restart(1)
  const directory = await bench.run(world.disk.directory('/data'))
  t.same(await bench.run(readKeyRing(directory)), two, 'a power cut takes nothing of it')
})

t.test('a key signs once all others have told that they have it', async (t) => {
  const bench = await Bench.open()
  bench.connected = [A, B]
  await bench.run(bench.keys.rotate(1))
  const { ring } = bench.keys
  t.equal(ring.signer.id, 1)
  bench.hear(A, ring)
  await bench.sim.run(1_000)
  t.equal(bench.keys.ring.signer.id, 1, 'one has not')
  bench.hear(B, ring, false, [SELF, A, B, nodeId('4'.repeat(16))])
  await bench.sim.run(1_000)
  t.equal(bench.keys.ring.signer.id, 1, 'it knows another member')
  bench.keys.onConnected(A)
  bench.hear(B, ring)
  await bench.sim.run(500)
  t.equal(bench.keys.ring.signer.id, 1, 'one connects anew: its disk may have been emptied')
  t.same(
    bench.keys.standings.filter(({ isWaitedFor }) => isWaitedFor).map((one) => one.member),
    [A],
  )
  bench.hear(A, ring)
  await bench.sim.run(1_000)
  t.equal(bench.keys.ring.signer, bench.keys.ring.newest)
  t.equal((await bench.run(readKeyRing(bench.directory)))?.signer.id, ring.newest.id, 'durably')
})

t.test('a member that signs with a key vouches for it', async (t) => {
  const bench = await Bench.open()
  const two = FIRST.rotated(7, new Uint8Array(16).fill(7))
  bench.hear(A, two.signedBy(two.newest), true)
  await bench.sim.run(1_000)
  t.equal(bench.keys.ring.signer.id, 7)
})

t.test('a member that does not wait for itself signs alone', async (t) => {
  const bench = await Bench.open()
  bench.members = [SELF]
  await bench.run(bench.keys.rotate(1))
  await bench.sim.run(1_000)
  t.equal(bench.keys.ring.signer, bench.keys.ring.newest)
})

t.test('a key is not dropped while a member signs with it, or is away', async (t) => {
  const bench = await Bench.open()
  bench.connected = [A, B]
  await bench.run(bench.keys.rotate(1))
  const pending = bench.keys.ring
  for (const member of [A, B]) bench.hear(member, pending)
  await bench.sim.run(1_000)
  t.equal(await bench.drop(1), 'key-in-use', 'both still sign with it')
  const signed = bench.keys.ring
  bench.hear(A, signed)
  t.equal(await bench.drop(1), 'key-in-use')
  bench.hear(B, signed)
  bench.connected = [A]
  t.equal(await bench.drop(1), 'key-in-use', 'one is away')
  bench.connected = [A, B]
  t.equal(await bench.drop(1), 'none')
  t.same(
    bench.keys.ring.keys.map(({ id }) => id),
    [signed.signer.id],
  )
})

t.test('a ring that was not sealed here, or is of another cluster, is not taken', async (t) => {
  const bench = await Bench.open()
  const two = FIRST.rotated(7, new Uint8Array(16).fill(7))
  const other = KeyRing.first(new Uint8Array(16).fill(1), new Uint8Array(16))
  t.throws(() => bench.hear(A, other, true), { code: 'message-garbled' })
  const sealed = OWN.seal(keyRingBytes(two), new Uint8Array(16).fill(3))
  const told = { has: [1], signer: 1, digest: two.digest, members: two.digest, ring: sealed }
  t.throws(() => bench.keys.hear(A, told, OWN), { code: 'message-garbled' }, 'sent back')
  await bench.sim.run(1_000)
  t.same(bench.keys.ring, FIRST)
})

t.test('one that has another ring is sent this one; one that has it is not', async (t) => {
  const bench = await Bench.open()
  t.equal(bench.hear(A, FIRST).ring, undefined)
  const two = FIRST.rotated(7, new Uint8Array(16).fill(7))
  const answer = bench.hear(A, two)
  t.same(THEIRS.open(answer.ring as never), keyRingBytes(FIRST))
})

t.test('a node that stops takes no further key', async (t) => {
  const bench = await Bench.open()
  await bench.run(bench.keys.stop())
  const failed = bench.keys.rotate(1)
  await t.rejects(bench.run(failed), { code: 'node-stopping' })
})
