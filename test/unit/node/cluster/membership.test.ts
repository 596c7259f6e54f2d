/** Who is here, in clusters of real nodes: kept records, moved and removed members, lies. */
import t from 'tap'
import { U48_MAX, utf8Text } from '../../../../src/base/bytes.ts'
import { TOLD_MAX } from '../../../../src/dynamo/counter-ceiling.ts'
import { MemberState, memberRecord } from '../../../../src/dynamo/membership/member-record.ts'
import { nodeId } from '../../../../src/dynamo/names.ts'
import type { Membership } from '../../../../src/node/cluster/membership.ts'
import { ChangeOf, operatorAt } from './operations-scene.ts'
import { membershipOf, Moving } from './membership-scene.ts'
import { replyOf, verdictOf } from '../scene.ts'

const JOINER = nodeId('4444444444444444')

const stateOf = (of: Membership, node: string): string | undefined => {
  const seen = of.seen().find(({ record }) => record.name === node)
  return seen && `${seen.record.version} ${seen.record.state} ${seen.record.peerPort} ${seen.life}`
}

t.test('the list in the configuration makes the first records, equal on all nodes', async (t) => {
  const { scene } = await Moving.open()
  const all = [1, 2, 3].map((machine) => membershipOf(scene, machine).seen())
  t.same(all[1], all[0])
  t.same(all[2], all[0])
  t.same(
    all[0]?.map(({ record }) => [record.version, record.state, record.by === record.id]),
    [1, 2, 3].map(() => [1, MemberState.joined, true]),
  )
})

t.test(
  'a record made up for a member neither shuts it out nor keeps it from removal',
  async (t) => {
    const { scene, cluster } = await Moving.open({ nodes: 4 })
    const n4 = cluster.memberOf(4)
    const tell = async (version: number): Promise<void> => {
      const known = membershipOf(scene, 1).recordOf(n4)
      if (known === undefined) throw new Error('there is no record')
      const by = cluster.memberOf(2)
      const record = memberRecord({ ...known, version, host: '10.66.66.66', by })
      const message = { kind: 'ping', probe: 0, news: [{ kind: 'record', record }] } as const
      await scene.run(scene.asPeer(1, 'peerGossip', { message }, 2))
      t.ok(scene.figure(1, 'records_far_ahead_total') > 0, 'shown in the status')
      await scene.world.run(40_000)
    }
    for (const version of [U48_MAX, TOLD_MAX]) {
      await tell(version)
      for (const machine of [1, 2, 3]) {
        t.equal(
          membershipOf(scene, machine).recordOf(n4)?.host,
          cluster.configOf(4).peerListen.host,
        )
        const peers = cluster.node(machine)?.status().peers ?? []
        t.ok(peers.find(({ name }) => name === 'n4')?.isConnected, `${version} at ${machine}`)
      }
    }
    const one = await operatorAt(scene, 1)
    t.match(await one.change(ChangeOf.remove, 'n4', { isForced: true }), { state: 'gone' })
  },
)

t.test('a member keeps its data when its address changes', async (t) => {
  const { scene, cluster } = await Moving.open()
  const session = await scene.session(1)
  t.equal(verdictOf(await session.put('cart', 'milk', { w: 3 })), 'ok')
  const { digest } = cluster.ring
  await scene.run(cluster.stop(2))
  cluster.move(2, 7_599)
  await scene.run(cluster.start(2))
  await scene.quiet()
  for (const machine of [1, 2, 3]) {
    const moved = stateOf(membershipOf(scene, machine), 'n2')
    t.equal(moved, `2 ${MemberState.joined} 7599 alive`, `machine ${machine}`)
    const peers = cluster.node(machine)?.status().peers ?? []
    t.ok(peers.every(({ isConnected }) => isConnected))
    t.same(cluster.node(machine)?.ring.digest, digest, 'an address is no matter of the ring')
  }
  t.equal(
    replyOf(await session.get('cart', 3))
      .siblings.map(utf8Text)
      .join(),
    'milk',
  )
  const topology = replyOf(await session.ask('topology', {}))
  t.equal(topology.members.find(({ name }) => name === 'n2')?.peerPort, 7_599)

  cluster.crash(1)
  await scene.run(cluster.start(1))
  await scene.quiet()
  const { peers = [] } = cluster.node(1)?.status() ?? {}
  t.ok(
    peers.every(({ isConnected }) => isConnected),
    'its file knows what its configuration does not',
  )
})

t.test('a list that changed later changes nothing, and is told', async (t) => {
  const { scene, cluster } = await Moving.open()
  const { digest } = cluster.ring
  await scene.run(cluster.stop(2))
  cluster.change = (config) => {
    const more = config.members.map((member) => ({ ...member, name: 'n9', machine: 'm9' }))
    return { ...config, members: [...config.members, ...more.slice(0, 1)] }
  }
  await scene.run(cluster.start(2))
  await scene.quiet()
  t.same(cluster.node(2)?.ring.digest, digest)
  t.ok(
    cluster
      .node(2)
      ?.status()
      .peers.every(({ isConnected }) => isConnected),
  )
  t.match(cluster.node(2)?.warnings.join(' '), /lists other members than the ring has \(n9 joined/)
  t.equal(membershipOf(scene, 2).seen().length, 3)
})

t.test('a member that was removed ends, and does not start again', async (t) => {
  const { scene, cluster } = await Moving.open()
  const gone = cluster.memberOf(3)
  const failed = cluster.node(3)?.failed as Promise<unknown>
  await scene.run(membershipOf(scene, 1).change([gone, { state: MemberState.gone }]))
  t.match(await scene.run(failed), { code: 'member-gone' })
  cluster.kill(3)
  await scene.quiet()
  t.equal(stateOf(membershipOf(scene, 2), 'n3')?.split(' ')[1], String(MemberState.gone))
  t.same(
    cluster
      .node(2)
      ?.status()
      .peers.map(({ name }) => name),
    ['n1'],
  )
  await t.rejects(scene.run(cluster.start(3)), { code: 'member-gone' })
})

t.test('one that was away while it was removed is told so, and all else is refused', async (t) => {
  const { scene, cluster } = await Moving.open()
  const gone = cluster.memberOf(3)
  await scene.run(cluster.stop(3))
  await scene.run(membershipOf(scene, 1).change([gone, { state: MemberState.gone }]))
  await scene.quiet()
  await scene.run(cluster.start(3))
  const failed = cluster.node(3)?.failed as Promise<unknown>
  t.match(await scene.run(failed), { code: 'member-gone' })
  const request = { known: 0, withClosing: false, ring: cluster.ring.digest, deadlineMs: 500 }
  const answer = await scene.run(scene.asPeer(2, 'peerRounds', request, 3))
  t.equal(verdictOf(answer), 'member-gone refused')
})

t.test('a joiner that is introduced at one node is known to all', async (t) => {
  const { scene } = await Moving.open()
  const [listed] = scene.cluster.configOf(1).members
  if (listed === undefined) throw new Error('there are members')
  const joiner = memberRecord({
    ...listed,
    name: 'n4',
    peerPort: 7_777,
    ...{ id: JOINER, by: JOINER, sponsor: scene.cluster.memberOf(1) },
    ...{ state: MemberState.joined, version: 1 },
  })
  await scene.run(membershipOf(scene, 1).introduce(joiner))
  await scene.world.run(8_000)
  for (const machine of [1, 2, 3]) {
    t.match(stateOf(membershipOf(scene, machine), 'n4'), /^1 1 7777/)
    const names = scene.cluster
      .node(machine)
      ?.status()
      .peers.map(({ name }) => name)
    t.ok(names?.includes('n4'), 'it is dialled')
  }
  scene.cluster.crash(1)
  await scene.run(scene.cluster.start(1))
  t.match(stateOf(membershipOf(scene, 1), 'n4'), /^1 1 7777/, 'it was durable')
})

t.test('a record of its receiver that never was is a lie, and corrected', async (t) => {
  const { scene, cluster } = await Moving.open()
  const own = membershipOf(scene, 1).recordOf(cluster.memberOf(1))
  if (own === undefined) throw new Error('a node knows itself')
  const by = cluster.memberOf(2)
  const record = memberRecord({ ...own, host: '10.9.9.9', version: 9, by })
  const message = { kind: 'ping', probe: 1, news: [{ kind: 'record', record }] } as const
  const answer = await scene.run(scene.asPeer(1, 'peerGossip', { message }))
  t.equal(verdictOf(answer), 'peer-lies refused')
  t.equal(scene.figure(1, 'peer_lies_total'), 1)
  await scene.quiet()
  for (const machine of [1, 2, 3]) {
    t.match(stateOf(membershipOf(scene, machine), 'n1'), /^10 1 7500 alive/)
  }
})

t.test('a member that is killed is suspected, then dead, then alive again', async (t) => {
  const { scene, cluster } = await Moving.open({ nodes: 4 })
  const told: string[] = []
  for (const fact of ['member-suspected', 'member-dead', 'member-alive'] as const) {
    scene.world.trace.watch(fact, (fields, machine) => {
      told.push(`${machine} ${fact} ${String(fields['name'])}`)
    })
  }
  cluster.kill(4)
  await scene.world.run(2_000)
  t.equal(stateOf(membershipOf(scene, 1), 'n4')?.split(' ')[3], 'suspect')
  await scene.world.run(20_000)
  for (const machine of [1, 2, 3]) {
    t.equal(stateOf(membershipOf(scene, machine), 'n4')?.split(' ')[3], 'dead')
    t.ok(told.includes(`${machine} member-dead n4`))
    t.equal(scene.figure(machine, 'members_dead'), 1)
    const seen = cluster
      .node(machine)
      ?.status()
      .members.find(({ name }) => name === 'n4')
    t.ok((seen?.lifeMs ?? 0) > 1_000, 'and since when')
  }
  await scene.run(cluster.start(4))
  await scene.world.run(5_000)
  for (const machine of [1, 2, 3]) {
    t.equal(stateOf(membershipOf(scene, machine), 'n4')?.split(' ')[3], 'alive')
    t.ok(told.includes(`${machine} member-alive n4`))
  }
  t.notOk(
    told.some((one) => /n[123]$/.test(one)),
    'no other member',
  )
})
