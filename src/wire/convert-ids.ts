/** Identities in messages: of members and places, of buckets. */
import { EMPTY_BYTES } from '../base/bytes.ts'
import {
  type BucketId,
  type CreationId,
  ID_BYTES,
  idBytes,
  type NodeId,
  nodeIdOf,
  OWN,
} from '../dynamo/names.ts'
import { garbled } from './bounds.ts'
import type { everwrite as pb } from './generated/messages.js'

export function bucketIdMessage({ creation, policy, n }: BucketId): pb.BucketId.$Properties {
  return { creation: idFieldOf(creation), policy, n }
}

export function bucketIdOf(message: pb.BucketId.$Properties | null | undefined): BucketId {
  return {
    creation: idOfField(message?.creation),
    policy: (message?.policy ?? 0) as BucketId['policy'],
    n: message?.n ?? 0,
  }
}

/** Sixteen zeros are no bytes. */
export function idFieldOf(id: NodeId | CreationId): Uint8Array {
  return id === OWN ? EMPTY_BYTES : idBytes(id)
}

export function idOfField<Id extends NodeId | CreationId>(
  bytes: Uint8Array | null | undefined,
): Id {
  if (bytes === null || bytes === undefined || bytes.length === 0) return OWN as string as Id
  return idOf(bytes) as string as Id
}

/** Requires 8 bytes. */
export function idOf(bytes: Uint8Array | null | undefined): NodeId {
  if (bytes?.length === ID_BYTES) return nodeIdOf(bytes)
  throw garbled(`an id has ${bytes?.length ?? 0} bytes, not ${ID_BYTES}`)
}

/** A count up to 2^48 - 1; 0 is absent. */
export function wideOfCount(count: number): pb.Wide.$Properties | null {
  return count === 0 ? null : { hi: Math.floor(count / 2 ** 32), lo: count % 2 ** 32 }
}

/** Of any 64 bits: the caller checks its bound. */
export function countOfWide(message: pb.Wide.$Properties | null | undefined): number {
  return (message?.hi ?? 0) * 2 ** 32 + (message?.lo ?? 0)
}
