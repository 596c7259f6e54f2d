/** A ring is data: checked as it is made, equal exactly where its digest is. */
import t from 'tap'
import { equalU64, u64 } from '../../../../src/base/u64.ts'
import { nodeId } from '../../../../src/dynamo/names.ts'
import { ownersOf } from '../../../../src/dynamo/ring/preference-list.ts'
import { Ring } from '../../../../src/dynamo/ring/ring.ts'
import { members } from './members.ts'

const OWNERS = Uint16Array.of(0, 1, 2, 0)

t.test('members are found by id, owners by partition, also past the end', async (t) => {
  const all = members(3)
  const ring = new Ring(2, all, OWNERS)
  t.equal(ring.partitionCount, 4)
  t.equal(ring.member(nodeId('0000000000000002')), all[1])
  t.equal(ring.member(nodeId('00000000000000ff')), undefined)
  t.strictSame(
    [0, 1, 2, 3, 4, 5].map((p) => ring.rowOf(p)[0]?.name),
    ['n1', 'n2', 'n3', 'n1', 'n1', 'n2'],
  )
  t.equal(ring.partitionOf(u64(0x8000_0000, 0)), 2)
})

t.test('another owner of one partition is another ring', async (t) => {
  const one = new Ring(2, members(3), OWNERS)
  const same = new Ring(2, members(3), OWNERS.slice())
  const other = new Ring(2, members(3), Uint16Array.of(0, 1, 2, 1))
  t.ok(equalU64(one.digest, same.digest))
  t.notOk(equalU64(one.digest, other.digest))
})

t.test('a ring that is split has the same owners, for every N', async (t) => {
  const ring = new Ring(2, members(4), Uint16Array.of(0, 1, 2, 0, 1, 3, 2, 3))
  const split = ring.split(4)
  for (let partition = 0; partition < 16; partition++) {
    for (const n of [1, 2, 3, 4]) {
      t.strictSame(ownersOf(split, partition, n), ownersOf(ring, partition >> 2, n))
    }
  }
  t.equal(ring.split(2), ring)
})

t.test('an invalid table is asserted', async (t) => {
  const all = members(3)
  t.throws(() => new Ring(2, all.toReversed(), OWNERS), /sorted by id/)
  t.throws(() => new Ring(2, [all[0]!, all[0]!], Uint16Array.of(0, 1, 0, 1)), /each once/)
  t.throws(() => new Ring(3, all, OWNERS), /every partition has an owner/)
  t.throws(() => new Ring(2, all, Uint16Array.of(0, 1, 2, 3)), /owners are members/)
  t.throws(() => new Ring(2, [], OWNERS), /members are bounded/)
  t.throws(() => new Ring(1, all, Uint16Array.of(0, 1, 2, 2)), /a row has different members/)
  t.throws(() => new Ring(0, all, Uint16Array.of(0, 1, 2, 0)), /rows are bounded/)
  t.throws(() => new Ring(17, all, OWNERS), /partitions are bounded/)
})
