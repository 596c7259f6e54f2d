/**
 * The record of one member: what all nodes know of it, its canonical bytes and their digest, and
 * which of two records of one member wins.
 *
 *     not gone ──► gone          gone wins over all that are not
 *     (version, digest)          else the higher one wins, everywhere
 *
 * A record has two parts. Name, address and machine are the member's own *facts*: only the member
 * itself states them. Weight, zone and state are changed by an operator's command, at any node: the
 * configuration tells the first ones. Each change makes the next version of the whole record.
 *
 * Invariant: the version is a counter. It is no clock reading, so no clock can make a record old.
 *
 * Canonical bytes, integers little-endian:
 *
 *     id 8 | by 8 | sponsor 8 | version 6 | state 1 | weight 8 (float64) | client port 2 |
 *     peer port 2 | name, host, machine, zone: each its length 2 and UTF-8
 */
import type { Brand } from '../../base/brand.ts'
import { joinBytes, readU32, U48_MAX, utf8Bytes, writeU16, writeU48 } from '../../base/bytes.ts'
import { compareU64, type U64, u64 } from '../../base/u64.ts'
import { md5Into } from '../../native/digest.ts'
import { idBytes, type NodeId } from '../names.ts'
import type { Member } from '../ring/ring.ts'

/** These numbers are in files and on the wire. Append only; never reuse. */
export const MemberState = { joined: 1, leaving: 2, gone: 3 } as const
export type MemberState = (typeof MemberState)[keyof typeof MemberState]

/** First 64 bits of the MD5 of a record's canonical bytes. */
export type RecordDigest = Brand<U64, 'RecordDigest'>

/** All of a record but its digest. */
export interface MemberFields extends Member {
  readonly state: MemberState
  /** 1 to U48_MAX. */
  readonly version: number
  /** Made this version: the member itself, or the node that took an operator's command. */
  readonly by: NodeId
  /** Saw the invitation proved when this member joined; itself, of the first list. */
  readonly sponsor: NodeId
}

export interface MemberRecord extends MemberFields {
  readonly digest: RecordDigest
}

/** Bytes of the fields that have one length. */
export const FIXED_BYTES = 43

export function memberRecord(fields: MemberFields): MemberRecord {
  const bytes = canonicalBytes(fields)
  const digest = new Uint8Array(16)
  md5Into(bytes, 0, bytes.length, digest, 0)
  return { ...fields, digest: u64<RecordDigest>(readU32(digest, 0), readU32(digest, 4)) }
}

export function canonicalBytes(fields: MemberFields): Uint8Array {
  const { id, by, sponsor, version, state, weight, clientPort, peerPort } = fields
  const fixed = new Uint8Array(FIXED_BYTES)
  fixed.set(idBytes(id), 0)
  fixed.set(idBytes(by), 8)
  fixed.set(idBytes(sponsor), 16)
  writeU48(fixed, 24, version)
  fixed[30] = state
  new DataView(fixed.buffer).setFloat64(31, weight, true)
  writeU16(fixed, 39, clientPort)
  writeU16(fixed, 41, peerPort)
  const { name, host, machine, zone } = fields
  return joinBytes([fixed, ...[name, host, machine, zone].flatMap(lengthAndText)])
}

/** Whether `a` wins over `b`. Requires: records of one member. False where they are equal. */
export function wins(a: MemberRecord, b: MemberRecord): boolean {
  const [isGone, isOtherGone] = [a.state === MemberState.gone, b.state === MemberState.gone]
  if (isGone !== isOtherGone) return isGone
  if (a.version !== b.version) return a.version > b.version
  return compareU64(a.digest, b.digest) > 0
}

/**
 * The next version of a record. Other members cannot bring it to the last one (counter-ceiling.ts);
 * a disk may have it: then it stays, and a record that is gone wins all the same.
 */
export function nextRecord(
  before: MemberRecord,
  change: Partial<Omit<MemberFields, 'version'>> & Pick<MemberFields, 'by'>,
): MemberRecord {
  const version = Math.min(before.version + 1, U48_MAX)
  return memberRecord({ ...before, ...change, version })
}

/** Whether both state the same name, address and machine. */
export function sameFacts(a: Member, b: Member): boolean {
  return (
    a.name === b.name &&
    a.host === b.host &&
    a.clientPort === b.clientPort &&
    a.peerPort === b.peerPort &&
    a.machine === b.machine
  )
}

function lengthAndText(text: string): readonly Uint8Array[] {
  const bytes = utf8Bytes(text)
  const length = new Uint8Array(2)
  writeU16(length, 0, bytes.length)
  return [length, bytes]
}
