/** Makes the entry for an engine of an object, and tells which bytes the digest is over. */
import type { CopyId } from '../../dynamo/names.ts'
import { layoutOf, objectDigest } from '../../dynamo/version/object-bytes.ts'
import type { Entry } from '../../store/engine.ts'

/** `object` is encoded. Requires: `digestKey` has 16 bytes. */
export function entryOf(
  { place, bucketId, token, name }: CopyId,
  object: Uint8Array,
  note: Uint8Array,
  digestKey: Uint8Array,
): Extract<Entry, { kind: 'object' }> {
  const layout = layoutOf(object)
  const digest = objectDigest(digestKey, object, layout)
  // By name: a spread of as many fields takes several times as long.
  return {
    kind: 'object',
    place,
    bucketId,
    token,
    name,
    note,
    object,
    prefixBytes: layout.valuesAt,
    digestStart: layout.siblingsAt,
    digest,
  }
}

/** What makes the engine forget a copy. */
export function erasureOf({ place, bucketId, token, name }: CopyId): Entry {
  return { kind: 'erasure', place, bucketId, token, name }
}
