/**
 * What replicas answered to one get: what they hold together, and which of them are stale.
 *
 * A digest is explained if a received object has it. Only explained answers can be counted: the
 * merge of the received objects then contains all that their replicas hold. (Dynamo 4.5)
 */
import type { ErrorCode } from '../../base/errors.ts'
import { equalU64 } from '../../base/u64.ts'
import type { Digest } from '../../native/digest.ts'
import type { NodeId, Policy } from '../names.ts'
import { mergeUnder } from '../version/last-write.ts'
import { haveSameSiblings, type VersionedObject } from '../version/object.ts'

/** One replica's answer about its copy; a fallback's about its hints for the key, together. */
export type CopyAnswer =
  | { readonly kind: 'object'; readonly object: VersionedObject; readonly digest: Digest }
  | { readonly kind: 'digest'; readonly digest: Digest }
  | { readonly kind: 'absent' }
  | { readonly kind: 'failed'; readonly code: ErrorCode }

/** A node that a get may ask, and what became of the question. */
export interface Replica {
  readonly node: NodeId
  /** The owner that a fallback was asked for, or `more`; undefined of an owner. */
  readonly standsFor: NodeId | 'more' | undefined
  state: { readonly kind: 'unasked' | 'awaited-object' | 'awaited-digest' } | CopyAnswer
  /** It has been silent for so long that it counts as away. */
  isSilent: boolean
}

export function isFallback({ standsFor }: Replica): boolean {
  return standsFor !== undefined
}

export function isAwaited({ state }: Replica): boolean {
  return state.kind === 'awaited-object' || state.kind === 'awaited-digest'
}

/** Whether a replica has told what it holds. */
export function hasAnswered({ state }: Replica): boolean {
  return state.kind === 'object' || state.kind === 'digest' || state.kind === 'absent'
}

/** Whether a replica holds something. */
export function isHolding({ state }: Replica): boolean {
  return state.kind === 'object' || state.kind === 'digest'
}

/** Replicas whose digest no received object has. */
export function unexplained(replicas: readonly Replica[]): readonly Replica[] {
  return replicas.filter(({ state }) => state.kind === 'digest' && !isHad(replicas, state.digest))
}

/** Whether a received object has this digest. */
function isHad(replicas: readonly Replica[], digest: Digest): boolean {
  return replicas.some(({ state }) => state.kind === 'object' && equalU64(state.digest, digest))
}

/** The merge of the received objects; undefined if there are none. */
export function mergedOf(
  replicas: readonly Replica[],
  policy: Policy,
): VersionedObject | undefined {
  let object: VersionedObject | undefined
  for (const { state } of replicas) {
    if (state.kind === 'object') {
      object = object === undefined ? state.object : mergeUnder(policy, object, state.object)
    }
  }
  return object
}

/**
 * Owners that answered and lack part of `whole`, the merge of all answers. Requires: no digest is
 * unexplained.
 */
export function behindOf(replicas: readonly Replica[], whole: VersionedObject): readonly NodeId[] {
  const count = (kind: CopyAnswer['kind']): number =>
    replicas.reduce((sum, { state }) => sum + (state.kind === kind ? 1 : 0), 0)
  if (count('object') === 1 && count('absent') === 0) return []
  const isWhole = ({ state }: Replica): boolean =>
    state.kind === 'object' && haveSameSiblings(state.object, whole)
  const current = replicas.filter(isWhole)
  const isCurrent = ({ state }: Replica): boolean =>
    (state.kind === 'object' || state.kind === 'digest') && isHad(current, state.digest)
  return replicas
    .filter((replica) => hasAnswered(replica) && !isFallback(replica) && !isCurrent(replica))
    .map(({ node }) => node)
}
