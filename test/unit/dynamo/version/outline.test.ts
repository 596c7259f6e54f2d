/** Outlines: an object up to its values, which says which siblings live. */
import t from 'tap'
import { Prng } from '../../../../src/base/prng.ts'
import { merge } from '../../../../src/dynamo/version/merge.ts'
import {
  decodeObject,
  decodeOutline,
  layoutOf,
  encodeObject,
  outlineOf,
  withoutValues,
} from '../../../../src/dynamo/version/object-bytes.ts'
import type { VersionedObject } from '../../../../src/dynamo/version/object.ts'
import { equalObjects } from '../../../support/versions.ts'
import { anyObject, dot, object, range, sibling, writeOfDot } from './samples.ts'

const SEED = 20_264
const CASES = 3000

/** As `anyObject` makes them, with tombstones among the siblings. */
function anyCopy(prng: Prng): VersionedObject {
  const { context, siblings } = anyObject(prng, writeOfDot)
  const withTombstones = siblings.map((one) => {
    return one.requestId.startsWith('write 1') ? { ...one, value: undefined } : one
  })
  return { context, siblings: withTombstones }
}

const livesOf = ({ siblings }: VersionedObject): boolean[] =>
  siblings.map(({ value }) => value !== undefined)

t.test(`S16: copies merged by their outlines live as whole ones do (seed ${SEED})`, async (t) => {
  const prng = Prng.of(SEED)
  let wrong = 0
  for (let i = 0; i < CASES; i++) {
    const copies = [anyCopy(prng), anyCopy(prng), anyCopy(prng)] as const
    const outlines = copies.map((copy) => decodeOutline(outlineOf(encodeObject(copy)!)!)!)
    const whole = copies.reduce(merge)
    const outline = outlines.reduce(merge)
    if (!whole.context.equals(outline.context)) wrong += 1
    if (String(livesOf(whole)) !== String(livesOf(outline))) wrong += 1
    if (outlines.some((one, at) => !equalObjects(one, withoutValues(copies[at]!)))) wrong += 1
  }
  t.equal(wrong, 0)
})

t.test('an outline is the beginning of its object, and no object', async (t) => {
  const whole = object([range(1, 1, 4)], sibling('x', dot(1, 2)), sibling('yy', dot(1, 3)))
  const bytes = encodeObject(whole)!
  const outline = outlineOf(bytes) as Uint8Array
  t.equal(outline.length, layoutOf(bytes).valuesAt)
  t.equal(outline.length, bytes.length - 3)
  t.equal(decodeObject(outline), undefined, 'values are missing')
  t.equal(decodeOutline(bytes), undefined, 'values are too much')
  for (let length = 0; length < outline.length; length++) {
    if (decodeOutline(outline.subarray(0, length)) !== undefined) t.fail(`cut at ${length}`)
  }
  const swapped = encodeObject({ ...whole, siblings: whole.siblings.toReversed() })!
  t.equal(decodeOutline(outlineOf(swapped) as Uint8Array), undefined, 'out of order')
  t.equal(outlineOf(new Uint8Array(9)), undefined)
})
