/** Rings of cluster keys merge to one ring in any order, and no drop is undone. */
import t from 'tap'
import { hexOf } from '../../../../src/base/bytes.ts'
import { Prng } from '../../../../src/base/prng.ts'
import {
  compareKeys,
  keyLabel,
  KeyRing,
  keyRingBytes,
  keyRingOfBytes,
  NOTHING_DROPPED,
} from '../../../../src/dynamo/membership/key-ring.ts'
import { CLUSTER_KEYS_MAX, CLUSTER_KEYS_MERGED_MAX } from '../../../../src/limits.ts'

const DIGEST_KEY = new Uint8Array(16).fill(9)
const keyOf = (digit: number): Uint8Array => new Uint8Array(16).fill(digit)
const FIRST = KeyRing.first(keyOf(1), DIGEST_KEY)
const idsOf = (ring: KeyRing): readonly number[] => ring.keys.map(({ id }) => id)

/** A ring that some member may have after a few rotations, signatures and drops. */
function drawn(prng: Prng, from: KeyRing): KeyRing {
  let ring = from
  for (let i = 0; i < 4; i++) {
    const id = prng.between(2, 1_000_000)
    const may = prng.unit()
    if (may < 0.5 && ring.find(id) === undefined) ring = ring.rotated(id, keyOf(id % 251))
    else if (may < 0.8) ring = ring.signedBy(ring.newest)
    else if (ring.oldest !== ring.signer) ring = ring.withoutOldest()
  }
  return ring
}

t.test('a new key verifies, and signs when it is told to', async (t) => {
  const two = FIRST.rotated(7, keyOf(7))
  t.same([idsOf(two), two.signer.id, two.newest.id], [[1, 7], 1, 7])
  t.same(two.newest.number, 2)
  const signed = two.signedBy(two.newest)
  t.same([signed.signer.id, signed.inUse.map(({ id }) => id)], [7, [7, 1]])
  t.equal(signed.signedBy(FIRST.signer), signed, 'an older key does not sign again')
  const three = signed.rotated(5, keyOf(5)).rotated(3, keyOf(3))
  t.same(
    three.inUse.map(({ id }) => id),
    [7, 3, 5, 1],
    'the signer, then the newest',
  )
  const without = signed.withoutOldest()
  t.same([idsOf(without), without.dropped], [[7], { number: 1, id: 1 }])
  t.throws(() => without.withoutOldest(), { name: 'BrokenBelief' })
  t.same(without.digestKey, DIGEST_KEY, 'trees go on as they were')
})

t.test('merging is the same in any order, and again', async (t) => {
  const prng = Prng.of(1, 'key rings')
  for (let i = 0; i < 2_000; i++) {
    const common = drawn(prng, FIRST)
    const [a, b, c] = [drawn(prng, common), drawn(prng, common), drawn(prng, common)]
    const merged = a.merge(b).merge(c)
    const bytes = hexOf(keyRingBytes(merged))
    for (const other of [c.merge(b).merge(a), b.merge(a.merge(c)), merged.merge(b).merge(merged)]) {
      t.equal(hexOf(keyRingBytes(other)), bytes)
    }
    t.ok(merged.isSame(c.merge(a).merge(b)))
    for (const key of merged.keys) t.ok(compareKeys(key, merged.dropped) > 0, 'no drop is undone')
    for (const one of [a, b, c]) t.ok(compareKeys(merged.signer, one.signer) >= 0)
  }
})

t.test('of two rotations at once the higher signs, and both verify', async (t) => {
  const [low, high] = [FIRST.rotated(20, keyOf(2)), FIRST.rotated(30, keyOf(3))]
  const merged = low.merge(high)
  t.same([idsOf(merged), merged.newest.id, merged.signer.id], [[1, 20, 30], 30, 1])
  const signed = low.signedBy(low.newest).merge(high.signedBy(high.newest))
  t.same([signed.signer.id, idsOf(signed)], [30, [1, 20, 30]])
  const later = merged.rotated(2, keyOf(4))
  t.same([later.newest.number, later.newest.id], [3, 2], 'a later one is higher, whatever its id')
  const twins = FIRST.rotated(20, keyOf(5))
  t.same(low.merge(twins).find(20)?.key, twins.merge(low).find(20)?.key, 'one id, one key')
})

t.test('a ring that was set back takes drops and signer from another one', async (t) => {
  const two = FIRST.rotated(7, keyOf(7))
  const after = two.signedBy(two.newest).withoutOldest()
  for (const old of [two, two.rotated(8, keyOf(8))]) {
    const merged = old.merge(after)
    t.equal(merged.signer.id, 7)
    t.notOk(merged.find(1))
    t.ok(merged.isSame(after.merge(old)))
  }
})

t.test('keys have a bound, and what members made apart is merged beyond it', async (t) => {
  let ring = FIRST
  for (let id = 2; id <= CLUSTER_KEYS_MAX; id++) ring = ring.rotated(id, keyOf(id))
  t.ok(ring.isFull)
  t.throws(() => ring.rotated(99, keyOf(9)), { name: 'BrokenBelief' })
  let [left, right] = [FIRST, FIRST]
  for (let id = 2; id <= CLUSTER_KEYS_MAX; id++) {
    left = left.rotated(id, keyOf(id))
    right = right.rotated(100 + id, keyOf(id))
  }
  t.equal(left.merge(right).keys.length, 2 * CLUSTER_KEYS_MAX - 1)
  let all = FIRST
  for (let i = 0; i < 10; i++) {
    let one = FIRST
    while (!one.isFull) one = one.rotated(1_000 * (i + 1) + one.keys.length, keyOf(i))
    all = all.merge(one)
  }
  t.equal(all.keys.length, CLUSTER_KEYS_MERGED_MAX)
  t.ok(keyRingOfBytes(keyRingBytes(all)))
})

t.test('what is written is read, and what was changed is not', async (t) => {
  const two = FIRST.rotated(0xffff_ffff, keyOf(7))
  const ring = two.signedBy(two.newest)
  const bytes = keyRingBytes(ring)
  t.same(keyRingOfBytes(bytes), ring)
  t.same(ring.dropped, NOTHING_DROPPED)
  const wrong = [
    bytes.subarray(1),
    bytes.subarray(0, -1),
    bytes.subarray(0, 29),
    new Uint8Array(0),
    bytes.with(0, 2),
    bytes.with(25, 5),
    bytes.with(17, 1).with(21, 1),
    bytes.with(53, 0),
    Uint8Array.from([...bytes, ...bytes.subarray(-24)]),
  ]
  for (const [i, one] of wrong.entries()) t.equal(keyRingOfBytes(one), undefined, `${i}`)
  t.equal(keyLabel({ id: 0xab }), '000000ab')
  t.notOk(ring.isSame(two), 'the digest tells who signs')
  const others = [{ ...ring.oldest, key: keyOf(3) }, ring.newest]
  const { signer, dropped, digestKey } = ring
  const rekeyed = new KeyRing({ keys: others, signer: signer.id, dropped, digestKey })
  t.ok(ring.isSame(rekeyed), 'and nothing of the keys')
})
