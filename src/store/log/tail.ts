/**
 * The tail of a log: what was written and perhaps not synced before a crash.
 *
 * A crash keeps any part of it, in any order. Every batch that is whole is accepted, also behind a
 * gap: if a bit of the last group has rotted, the other records of that group are as good as
 * before.
 */
import type { Found } from './found.ts'
import { isContinued, isFollowing } from './record-kinds.ts'

/**
 * The whole batches among these records, in the order of their sequences. Requires: the records are
 * in the order of the log.
 *
 * After an earlier start that was cut short there are copies of the same records with the same
 * sequences. Of batches that share a sequence the one later in the log counts.
 */
export function wholeBatches(tail: readonly Found[]): readonly (readonly Found[])[] {
  const taken = new Set<number>()
  const batches: (readonly Found[])[] = []
  for (const batch of batchesOf(tail).toReversed()) {
    if (batch.some(({ sequence }) => taken.has(sequence))) continue
    for (const { sequence } of batch) taken.add(sequence)
    batches.push(batch)
  }
  return batches.sort(([a], [b]) => (a as Found).sequence - (b as Found).sequence)
}

function batchesOf(tail: readonly Found[]): readonly (readonly Found[])[] {
  const batches: (readonly Found[])[] = []
  let batch: Found[] = []
  for (const found of tail) {
    if (!isFollowing(found.kind)) batch = [found]
    else if (isNext(batch.at(-1), found)) batch.push(found)
    else batch = []
    if (batch.length > 0 && !isContinued(found.kind)) {
      batches.push(batch)
      batch = []
    }
  }
  return batches
}

function isNext(last: Found | undefined, found: Found): boolean {
  return (
    last !== undefined &&
    found.segment === last.segment &&
    found.offset === last.offset + last.bytes &&
    found.sequence === last.sequence + 1
  )
}
