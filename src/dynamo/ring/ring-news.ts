/**
 * What members tell each other of tables and moves, as bytes, and a digest of them: members that
 * have one digest know the same.
 *
 *     length 4, stages | length 4, adopted table | length 4, statement (0: none) | seen: id 8 each
 */
import { joinBytes, readU32, writeU32 } from '../../base/bytes.ts'
import type { Brand } from '../../base/brand.ts'
import { type U64, u64 } from '../../base/u64.ts'
import { MEMBERS_MAX } from '../../limits.ts'
import { md5Into } from '../../native/digest.ts'
import { ID_BYTES, idBytes, type NodeId, nodeIdOf } from '../names.ts'
import { stagesBytes, stagesOfBytes, tableBytes, tableOfBytes } from './ring-bytes.ts'
import { isKnowledge, type RingNews } from './ring-view.ts'

/** First 64 bits of an MD5 over all that a member knows. */
export type NewsDigest = Brand<U64, 'NewsDigest'>

export function newsBytes({ stages, adopted, seen, stated }: RingNews): Uint8Array {
  return joinBytes([
    ...withLength(stagesBytes(stages)),
    ...withLength(tableBytes(adopted)),
    ...withLength(stated === undefined ? new Uint8Array(0) : stagesBytes(stated)),
    ...seen.map(idBytes),
  ])
}

export function newsDigestOf(bytes: Uint8Array): NewsDigest {
  const digest = new Uint8Array(16)
  md5Into(bytes, 0, bytes.length, digest, 0)
  return u64(readU32(digest, 0), readU32(digest, 4))
}

/**
 * Undefined where the bytes are not those of one member's news, whole and alone. Parts that
 * are the same in `known` are not made again. Only those that the adopted table needs have adopted
 * it, in the order of their ids.
 */
export function newsOfBytes(bytes: Uint8Array, known?: RingNews): RingNews | undefined {
  const parts: Uint8Array[] = []
  let at = 0
  while (parts.length < 3) {
    if (at + 4 > bytes.length) return undefined
    const end = at + 4 + readU32(bytes, at)
    if (end > bytes.length) return undefined
    parts.push(bytes.subarray(at + 4, end))
    at = end
  }
  const [ofStages, ofAdopted, ofStated] = parts as [Uint8Array, Uint8Array, Uint8Array]
  const all = [known?.stages, known?.stated].filter((one) => one !== undefined)
  const tables = known === undefined ? [] : [known.adopted, known.stages.table]
  const stages = stagesOfBytes(ofStages, all)
  const adopted = tableOfBytes(ofAdopted, tables)
  const stated = ofStated.length === 0 ? undefined : stagesOfBytes(ofStated, all)
  const count = (bytes.length - at) / ID_BYTES
  if (stages === undefined || adopted === undefined) return undefined
  if (ofStated.length > 0 && stated === undefined) return undefined
  if (!Number.isInteger(count) || count > MEMBERS_MAX) return undefined
  const seen = Array.from({ length: count }, (_, i) => {
    return nodeIdOf(bytes.subarray(at + i * ID_BYTES, at + (i + 1) * ID_BYTES))
  })
  const isSeen = seen.every(
    (id, i) => adopted.needed.has(id) && (i === 0 || id > (seen[i - 1] as NodeId)),
  )
  return isSeen && isKnowledge({ stages, adopted, stated })
    ? { stages, adopted, seen, stated }
    : undefined
}

function withLength(bytes: Uint8Array): readonly Uint8Array[] {
  const length = new Uint8Array(4)
  writeU32(length, 0, bytes.length)
  return [length, bytes]
}
