/** Which writes a full disk takes out of its reserve. */
import t from 'tap'
import { utf8Bytes } from '../../../../src/base/bytes.ts'
import { Context } from '../../../../src/dynamo/version/context.ts'
import type { Sibling, VersionedObject } from '../../../../src/dynamo/version/object.ts'
import { requestIdOf } from '../../../../src/dynamo/version/request-id.ts'
import { isFreeing } from '../../../../src/node/replica/freeing.ts'

const sibling = (request: number, value: string | undefined): Sibling => ({
  requestId: requestIdOf(new Uint8Array(16).fill(request)),
  dots: [],
  time: 0,
  value: value === undefined ? undefined : utf8Bytes(value),
})
const objectOf = (...siblings: readonly Sibling[]): VersionedObject => ({
  context: Context.empty,
  siblings,
})
const held = (bytes: number, ...siblings: readonly Sibling[]): Parameters<typeof isFreeing>[0] => ({
  object: objectOf(...siblings),
  stored: { object: new Uint8Array(bytes) },
})
const NOTHING = { object: undefined, stored: undefined }

t.test('a delete frees, whatever was there', async (t) => {
  const deleted = sibling(2, undefined)
  t.equal(isFreeing(NOTHING, objectOf(deleted), 100), true)
  t.equal(isFreeing(held(50, sibling(1, 'a')), objectOf(deleted), 60), true)
  const beside = objectOf(sibling(1, 'a'), deleted)
  t.equal(isFreeing(held(50, sibling(1, 'a')), beside, 90), true, 'beside a concurrent value')
})

t.test('a put frees if it makes the copy smaller, and not if it brings a value', async (t) => {
  const put = objectOf(sibling(2, 'b'))
  t.equal(isFreeing(NOTHING, put, 100), false)
  t.equal(isFreeing(held(100, sibling(1, 'a')), put, 100), false)
  t.equal(isFreeing(held(101, sibling(1, 'a')), put, 100), true)
  const beside = objectOf(sibling(1, 'a'), sibling(2, 'b'), sibling(3, undefined))
  t.equal(isFreeing(held(50, sibling(1, 'a')), beside, 150), false)
})
