/** Records of buckets for tests. */
import {
  type BucketFields,
  type BucketRecord,
  bucketRecord,
  Durability,
} from '../../../../src/dynamo/buckets/bucket-record.ts'
import { type CreationId, Policy } from '../../../../src/dynamo/names.ts'

export function creation(number: number): CreationId {
  return number.toString(16).padStart(16, '0') as CreationId
}

export function bucket(number: number, over: Partial<BucketFields> = {}): BucketRecord {
  const id = { creation: creation(number), policy: Policy.siblings, n: 3 }
  const terms = { ...id, r: 2, w: 2, durability: Durability.always }
  const named = { createdAs: 'carts', name: 'carts', deadlineMs: 0, version: 1 }
  return bucketRecord({ ...terms, ...named, ...over })
}
