/** What a member's requests about a key name: its owners, as a node tells them to clients. */
import { Routes } from '../../../src/client/routes.ts'
import type { KeyName } from '../../../src/dynamo/names.ts'
import { joinedDigest, ownersDigest } from '../../../src/dynamo/ring/owners-digest.ts'
import type { RingDigest } from '../../../src/dynamo/ring/ring.ts'
import { type Token, tokenOf } from '../../../src/native/digest.ts'
import { BUCKET_ID } from '../../../src/store/conformance/subject.ts'
import type { Topology } from '../../../src/wire/message/client.ts'

export interface Placed {
  readonly token: Token
  /** Of a request about the key, and of one about its partition. */
  readonly ring: RingDigest
  readonly ofRange: RingDigest
}

export function placedBy(
  topology: Topology,
  { bucket, key }: KeyName,
  n: number = BUCKET_ID.n,
): Placed {
  const { ring } = new Routes(topology)
  const token = tokenOf(bucket, key)
  const owners = ring.rowOf(ring.partitionOf(token)).slice(0, n)
  const named = ownersDigest(
    owners.map(({ id }) => id),
    0,
    [],
  )
  return { token, ring: named, ofRange: joinedDigest(ring.bits, [named]) }
}
