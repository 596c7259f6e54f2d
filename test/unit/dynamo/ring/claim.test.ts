/**
 * Claiming: what each member holds is even by weight, and neighbours are distinct.
 *
 * Claim balances the replicas held, N * Q / S by weight, and not only first places.
 */
import t from 'tap'
import { Prng } from '../../../../src/base/prng.ts'
import { claim as claimFrom } from '../../../../src/dynamo/ring/claim.ts'
import { preferenceListOf } from '../../../../src/dynamo/ring/preference-list.ts'
import type { Member, Ring } from '../../../../src/dynamo/ring/ring.ts'
import { member, members } from './members.ts'

const N = 3

/** A first ring. */
function claim(all: readonly Member[], bits: number, n: number): Ring {
  return claimFrom(all, bits, n).ring
}

/** The partitions that each member is one of the `n` owners of. */
function replicasOf(ring: Ring, n: number): readonly number[] {
  const replicas = new Map<Member, number>(ring.members.map((member) => [member, 0]))
  for (let partition = 0; partition < ring.partitionCount; partition++) {
    for (const owner of preferenceListOf(ring, partition, n).owners) {
      replicas.set(owner, (replicas.get(owner) ?? 0) + 1)
    }
  }
  return [...replicas.values()]
}

/** How far the most and least burdened are from their share, in shares. */
function imbalance(ring: Ring, n = N): { readonly least: number; readonly most: number } {
  const total = ring.members.reduce((sum, { weight }) => sum + weight, 0)
  const replicas = replicasOf(ring, n)
  const parts = ring.members.map(({ weight }, i) => {
    return (replicas[i] as number) / ((n * ring.partitionCount * weight) / total)
  })
  return { least: Math.min(...parts), most: Math.max(...parts) }
}

/** Partitions whose owners are on fewer machines than they could be. */
function crowded(ring: Ring, n = N): number {
  const machines = new Set(ring.members.map(({ machine }) => machine)).size
  let count = 0
  for (let partition = 0; partition < ring.partitionCount; partition++) {
    const { owners } = preferenceListOf(ring, partition, n)
    if (new Set(owners.map(({ machine }) => machine)).size < Math.min(n, machines)) count += 1
  }
  return count
}

t.test('M1: 3 to 30 equal members hold equal parts, and no machine holds two copies', async (t) => {
  for (const bits of [6, 8, 10]) {
    for (let count = 3; count <= 30; count++) {
      const ring = claim(members(count), bits, N)
      const { least, most } = imbalance(ring)
      // Of Q/S partitions each, one more or less may be owned, and three times that held.
      const slack = (2 * N * count) / (N * 2 ** bits)
      const isEven = least >= 1 - slack - 0.1 && most <= 1 + slack + 0.1
      if (!isEven) t.fail(`${count} members, 2^${bits}: ${least.toFixed(2)} to ${most.toFixed(2)}`)
      if (crowded(ring) > 0) t.fail(`${count} members, 2^${bits}: copies on one machine`)
    }
  }
})

t.test('with the defaults every member is within 15 % of its share', async (t) => {
  for (let count = 3; count <= 12; count++) {
    const { least, most } = imbalance(claim(members(count), 8, N))
    t.ok(least >= 0.85 && most <= 1.15, `${count}: ${least.toFixed(3)} to ${most.toFixed(3)}`)
  }
})

t.test('weights are kept: a member with twice the weight holds twice as much', async (t) => {
  const all = members(6, (i) => ({ weight: i < 2 ? 2 : 1 }))
  const ring = claim(all, 9, N)
  const held = replicasOf(ring, N)
  const heavy = ((held[0] as number) + (held[1] as number)) / 2
  const light = held.slice(2).reduce((sum, one) => sum + one, 0) / 4
  t.ok(Math.abs(heavy / light - 2) < 0.2, `${(heavy / light).toFixed(2)} times as much`)
  t.equal(crowded(ring), 0)
})

t.test('processes of one machine are never neighbours while machines are enough', async (t) => {
  for (const machines of [3, 4, 6]) {
    const all = members(machines * 4, (i) => ({ machine: `m${i % machines}` }))
    const ring = claim(all, 8, N)
    t.equal(crowded(ring), 0, `${machines} machines of four`)
    const { least, most } = imbalance(ring)
    t.ok(least > 0.6 && most < 1.4, `${least.toFixed(2)} to ${most.toFixed(2)}`)
  }
})

t.test(
  'machines that state several zones hold one copy of each N that they suffice for',
  async (t) => {
    const prng = Prng.of(53, 'zones of one machine')
    for (let round = 0; round < 200; round++) {
      const machines = prng.between(1, 4)
      const all = members(prng.between(5, 9), (i) => {
        return { machine: `m${i % machines}`, zone: prng.pick(['', 'a', 'b', 'c']) }
      })
      const first = claim(all.slice(0, 4), 3, 5)
      for (const ring of [claim(all, 3, 5), claimFrom(all, 3, 5, first).ring]) {
        for (const n of [1, 2, 3, 4, 5]) {
          if (crowded(ring, n) > 0) t.fail(`round ${round}: ${n} copies on ${machines} machines`)
        }
      }
    }
  },
)

t.test('copies lie in distinct zones while there are N of them', async (t) => {
  const ring = claim(
    members(9, (i) => ({ zone: `z${i % 3}` })),
    8,
    N,
  )
  let crowdedZones = 0
  for (let partition = 0; partition < 256; partition++) {
    const { owners } = preferenceListOf(ring, partition, N)
    if (new Set(owners.map(({ zone }) => zone)).size < 3) crowdedZones += 1
  }
  t.equal(crowdedZones, 0)
})

t.test('the ring depends on the set of members alone', async (t) => {
  const prng = Prng.of(3, 'order')
  const all = members(7, (i) => ({ machine: `m${i % 5}`, weight: 1 + (i % 3) }))
  const { digest } = claim(all, 7, N)
  for (let round = 0; round < 20; round++) {
    t.strictSame(claim(prng.shuffled(all), 7, N).digest, digest)
  }
})

t.test('the digest covers everything that decides placement, and nothing else', async (t) => {
  const all = members(4)
  const { digest } = claim(all, 4, N)
  const differing = (change: Partial<Member>) => [{ ...member(1), ...change }, ...all.slice(1)]
  const shared = { machine: 'm2' }
  for (const change of [shared, { zone: 'z' }, { weight: 2 }]) {
    t.notSame(claim(differing(change), 4, N).digest, digest, JSON.stringify(change))
  }
  t.notSame(claim(all, 5, N).digest, digest, 'the number of partitions')
  const moved = [{ host: 'elsewhere' }, { clientPort: 1 }, { machine: 'alone' }]
  for (const change of [...moved, { name: 'other' }]) {
    t.strictSame(claim(differing(change), 4, N).digest, digest, JSON.stringify(change))
  }
})

t.test('a small cluster runs: one member, or fewer than N, or one machine', async (t) => {
  const alone = claim(members(1), 4, N)
  t.equal(preferenceListOf(alone, 3, N).owners.length, 1)
  const two = claim(members(2), 4, N)
  for (let partition = 0; partition < 16; partition++) {
    t.equal(preferenceListOf(two, partition, N).owners.length, 2)
  }
  const crammed = claim(
    members(4, () => ({ machine: 'one' })),
    6,
    N,
  )
  for (let partition = 0; partition < 64; partition++) {
    t.equal(new Set(preferenceListOf(crammed, partition, N).owners).size, 3)
  }
  const { least, most } = imbalance(crammed)
  t.ok(least > 0.8 && most < 1.2, 'and is balanced all the same')
})

t.test(
  'more members than partitions: every member is in some list, owners are distinct',
  async (t) => {
    const ring = claim(members(20), 3, N)
    for (let partition = 0; partition < 8; partition++) {
      const { owners, fallbacks } = preferenceListOf(ring, partition, N)
      t.equal(new Set(owners).size, 3)
      t.equal(owners.length + fallbacks.length, 20)
    }
  },
)

t.test('a ring without members is asserted', async (t) => {
  t.throws(() => claim([], 4, N), /a ring has at least one member/)
})
