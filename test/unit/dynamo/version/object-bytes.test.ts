/** Objects as bytes: there and back, canonical, and nothing else is believed. */
import t from 'tap'
import { Prng } from '../../../../src/base/prng.ts'
import { Context } from '../../../../src/dynamo/version/context.ts'
import { merge } from '../../../../src/dynamo/version/merge.ts'
import {
  decodeObject,
  encodeObject,
  layoutOf,
  objectBytes,
  objectDigest,
} from '../../../../src/dynamo/version/object-bytes.ts'
import {
  NOTHING,
  type Sibling,
  type VersionedObject,
} from '../../../../src/dynamo/version/object.ts'
import { contextBytes } from '../../../../src/dynamo/version/context-bytes.ts'
import { OBJECT_BYTES_MAX, RANGES_MAX } from '../../../../src/limits.ts'
import { compareDots } from '../../../../src/dynamo/version/dot.ts'
import { anyObject, dot, object, range, requestId, sibling, writeOfDot } from './samples.ts'
import { equalObjects } from '../../../support/versions.ts'

/** Requires: a record can hold it. */
const bytesOf = (one: VersionedObject): Uint8Array => encodeObject(one) as Uint8Array

const SEED = 20_263

const sample = object(
  [range(1, 1, 4), range(6, 6, 6), range(9, 9, 12)],
  sibling('first', dot(1, 2), dot(6, 6)),
  { ...sibling('gone', dot(9, 10)), value: undefined },
  { ...sibling('empty', dot(9, 12)), value: new Uint8Array(0) },
)

t.test(
  `an object comes back from its bytes, and the bytes from the object (seed ${SEED})`,
  async (t) => {
    const prng = Prng.of(SEED)
    let wrong = 0
    for (let i = 0; i < 3000; i++) {
      const before = anyObject(prng, writeOfDot)
      const bytes = bytesOf(before)
      const after = decodeObject(bytes)
      if (after === undefined || !equalObjects(before, after)) wrong += 1
      else if (Buffer.compare(bytesOf(after), bytes) !== 0) wrong += 1
      if (bytes.length !== objectBytes(before)) wrong += 1
    }
    t.equal(wrong, 0)
    t.ok(equalObjects(sample, decodeObject(bytesOf(sample)) as VersionedObject))
    t.ok(equalObjects(NOTHING, decodeObject(bytesOf(NOTHING)) as VersionedObject))
  },
)

t.test('the digest is over the siblings alone', async (t) => {
  const key = new Uint8Array(16).fill(7)
  const digestOf = (one: VersionedObject): string => JSON.stringify(objectDigest(key, bytesOf(one)))
  const one = sibling('x', dot(1, 4))
  const plain = digestOf(object([range(1, 4, 4)], one))
  t.equal(digestOf(object([range(1, 1, 4), range(7, 7, 9)], one)), plain, 'whatever it replaced')
  const named = { ...object([range(1, 4, 4)], one), context: Context.empty }
  const context = Context.of([range(1, 4, 4)]).withRequest(requestId('r'))
  t.equal(digestOf({ ...named, context }), plain, 'whatever requests are named')
  for (const other of [
    sibling('y', dot(1, 4)),
    sibling('x', dot(1, 5)),
    { ...one, time: one.time + 1 },
    { ...one, requestId: requestId('z') },
    { ...one, value: undefined },
  ]) {
    const context = Context.empty.withDots(other.dots)
    t.not(digestOf({ context, siblings: [other] }), plain)
  }
})

t.test(`an object is the merge of its siblings, each with its ranges (seed ${SEED})`, async (t) => {
  const prng = Prng.of(SEED)
  let wrong = 0
  let several = 0
  for (let i = 0; i < 3000; i++) {
    const whole = anyObject(prng, writeOfDot)
    if (whole.siblings.length === 0) continue
    if (whole.siblings.length > 1) several += 1
    const dots = whole.siblings.flatMap((one) => one.dots)
    const others = Context.of(whole.context.rangesWithout(dots.toSorted(compareDots)))
    const parts = whole.siblings.map((one) => ({
      context: others.withDots(one.dots),
      siblings: [one],
    }))
    const read = parts.map((part) => decodeObject(bytesOf(part)) as VersionedObject)
    if (!equalObjects(read.reduce(merge), whole)) wrong += 1
  }
  t.equal(wrong, 0)
  t.ok(several > 1000)
})

t.test('the bytes are these, in files and on the wire', async (t) => {
  const one = object([range(1, 1, 258)], sibling('x', dot(1, 258)))
  const hex = Buffer.from(bytesOf(one)).toString('hex')
  const parts = [
    '03 00 0100 0100 0000',
    'a000000000000000 0000000000000001 010000000000 010000000000 010100000000',
    '00 01 782e2e2e2e2e2e2e2e2e2e2e2e2e2e2e e90300000000 000000000000',
    'a000000000000000 0000000000000001 010000000000 020100000000 01000000 78',
  ]
  t.equal(hex, parts.join('').replaceAll(' ', ''))
})

t.test(
  `an object decoded from any bytes is encoded to the same bytes (seed ${SEED})`,
  async (t) => {
    const prng = Prng.of(SEED)
    const good = bytesOf(sample)
    let wrong = 0
    let accepted = 0
    for (let i = 0; i < 100_000; i++) {
      const bytes = mutated(prng, good)
      const read = decodeObject(bytes)
      if (read === undefined) continue
      accepted += 1
      if (Buffer.compare(bytesOf(read), bytes) !== 0) wrong += 1
      if (!read.siblings.every(({ dots }) => dots.every((d) => read.context.covers(d)))) wrong += 1
    }
    t.equal(wrong, 0)
    t.ok(accepted > 100, `${accepted} mutations kept the form`)
  },
)

/** A few bytes changed, cut off, or added. */
function mutated(prng: Prng, good: Uint8Array): Uint8Array {
  const bytes = Uint8Array.from(good)
  for (let changes = prng.between(1, 3); changes > 0; changes--) {
    const at = prng.below(bytes.length)
    bytes[at] = prng.chance(0.5) ? prng.below(256) : (bytes[at] as number) ^ (1 << prng.below(8))
  }
  const draw = prng.below(10)
  if (draw === 0) return bytes.subarray(0, prng.below(bytes.length))
  return draw === 1 ? Uint8Array.of(...bytes, prng.below(256)) : bytes
}

t.test('every cut of an object is refused', async (t) => {
  const good = bytesOf(sample)
  const cuts = Array.from(good, (_, length) => decodeObject(good.subarray(0, length)))
  t.ok(cuts.every((read) => read === undefined))
})

/** The bytes of what no merge would make. */
const written = (siblings: Sibling[], ranges = [range(1, 1, 9)]): Uint8Array =>
  bytesOf({ context: Context.ofCanonical(ranges), siblings })

t.test('bytes that are not canonical are refused, even if their meaning is clear', async (t) => {
  const [x, y] = [sibling('x', dot(1, 1)), sibling('y', dot(1, 2))]
  t.ok(decodeObject(written([x, y])))
  t.notOk(decodeObject(written([y, x])), 'siblings out of order')
  t.notOk(decodeObject(written([x, x])), 'a sibling twice')
  t.notOk(decodeObject(written([sibling('x', dot(1, 2), dot(1, 1))])), 'dots out of order')
  t.notOk(decodeObject(written([sibling('x', dot(1, 1), dot(1, 1))])), 'a dot twice')
  t.notOk(decodeObject(written([x, { ...x, dots: [dot(1, 3)] }])), 'one write as two siblings')
  const other = { ...y, requestId: requestId('x') }
  t.ok(decodeObject(written([x, other])), 'one request with two values is a client’s error')
  const covered = bytesOf(object([range(1, 1, 3), range(9, 9, 9)], sibling('x', dot(1, 3))))
  t.ok(decodeObject(covered))
  covered[layoutOf(covered).siblingsAt + 52] = 2
  t.notOk(decodeObject(covered), 'a range that covers a dot of a sibling')
  t.notOk(decodeObject(written([], [range(1, 1, 4), range(1, 5, 9)])), 'ranges that touch')
  t.notOk(decodeObject(written([], [range(4, 4, 4), range(1, 1, 1)])), 'ranges out of order')
  t.notOk(decodeObject(written([], [range(4, 3, 4)])), 'a range before its line')
})

t.test('unknown formats, flags and filled gaps are refused', async (t) => {
  const good = bytesOf(object([range(1, 1, 1)], sibling('x', dot(1, 1))))
  const flagsAt = 8 + contextBytes(0, 0)
  const expiryAt = flagsAt + 2 + 16 + 6
  for (const at of [0, 1, 6, 7, flagsAt, expiryAt]) {
    const bytes = Uint8Array.from(good)
    bytes[at] = 4
    t.equal(decodeObject(bytes), undefined, `byte ${at}`)
  }
  const tombstone = Uint8Array.from(good)
  tombstone[flagsAt] = 1
  t.equal(decodeObject(tombstone), undefined, 'a tombstone has no value')
})

t.test('counts larger than the bytes allow are refused before anything is allocated', async (t) => {
  const bytes = new Uint8Array(8)
  bytes[0] = 1
  for (const [ranges, siblings] of [
    [RANGES_MAX + 1, 0],
    [RANGES_MAX, 0],
    [1, 0],
    [0, 65_535],
    [0, 1],
  ] as const) {
    bytes[2] = ranges
    bytes[3] = ranges >>> 8
    bytes[4] = siblings
    bytes[5] = siblings >>> 8
    t.equal(decodeObject(bytes), undefined)
  }
})

t.test('a decoded value is a view of the bytes that it came from', async (t) => {
  const bytes = bytesOf(object([range(1, 1, 1)], sibling('x', dot(1, 1))))
  t.equal(decodeObject(bytes)?.siblings[0]?.value?.buffer, bytes.buffer)
})

t.test('an object that no record can hold has no bytes', async (t) => {
  const ranges = Array.from({ length: RANGES_MAX + 1 }, (_, i) =>
    range(2 * i + 1, 2 * i + 1, 2 * i + 1),
  )
  t.ok(encodeObject(object(ranges.slice(1))))
  t.equal(encodeObject(object(ranges)), undefined)
  const large = { ...sibling('x', dot(1, 1)), value: { length: 64 * 2 ** 20 } as Uint8Array }
  t.equal(encodeObject(object([range(1, 1, 1)], large)), undefined)
})

t.test('an object that is larger than puts can make, and fits a message, has bytes', async (t) => {
  const value = new Uint8Array(OBJECT_BYTES_MAX)
  const two = object(
    [range(1, 1, 2)],
    { ...sibling('x', dot(1, 1)), value },
    { ...sibling('y', dot(1, 2)), value },
  )
  t.ok(encodeObject(two))
})
