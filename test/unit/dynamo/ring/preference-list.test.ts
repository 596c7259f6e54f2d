/** Who should hold a key: the first N distinct of a clockwise walk, then everybody else. */
import t from 'tap'
import type { Token } from '../../../../src/native/digest.ts'
import { u64 } from '../../../../src/base/u64.ts'
import { Prng } from '../../../../src/base/prng.ts'
import { claim } from '../../../../src/dynamo/ring/claim.ts'
import { PreferenceLists, preferenceListOf } from '../../../../src/dynamo/ring/preference-list.ts'
import { type Member, Ring } from '../../../../src/dynamo/ring/ring.ts'
import { member, members } from './members.ts'

function ringOf(all: readonly Member[], owners: readonly number[]): Ring {
  return new Ring(Math.log2(owners.length), all, Uint16Array.from(owners))
}

function names(list: readonly Member[]): string {
  return list.map(({ name }) => name).join(' ')
}

t.test('the list walks clockwise, meets each member once, and wraps past zero', async (t) => {
  const ring = ringOf(members(4), [0, 1, 0, 2, 2, 3, 1, 0])
  const list = (partition: number, n: number) => preferenceListOf(ring, partition, n)
  t.equal(names(list(0, 3).owners), 'n1 n2 n3')
  t.equal(names(list(0, 3).fallbacks), 'n4')
  t.equal(names(list(5, 3).owners), 'n4 n2 n1')
  t.equal(names(list(7, 2).owners), 'n1 n2')
  t.equal(names(list(7, 2).fallbacks), 'n3 n4')
})

t.test('machines repeat only when there are no others, members never', async (t) => {
  const shared = [
    member(1, { machine: 'a' }),
    member(2, { machine: 'a' }),
    member(3, { machine: 'b' }),
    member(4, { machine: 'b' }),
  ]
  const ring = ringOf(shared, [0, 1, 2, 3])
  t.equal(names(preferenceListOf(ring, 0, 2).owners), 'n1 n3', 'n2 is skipped')
  t.equal(names(preferenceListOf(ring, 0, 3).owners), 'n1 n3 n2', 'and comes when it must')
  t.equal(names(preferenceListOf(ring, 0, 7).owners), 'n1 n3 n2 n4', 'all, where N is more')
})

t.test('zones are spread first, then machines', async (t) => {
  const zoned = [
    member(1, { zone: 'x' }),
    member(2, { zone: 'x' }),
    member(3, { zone: 'y', machine: 'm1' }),
    member(4, { zone: 'y' }),
  ]
  const ring = ringOf(zoned, [0, 1, 2, 3])
  t.equal(names(preferenceListOf(ring, 0, 2).owners), 'n1 n4', 'another zone, another machine')
  t.equal(names(preferenceListOf(ring, 0, 3).owners), 'n1 n4 n2', 'a zone repeats before a machine')
})

t.test(
  'M1: N distinct members whenever N exist, distinct machines whenever possible',
  async (t) => {
    const prng = Prng.of(7, 'lists')
    for (let round = 0; round < 300; round++) {
      const count = prng.between(1, 12)
      const machines = prng.between(1, count)
      const all = members(count, () => ({
        machine: `m${prng.below(machines)}`,
        zone: prng.chance(0.5) ? '' : `z${prng.below(3)}`,
      }))
      const owners = Array.from({ length: 32 }, () => prng.below(count))
      const ring = ringOf(all, owners)
      const n = prng.between(1, 5)
      for (let partition = 0; partition < 32; partition++) {
        const list = preferenceListOf(ring, partition, n)
        const distinct = new Set(list.owners)
        const onMachines = new Set(list.owners.map(({ machine }) => machine))
        const there = new Set(all.map(({ machine }) => machine)).size
        const everybody = new Set([...list.owners, ...list.fallbacks])
        const isRight =
          distinct.size === Math.min(n, count) &&
          list.owners.length === distinct.size &&
          onMachines.size === Math.min(n, there) &&
          everybody.size === count &&
          list.owners.length + list.fallbacks.length === count
        if (!isRight) t.fail(`round ${round}, partition ${partition}: ${names(list.owners)}`)
      }
    }
  },
)

t.test('a cached list equals a computed one', async (t) => {
  const ring = claim(members(5), 6, 3).ring
  const lists = new PreferenceLists(ring)
  for (let partition = 0; partition < 64; partition++) {
    for (const n of [1, 3, 5]) {
      const list = lists.ofPartition(partition, n)
      t.strictSame(list, preferenceListOf(ring, partition, n))
      t.equal(lists.ofPartition(partition, n), list, 'computed once')
    }
  }
  const token: Token = u64(0x8000_0000, 0)
  t.equal(lists.of(token, 3), lists.ofPartition(32, 3))
})

t.test('N is bounded', async (t) => {
  const ring = ringOf(members(1), [0])
  t.throws(() => preferenceListOf(ring, 0, 0), /replicas are bounded/)
  t.throws(() => preferenceListOf(ring, 0, 17), /replicas are bounded/)
})
