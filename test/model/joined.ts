/** Joins copies of which either may be missing. */
import { merge } from '../../src/dynamo/version/merge.ts'
import type { VersionedObject } from '../../src/dynamo/version/object.ts'

/** The merge of both; undefined where neither is. */
export function joined(
  held: VersionedObject | undefined,
  taken: VersionedObject | undefined,
): VersionedObject | undefined {
  if (held === undefined || taken === undefined) return held ?? taken
  return held === taken ? held : merge(held, taken)
}
