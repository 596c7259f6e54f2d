/**
 * Floors and sets of starts as bytes, in messages between members.
 *
 *     floor    start 8 | u48 counter, the greatest for "all of it"; ascending by start
 *     starts   start 8 each, ascending
 */
import { readU48, U48_MAX, writeU48 } from '../../base/bytes.ts'
import { FLOOR_STARTS_MAX } from '../../limits.ts'
import { ID_BYTES, idBytes, type Start, startIdOf } from '../names.ts'
import { ENDED, type Floor } from './floor.ts'

const ENTRY_BYTES: number = ID_BYTES + 6

export function floorBytes(floor: Floor): Uint8Array {
  const bytes = new Uint8Array(ENTRY_BYTES * floor.size)
  let at = 0
  for (const start of [...floor.keys()].sort()) {
    const counter = floor.get(start) as number
    bytes.set(idBytes(start), at)
    writeU48(bytes, at + ID_BYTES, counter === ENDED ? U48_MAX : counter)
    at += ENTRY_BYTES
  }
  return bytes
}

/** Undefined where the bytes are no floor, or have more than `FLOOR_STARTS_MAX` starts. */
export function floorOfBytes(bytes: Uint8Array): Floor | undefined {
  if (!isList(bytes, ENTRY_BYTES)) return undefined
  const floor = new Map<Start, number>()
  for (let at = 0; at < bytes.length; at += ENTRY_BYTES) {
    const counter = readU48(bytes, at + ID_BYTES)
    floor.set(startIdOf(bytes, at), counter === U48_MAX ? ENDED : counter)
  }
  return isCanonical([...floor.keys()], bytes.length / ENTRY_BYTES) ? floor : undefined
}

export function startsBytes(starts: ReadonlySet<Start>): Uint8Array {
  const bytes = new Uint8Array(ID_BYTES * starts.size)
  for (const [i, start] of [...starts].sort().entries()) bytes.set(idBytes(start), ID_BYTES * i)
  return bytes
}

/** Undefined where the bytes are no set of starts, or of more than `FLOOR_STARTS_MAX`. */
export function startsOfBytes(bytes: Uint8Array): ReadonlySet<Start> | undefined {
  if (!isList(bytes, ID_BYTES)) return undefined
  const starts = new Set<Start>()
  for (let at = 0; at < bytes.length; at += ID_BYTES) starts.add(startIdOf(bytes, at))
  return isCanonical([...starts], bytes.length / ID_BYTES) ? starts : undefined
}

function isList(bytes: Uint8Array, entryBytes: number): boolean {
  return bytes.length % entryBytes === 0 && bytes.length <= entryBytes * FLOOR_STARTS_MAX
}

function isCanonical(starts: readonly Start[], count: number): boolean {
  return starts.length === count && starts.every((start, i) => i === 0 || starts[i - 1]! < start)
}
