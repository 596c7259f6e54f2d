/** What the examples of messages have in common: names, ids, a round. */
import { bytesOfHex, utf8Bytes } from '../../src/base/bytes.ts'
import { u64 } from '../../src/base/u64.ts'
import { bucketRecord, Durability } from '../../src/dynamo/buckets/bucket-record.ts'
import { type CreationId, nodeId, startId } from '../../src/dynamo/names.ts'
import { MemberState, memberRecord } from '../../src/dynamo/membership/member-record.ts'
import { ENDED } from '../../src/dynamo/repair/floor.ts'
import type { RingDigest } from '../../src/dynamo/ring/ring.ts'
import { BUCKET_ID } from '../../src/store/conformance/subject.ts'

export const none = new Uint8Array(0)
export const bytes = (length: number, first: number): Uint8Array =>
  Uint8Array.from({ length }, (_, i) => first + i)
export const id = (hex: string): Uint8Array => bytesOfHex(hex) as Uint8Array

export const NAME = { bucket: utf8Bytes('carts'), key: utf8Bytes('ann') }
export const ring: RingDigest = u64(0x01020304, 0x05060708)
export const context = id('c0ffee')
export const receipt = id('5ea1ed')
export const holders = [
  { node: nodeId('00000000000000aa'), forOwner: undefined },
  { node: nodeId('00000000000000dd'), forOwner: nodeId('00000000000000bb') },
]
export const [LIVE, PAST] = [startId('11'.repeat(8)), startId('22'.repeat(8))]
export const ROUND = {
  number: 12,
  base: 3,
  floor: new Map([
    [LIVE, 4_711],
    [PAST, ENDED],
  ]),
  leftOut: new Set([startId('33'.repeat(8))]),
}
export const CREATED = { ...BUCKET_ID, creation: 'c0ffee0000000001' as CreationId }
export const RECORD = memberRecord({
  id: nodeId('00000000000000aa'),
  by: nodeId('00000000000000bb'),
  sponsor: nodeId('00000000000000cc'),
  version: 2,
  state: MemberState.joined,
  name: 'one',
  host: '10.0.0.1',
  clientPort: 7400,
  peerPort: 7500,
  machine: 'box-1',
  zone: '',
  weight: 1,
})
export const TERMS = {
  creation: CREATED.creation,
  createdAs: 'carts',
  policy: CREATED.policy,
  ...{ n: 3, r: 2, w: 2, durability: Durability.interval, deadlineMs: 500 },
}
export const MADE = bucketRecord({ ...TERMS, name: 'baskets', version: 2 })
