/** Makes the entry for an engine of an object: its bytes, and which of them the digest is over. */
import type { CopyId } from '../../dynamo/names.ts'
import { encodeObject, layoutOf, objectDigest } from '../../dynamo/version/object-bytes.ts'
import type { VersionedObject } from '../../dynamo/version/object.ts'
import type { Entry } from '../../store/engine.ts'

/** Requires: `object` is storable, `digestKey` has 16 bytes. */
export function entryOf(
  { place, bucketId, token, name }: CopyId,
  object: VersionedObject,
  note: Uint8Array,
  digestKey: Uint8Array,
): Extract<Entry, { kind: 'object' }> {
  const bytes = encodeObject(object)
  const { siblingsAt: digestStart, valuesAt: prefixBytes } = layoutOf(bytes)
  const digest = objectDigest(digestKey, bytes)
  // By name: a spread of as many fields takes several times as long.
  return {
    kind: 'object',
    place,
    bucketId,
    token,
    name,
    note,
    object: bytes,
    prefixBytes,
    digestStart,
    digest,
  }
}
