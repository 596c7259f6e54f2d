/** Compares what two owners hold below a leaf, key by key (Dynamo 4.7). */
import { equalU64 } from '../../base/u64.ts'
import type { Digest } from '../../native/digest.ts'

/** A key by what distinguishes it, with the digest of a copy. */
export interface KeyDigest {
  readonly id: string
  readonly digest: Digest
}

export interface Differences<Key extends KeyDigest> {
  /** Of the other owner: what is not here, or is something else here. */
  readonly toAsk: readonly Key[]
  /** Both hold the same. */
  readonly areEqual: boolean
}

export function differencesBetween<Key extends KeyDigest>(
  own: readonly KeyDigest[],
  theirs: readonly Key[],
): Differences<Key> {
  const here = new Map(own.map(({ id, digest }) => [id, digest]))
  const toAsk = theirs.filter(({ id, digest }) => {
    const held = here.get(id)
    return held === undefined || !equalU64(held, digest)
  })
  return { toAsk, areEqual: toAsk.length === 0 && own.length === theirs.length }
}
