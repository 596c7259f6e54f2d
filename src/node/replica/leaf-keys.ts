/**
 * Lists the keys below leaves of a hash tree, with the digests of this member's copies.
 *
 * A token whose copies have rotted is passed over, as the tree does: they cannot be read.
 */
import { compareU64 } from '../../base/u64.ts'
import { type CopyId, OWN } from '../../dynamo/names.ts'
import { firstTokenOfLeaf, lastTokenOfLeaf, type Branch } from '../../dynamo/repair/branches.ts'
import { SCAN_PAGE_BYTES_MAX, TREE_KEYS_MAX } from '../../limits.ts'
import type { Digest, Token } from '../../native/digest.ts'
import type { DigestPage, Engine, ScanQuery } from '../../store/engine.ts'
import { besideRot } from './rot.ts'

/** Keys of one leaf that are looked up at once. */
const LEAF_PAGE_KEYS = 16

/** Leaves of the tree of the buckets with this N. */
export interface Leaves {
  readonly n: number
  /** Ascending. */
  readonly leaves: readonly Branch[]
  /** Undefined: from the first leaf on. */
  readonly from: Token | undefined
}

export interface LeafKeys {
  /** In the order of their tokens. */
  readonly entries: readonly (CopyId & { readonly digest: Digest })[]
  /** Where to go on; undefined after the last leaf. */
  readonly next: Token | undefined
}

/** At most `TREE_KEYS_MAX` keys. */
export async function leafKeys(engine: Engine, { n, leaves, from }: Leaves): Promise<LeafKeys> {
  const found: (CopyId & { digest: Digest })[] = []
  let bytesLeft = SCAN_PAGE_BYTES_MAX
  for (const leaf of leaves) {
    const to = lastTokenOfLeaf(leaf)
    if (from !== undefined && compareU64(to, from) < 0) continue
    const first = firstTokenOfLeaf(leaf)
    let at: Token | undefined = from !== undefined && compareU64(first, from) < 0 ? from : first
    while (at !== undefined) {
      const keysMax = TREE_KEYS_MAX - found.length
      if (keysMax <= 0 || bytesLeft <= 0) return { entries: found, next: at }
      // Most leaves hold few keys, and an engine may look up as many as are asked for.
      const fewMax = Math.min(keysMax, LEAF_PAGE_KEYS)
      const query: ScanQuery = { place: OWN, from: at, to, keysMax: fewMax, bytesMax: bytesLeft }
      const page: DigestPage = await besideRot(query, (one) => engine.digests(one))
      for (const entry of page.entries) {
        bytesLeft -= entry.name.bucket.length + entry.name.key.length
        // Of one token there may be more than a page has: those are left out.
        if (entry.bucketId.n === n && found.length < TREE_KEYS_MAX) found.push(entry)
      }
      at = page.next
    }
  }
  return { entries: found, next: undefined }
}
