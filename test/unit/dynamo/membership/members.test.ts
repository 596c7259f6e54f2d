/** The set of records: a set that merges, bounded, from members alone. */
import * as fc from 'fast-check'
import t from 'tap'
import { GONE_MEMBERS_MAX, MEMBERS_MAX } from '../../../../src/limits.ts'
import { type MemberRecord, MemberState } from '../../../../src/dynamo/membership/member-record.ts'
import { Members, VERSION_LEAP } from '../../../../src/dynamo/membership/members.ts'
import { id, record } from './samples.ts'

const anyRecord = fc
  .record({
    number: fc.integer({ min: 0, max: 7 }),
    version: fc.integer({ min: 1, max: 4 }),
    weight: fc.integer({ min: 1, max: 3 }),
    state: fc.constantFrom(MemberState.joined, MemberState.leaving, MemberState.gone),
  })
  .map(({ number, ...over }) => record(number, over))
const anySet = fc.array(anyRecord, { maxLength: 20 })

function setOf(...lists: readonly (readonly MemberRecord[])[]): Members {
  const members = new Members()
  for (const one of lists.flat()) members.take(one)
  return members
}

function contents(members: Members): readonly unknown[] {
  const { total, buckets } = members.digest
  const all = [...members.all()].toSorted((a, b) => (a.id < b.id ? -1 : 1))
  return [all, members.size, total, buckets]
}

t.test('M5: sets that took the same records in any order are equal', async (t) => {
  fc.assert(
    fc.property(anySet, anySet, anySet, (a, b, c) => {
      const [ab, ba] = [setOf(a, b), setOf(b, a)]
      t.same(contents(ab), contents(ba), 'commutative')
      const left = setOf([...ab.all()], c)
      const right = setOf(a, [...setOf(b, c).all()])
      t.same(contents(left), contents(right), 'associative')
      t.same(contents(setOf(a, a)), contents(setOf(a)), 'idempotent')
      t.same(contents(setOf([...setOf(a).all()])), contents(setOf(a)), 'from its own records')
    }),
    { numRuns: 30 },
  )
})

t.test('the digest of two sets differs where a record does', async (t) => {
  fc.assert(
    fc.property(anySet, anySet, (a, b) => {
      const [one, other] = [setOf(a), setOf(b)]
      const isEqual = JSON.stringify(contents(one)[0]) === JSON.stringify(contents(other)[0])
      t.equal(
        one.digest.total.hi === other.digest.total.hi &&
          one.digest.total.lo === other.digest.total.lo,
        isEqual,
      )
    }),
    { numRuns: 30 },
  )
})

t.test('M7: gone is final, whatever comes after', async (t) => {
  const members = setOf([record(1), record(1, { state: MemberState.gone })])
  t.equal(members.take(record(1, { version: 2 ** 40 })), 'known')
  t.notOk(members.has(id(1)))
  t.equal(members.size, 0)
  t.equal(members.get(id(1))?.state, MemberState.gone)
})

t.test('a record far ahead is taken and counted, and the next one too', async (t) => {
  const members = setOf([record(1)])
  t.equal(members.take(record(1, { version: VERSION_LEAP + 1 })), 'taken')
  t.equal(members.counts.farAhead, 0)
  t.equal(members.take(record(1, { version: 2 ** 45 })), 'taken')
  t.equal(members.counts.farAhead, 1)
  t.equal(members.take(record(1, { version: 2 ** 45 + 1 })), 'taken')
  t.equal(members.counts.farAhead, 1)
})

t.test('a record never heard of is taken from a member alone, not from the newcomer', async (t) => {
  const members = setOf([record(1), record(2), record(3, { state: MemberState.gone })])
  t.equal(members.takeFrom(record(9), id(9)), 'not-introduced', 'itself')
  t.equal(members.takeFrom(record(9), id(8)), 'not-introduced', 'no member')
  t.equal(members.takeFrom(record(9), id(3)), 'not-introduced', 'one that is gone')
  t.equal(members.counts.notIntroduced, 3)
  t.equal(members.takeFrom(record(9), id(2)), 'taken')
  t.equal(members.takeFrom(record(9, { version: 2 }), id(9)), 'taken', 'then from itself too')
})

t.test('of 5,000 members 4,096 are taken, and an operator is told members-full', async (t) => {
  const members = new Members()
  t.equal(members.whyFull(), undefined)
  const taken = Array.from({ length: 5_000 }, (_, i) => members.take(record(i)))
  t.equal(taken.filter((one) => one === 'taken').length, MEMBERS_MAX)
  t.equal(taken.filter((one) => one === 'full').length, 904)
  t.equal(members.counts.full, 904)
  t.equal(members.size, 4_096)
  const error = members.whyFull()
  t.equal(error?.code, 'members-full')
  t.equal(error?.details?.limit?.value, MEMBERS_MAX)
  t.equal(members.take(record(0, { version: 2 })), 'taken', 'a change needs no room')
  t.equal(members.take(record(0, { state: MemberState.gone })), 'taken')
  t.equal(members.whyFull(), undefined)
  t.equal(members.take(record(4_999)), 'taken', 'there is room again')
})

t.test('removed members are bounded too', async (t) => {
  const members = new Members()
  const gone = (number: number): MemberRecord => record(number, { state: MemberState.gone })
  for (let i = 0; i < GONE_MEMBERS_MAX; i++) members.take(gone(i))
  t.equal(members.take(gone(GONE_MEMBERS_MAX)), 'full')
  t.equal(members.take(record(GONE_MEMBERS_MAX)), 'taken')
})
