/** Messages about buckets that are created: what may be asked, and what is refused. */
import t from 'tap'
import { utf8Bytes } from '../../../src/base/bytes.ts'
import type { BucketTerms } from '../../../src/dynamo/buckets/bucket-record.ts'
import { NEVER_CREATED } from '../../../src/dynamo/names.ts'
import { MEMBERS_MAX } from '../../../src/limits.ts'
import {
  decodeReply,
  decodeRequest,
  encodeReply,
  encodeRequest,
} from '../../../src/wire/convert.ts'
import { everwrite as pb } from '../../../src/wire/generated/messages.js'
import { thrownCode } from '../../support/thrown-code.ts'
import { bytesOf } from '../../support/wire-frames.ts'
import { REPLIES } from '../../support/wire-replies.ts'
import { REQUESTS } from '../../support/wire-requests.ts'
import { id } from '../../support/wire-values.ts'

const { bucketCreate: create, bucketRename: rename, peerBuckets: told } = REQUESTS

t.test('terms that no bucket may have are refused at both sides', async (t) => {
  const wrong: readonly [string, Partial<Record<keyof BucketTerms, unknown>>][] = [
    ['bucket-wrong', { createdAs: '' }],
    ['bucket-wrong', { createdAs: 'x'.repeat(239) }],
    ['bucket-wrong', { createdAs: 'carts#0123456789abcdef' }],
    ['message-garbled', { creation: NEVER_CREATED }],
    ['message-garbled', { policy: 3 }],
    ['message-garbled', { durability: 2 }],
    ['quorum-wrong', { n: 0 }],
    ['quorum-wrong', { n: 8 }],
    ['quorum-wrong', { r: 0 }],
    ['quorum-wrong', { r: 4 }],
    ['quorum-wrong', { w: 4 }],
    ['deadline-wrong', { deadlineMs: 60_001 }],
  ]
  for (const [code, change] of wrong) {
    const terms = { ...create.terms, ...change } as BucketTerms
    const asked = { ...create, terms }
    const label = JSON.stringify(change).slice(0, 40)
    t.equal(await thrownCode(() => encodeRequest('bucketCreate', asked)), code, label)
    const bucket = { ...terms, creation: id(terms.creation), name: '' }
    const bytes = pb.BucketCreate.encode({ bucket, deadlineMs: 300 }).finish()
    const decode = () => decodeRequest('bucketCreate', bytes, 0, bytes.length)
    t.equal(await thrownCode(decode), code, label)
  }
  const none = pb.BucketCreate.encode({}).finish()
  const decode = () => decodeRequest('bucketCreate', none, 0, none.length)
  t.equal(await thrownCode(decode), 'message-garbled')
})

t.test('names that no bucket may get are refused at both sides', async (t) => {
  for (const change of [{ to: '' }, { to: 'a#0123456789abcdef' }, { from: '' }]) {
    const asked = { ...rename, ...change }
    t.equal(await thrownCode(() => encodeRequest('bucketRename', asked)), 'bucket-wrong')
    const bytes = pb.BucketRename.encode(asked).finish()
    const decode = () => decodeRequest('bucketRename', bytes, 0, bytes.length)
    t.equal(await thrownCode(decode), 'bucket-wrong')
  }
  const asked = { ...told, asked: 'x'.repeat(256) }
  t.equal(await thrownCode(() => encodeRequest('peerBuckets', asked)), 'message-garbled')
})

t.test('answers that cannot be are garbled', async (t) => {
  const held = pb.PeerBucketsReply.encode({ held: 3 }).finish()
  const decode = () => decodeReply('peerBuckets', held, 0, held.length)
  t.equal(await thrownCode(decode), 'message-garbled')
  const { bucket } = REPLIES.bucketCreate
  const created = { ...bucket, creation: id(bucket.creation) }
  const untold = Array.from({ length: MEMBERS_MAX + 1 }, () => new Uint8Array(8))
  const many = pb.BucketCreateReply.encode({ bucket: created, untold }).finish()
  const tooMany = () => decodeReply('bucketCreate', many, 0, many.length)
  t.equal(await thrownCode(tooMany), 'message-garbled')
})

t.test('a topology tells which buckets were created', async (t) => {
  const { name: _, ...terms } = REPLIES.bucketRename.bucket
  const created = { ...terms, name: 'baskets' }
  const buckets = [
    { name: '', n: 3, r: 2, w: 2 },
    { name: 'baskets', n: 3, r: 2, w: 2, created },
  ]
  const bytes = bytesOf(encodeReply('topology', { ...REPLIES.topology, buckets }))
  t.same(decodeReply('topology', bytes, 0, bytes.length).buckets, buckets)
})

t.test('a copy is of a bucket that may be there', async (t) => {
  const read = { bucket: utf8Bytes('b'), key: utf8Bytes('k'), deadlineMs: 100 }
  const codeOf = (bucketId: pb.BucketId.$Properties): string => {
    const bytes = pb.PeerRead.encode({ ...read, ring: { hi: 1, lo: 2 }, bucketId }).finish()
    return thrownCode(() => decodeRequest('peerRead', bytes, 0, bytes.length))
  }
  const created = id(create.terms.creation)
  t.equal(codeOf({ policy: 1, n: 3 }), 'nothing thrown')
  t.equal(codeOf({ creation: created, policy: 2, n: 3 }), 'nothing thrown')
  t.equal(codeOf({ creation: created, policy: 3, n: 3 }), 'message-garbled')
  t.equal(codeOf({ policy: 2, n: 3 }), 'message-garbled', 'that was never created')
})
