/**
 * Reads records of buckets from their canonical bytes (bucket-record.ts), alone or in a list, and
 * checks their fields: those of files and messages have the same bounds.
 *
 *     list     count 2 | each: length 2, canonical bytes                 integers little-endian
 */
import { joinBytes, readU16, readU32, readU48, utf8TextExact, writeU16 } from '../../base/bytes.ts'
import { BUCKET_RECORDS_MAX, DEADLINE_MS_MAX, REPLICAS_MAX } from '../../limits.ts'
import { type CreationId, isId, isPolicy, NEVER_CREATED, nodeIdOf, type Policy } from '../names.ts'
import { isGivenName } from './bucket-names.ts'
import {
  type BucketFields,
  type BucketRecord,
  bucketRecord,
  canonicalBytes,
  type Durability,
  FIXED_BYTES,
  isDurability,
} from './bucket-record.ts'

/** Whether a record may have these fields. Requires: each has its type. */
export function isSound(fields: BucketFields): boolean {
  const { creation, version, policy, n, r, w, durability, deadlineMs, createdAs, name } = fields
  const isCount = (count: number, max: number): boolean =>
    Number.isInteger(count) && count >= 1 && count <= max
  return (
    isId(creation) &&
    creation !== NEVER_CREATED &&
    isCount(version, Number.MAX_SAFE_INTEGER) &&
    isPolicy(policy) &&
    isCount(n, REPLICAS_MAX) &&
    isCount(r, n) &&
    isCount(w, n) &&
    isDurability(durability) &&
    (deadlineMs === 0 || isCount(deadlineMs, DEADLINE_MS_MAX)) &&
    isGivenName(createdAs) &&
    isGivenName(name)
  )
}

/** Undefined where the bytes are not those of a record, whole and alone. */
export function recordOfBytes(bytes: Uint8Array): BucketRecord | undefined {
  if (bytes.length < FIXED_BYTES) return undefined
  const createdAs = textAt(bytes, FIXED_BYTES)
  const name = createdAs && textAt(bytes, createdAs.end)
  if (createdAs === undefined || name === undefined || name.end !== bytes.length) return undefined
  const fields: BucketFields = {
    creation: nodeIdOf(bytes) as string as CreationId,
    version: readU48(bytes, 8),
    policy: bytes[14] as Policy,
    n: bytes[15] as number,
    r: bytes[16] as number,
    w: bytes[17] as number,
    durability: bytes[18] as Durability,
    deadlineMs: readU32(bytes, 19),
    createdAs: createdAs.text,
    name: name.text,
  }
  return isSound(fields) ? bucketRecord(fields) : undefined
}

/** Requires: at most BUCKET_RECORDS_MAX. */
export function recordsBytes(records: readonly BucketRecord[]): Uint8Array {
  const parts: Uint8Array[] = [number16(records.length)]
  for (const record of records) {
    const bytes = canonicalBytes(record)
    parts.push(number16(bytes.length), bytes)
  }
  return joinBytes(parts)
}

/** Undefined where the bytes are not those of a list, whole and alone. */
export function recordsOfBytes(bytes: Uint8Array): readonly BucketRecord[] | undefined {
  if (bytes.length < 2) return undefined
  const count = readU16(bytes, 0)
  if (count > BUCKET_RECORDS_MAX) return undefined
  const records: BucketRecord[] = []
  let at = 2
  while (records.length < count) {
    if (at + 2 > bytes.length) return undefined
    const end = at + 2 + readU16(bytes, at)
    if (end > bytes.length) return undefined
    const record = recordOfBytes(bytes.subarray(at + 2, end))
    if (record === undefined) return undefined
    records.push(record)
    at = end
  }
  return at === bytes.length ? records : undefined
}

interface Text {
  readonly text: string
  /** Of its bytes. */
  readonly end: number
}

function textAt(bytes: Uint8Array, at: number): Text | undefined {
  if (at + 2 > bytes.length) return undefined
  const end = at + 2 + readU16(bytes, at)
  if (end > bytes.length) return undefined
  const text = utf8TextExact(bytes.subarray(at + 2, end))
  return text === undefined ? undefined : { text, end }
}

function number16(value: number): Uint8Array {
  const bytes = new Uint8Array(2)
  writeU16(bytes, 0, value)
  return bytes
}
