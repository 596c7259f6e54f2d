/** Copies of one key for tests of reads: subsets of three concurrent writes, as masks of bits. */
import { u64 } from '../../../../src/base/u64.ts'
import { nodeId, startId, Policy } from '../../../../src/dynamo/names.ts'
import type { CopyAnswer } from '../../../../src/dynamo/quorum/answers.ts'
import { Context } from '../../../../src/dynamo/version/context.ts'
import { merge } from '../../../../src/dynamo/version/merge.ts'
import type { VersionedObject } from '../../../../src/dynamo/version/object.ts'
import { put } from '../../../../src/dynamo/version/put.ts'
import type { Digest } from '../../../../src/native/digest.ts'

const WRITES: readonly VersionedObject[] = [1, 2, 3].map((number) => {
  const written = put(undefined, undefined, {
    policy: Policy.siblings,
    node: nodeId(`${number}`.repeat(16)),
    start: startId(`${number}`.repeat(16)),
    counter: 1,
    requestId: String.fromCharCode(number).repeat(16),
    isRepeat: false,
    time: 0,
    value: Uint8Array.of(number),
    seen: Context.empty,
  })
  if (written.kind !== 'written') throw new Error('a first write is written')
  return written.object
})

/** The writes in `mask`, together. */
function objectOf(mask: number): VersionedObject {
  const held = WRITES.filter((_, i) => (mask & (1 << i)) !== 0)
  return held.reduce((all, one) => merge(all, one))
}

/** What replicas hold that have the writes 1 to 7. */
export const OBJECTS: readonly VersionedObject[] = [1, 2, 3, 4, 5, 6, 7].map(objectOf)

function digestOf(mask: number): Digest {
  return u64(7, mask)
}

/** What a replica has: a mask of writes, 0 for nothing; undefined where it will fail. */
export type Held = number | undefined

export function answerOf(held: Held, digestOnly: boolean): CopyAnswer {
  if (held === undefined) return { kind: 'failed', code: 'peer-away' }
  if (held === 0) return { kind: 'absent' }
  if (digestOnly) return { kind: 'digest', digest: digestOf(held) }
  return { kind: 'object', object: OBJECTS[held - 1] as VersionedObject, digest: digestOf(held) }
}
