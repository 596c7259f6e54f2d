/**
 * Reads a record from its canonical bytes (member-record.ts), as messages carry it, and checks its
 * fields: those of files and messages have the same bounds.
 */
import { readU16, readU48, U48_MAX, utf8Bytes, utf8TextExact } from '../../base/bytes.ts'
import { MEMBER_TEXT_BYTES_MAX, MEMBER_WEIGHT_MAX } from '../../limits.ts'
import { ID_BYTES, nodeIdOf } from '../names.ts'
import {
  FIXED_BYTES,
  type MemberFields,
  type MemberRecord,
  MemberState,
  memberRecord,
} from './member-record.ts'

const STATES: ReadonlySet<number> = new Set(Object.values(MemberState))

/** Whether a record may have these fields. Requires: each has its type. */
export function isSound(fields: MemberFields): boolean {
  const { version, state, weight, clientPort, peerPort, name, host, machine, zone } = fields
  const ports = [clientPort, peerPort]
  return (
    Number.isInteger(version) &&
    version >= 1 &&
    version <= U48_MAX &&
    STATES.has(state) &&
    weight >= 0 &&
    weight <= MEMBER_WEIGHT_MAX &&
    ports.every((port) => Number.isInteger(port) && port >= 1 && port <= 0xffff) &&
    [name, host, machine].every((text) => text !== '') &&
    [name, host, machine, zone].every((text) => utf8Bytes(text).length <= MEMBER_TEXT_BYTES_MAX)
  )
}

/** Undefined where the bytes are not those of a record, whole and alone. */
export function recordOfBytes(bytes: Uint8Array): MemberRecord | undefined {
  if (bytes.length < FIXED_BYTES) return undefined
  const texts = textsOf(bytes.subarray(FIXED_BYTES))
  if (texts === undefined) return undefined
  const [name, host, machine, zone] = texts
  const fields: MemberFields = {
    ...{ id: nodeIdOf(bytes), by: nodeIdOf(bytes, ID_BYTES), sponsor: nodeIdOf(bytes, 16) },
    version: readU48(bytes, 24),
    state: bytes[30] as MemberState,
    weight: new DataView(bytes.buffer, bytes.byteOffset).getFloat64(31, true),
    clientPort: readU16(bytes, 39),
    peerPort: readU16(bytes, 41),
    ...{ name, host, machine, zone },
  }
  return isSound(fields) ? memberRecord(fields) : undefined
}

type Texts = [name: string, host: string, machine: string, zone: string]

function textsOf(bytes: Uint8Array): Texts | undefined {
  const texts: string[] = []
  let at = 0
  for (let i = 0; i < 4; i++) {
    if (at + 2 > bytes.length) return undefined
    const end = at + 2 + readU16(bytes, at)
    if (end > bytes.length) return undefined
    const text = utf8TextExact(bytes.subarray(at + 2, end))
    if (text === undefined) return undefined
    texts.push(text)
    at = end
  }
  return at === bytes.length ? (texts as Texts) : undefined
}
