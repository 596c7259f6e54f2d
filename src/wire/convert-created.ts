/** A bucket that was created, in messages. */
import type { BucketFields, Durability } from '../dynamo/buckets/bucket-record.ts'
import { type CreationId, idBytes, type Policy } from '../dynamo/names.ts'
import { idOf } from './convert-ids.ts'
import type { everwrite as pb } from './generated/messages.js'

/** All that clients are told of it. */
export type CreatedBucket = Omit<BucketFields, 'version'>

export function createdMessage(bucket: CreatedBucket): pb.CreatedBucket.$Properties {
  const { creation, createdAs, policy, n, r, w, deadlineMs, name, durability } = bucket
  return { creation: idBytes(creation), createdAs, policy, n, r, w, deadlineMs, name, durability }
}

export function createdOf(message: pb.CreatedBucket.$Properties | null | undefined): CreatedBucket {
  const { creation, createdAs, policy, n, r, w, deadlineMs, name, durability } = message ?? {}
  return {
    creation: idOf(creation) as string as CreationId,
    createdAs: createdAs ?? '',
    policy: (policy ?? 0) as Policy,
    n: n ?? 0,
    r: r ?? 0,
    w: w ?? 0,
    deadlineMs: deadlineMs ?? 0,
    name: name ?? '',
    durability: (durability ?? 0) as Durability,
  }
}
