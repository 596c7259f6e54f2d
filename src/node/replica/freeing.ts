/**
 * Whether a write deletes or makes a copy smaller: a full disk takes such a write as long as its
 * reserve lasts.
 */
import type { VersionedObject } from '../../dynamo/version/object.ts'
import type { Stored } from '../../store/engine.ts'

/** A key's copy before the write. */
interface Before {
  readonly object: VersionedObject | undefined
  readonly stored: Pick<Stored, 'object'> | undefined
}

/** True if `after`, encoded to `bytes`, is smaller than before, or brings no value that is new. */
export function isFreeing(before: Before, after: VersionedObject, bytes: number): boolean {
  if (bytes < (before.stored?.object.length ?? 0)) return true
  const held = before.object?.siblings
  return after.siblings.every(({ requestId, value }) => {
    return value === undefined || held?.some((sibling) => sibling.requestId === requestId)
  })
}
