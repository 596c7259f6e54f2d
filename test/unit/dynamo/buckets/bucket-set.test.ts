/** Records of buckets merge to one set, whatever the order, and to one name for each. */
import * as fc from 'fast-check'
import t from 'tap'
import { U48_MAX } from '../../../../src/base/bytes.ts'
import { exactName, shownNames } from '../../../../src/dynamo/buckets/bucket-names.ts'
import { type BucketRecord, Durability } from '../../../../src/dynamo/buckets/bucket-record.ts'
import { BucketSet, bucketsDigestOf } from '../../../../src/dynamo/buckets/bucket-set.ts'
import { TOLD_MAX } from '../../../../src/dynamo/counter-ceiling.ts'
import { BUCKET_RECORDS_MAX } from '../../../../src/limits.ts'
import { bucket } from './samples.ts'

const NAMES = ['carts', 'baskets', 'flags']

/** Few ids, names and versions, so that most of two records meet. */
const someRecord: fc.Arbitrary<BucketRecord> = fc
  .tuple(
    fc.integer({ min: 1, max: 4 }),
    fc.constantFrom(...NAMES),
    fc.integer({ min: 1, max: 3 }),
    fc.constantFrom(3, 3, 3, 5),
  )
  .map(([id, name, version, n]) => bucket(id, { name, version, n, createdAs: 'carts' }))

void t.test('the order of records does not matter', (t) => {
  fc.assert(
    fc.property(
      fc
        .array(someRecord, { maxLength: 12 })
        .chain((all) =>
          fc.tuple(
            fc.constant(all),
            fc.shuffledSubarray(all, { minLength: all.length, maxLength: all.length }),
          ),
        ),
      ([all, shuffled]) => {
        const [a, b] = [new BucketSet(all), new BucketSet([...shuffled, ...all])]
        t.same(a.all, b.all)
        t.same(bucketsDigestOf(a.all), bucketsDigestOf(b.all))
        t.same([...shownNames(a.all)], [...shownNames(b.all.toReversed())])
        t.equal(shownNames(a.all).size, a.size, 'each is found')
      },
    ),
    { seed: 7 },
  )
  t.end()
})

void t.test('the higher version wins, then the higher digest, and terms never change', (t) => {
  const set = new BucketSet([bucket(1)])
  t.equal(set.take(bucket(1)), 'known')
  t.equal(set.take(bucket(1, { name: 'baskets', version: 2 })), 'taken')
  t.equal(set.take(bucket(1, { name: 'carts', version: 1 })), 'known')
  t.equal(set.all[0]?.name, 'baskets')
  const [x, y] = ['x', 'y'].map((name) => bucket(1, { name, version: 3 })) as [
    BucketRecord,
    BucketRecord,
  ]
  const [low, high] = [x, y].toSorted((a, b) => a.digest.hi - b.digest.hi) as [
    BucketRecord,
    BucketRecord,
  ]
  t.equal(set.take(high), 'taken')
  t.equal(set.take(low), 'known')
  for (const terms of [{ n: 5 }, { durability: Durability.interval }]) {
    const forged = bucket(1, { ...terms, version: 2 ** 40 })
    t.equal(set.take(forged), 'known', 'a record with other terms is none of this bucket')
  }
  t.end()
})

void t.test('the lowest id has the name, and the others are shown with their ids', (t) => {
  const [one, two, three] = [1, 2, 3].map((id) => bucket(id)) as [
    BucketRecord,
    BucketRecord,
    BucketRecord,
  ]
  const shown = shownNames([three, two, one])
  t.same([...shown.keys()], ['carts', exactName(two), exactName(three)])
  t.equal(exactName(two), 'carts#0000000000000002')
  t.equal(shown.get('carts'), one)
  const renamed = bucket(1, { name: 'baskets', version: 2 })
  t.same([...shownNames([renamed, two]).keys()], ['baskets', 'carts'])
  t.end()
})

void t.test('a full set takes no further bucket, and changes of those that it has', (t) => {
  const all = Array.from({ length: BUCKET_RECORDS_MAX }, (_, i) => bucket(i + 1, { name: `b${i}` }))
  const set = new BucketSet(all)
  t.equal(set.size, BUCKET_RECORDS_MAX)
  t.equal(set.take(bucket(BUCKET_RECORDS_MAX + 1)), 'full')
  t.equal(set.take(bucket(1, { name: 'other', version: 2 })), 'taken')
  t.end()
})

t.test('a version that leaves none for the next name is not taken from others', async (t) => {
  const set = new BucketSet([bucket(1)])
  t.notOk(set.admits(bucket(1, { version: U48_MAX })))
  t.ok(set.admits(bucket(1, { version: TOLD_MAX })), 'far ahead')
  t.ok(set.admits(bucket(1, { version: TOLD_MAX + 1 })), 'and the next one')
})
