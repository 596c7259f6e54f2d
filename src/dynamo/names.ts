/**
 * Names that all of src/dynamo uses: node ids, starts, keys with their buckets, and copies.
 *
 * Identities are strings of lower-case hexadecimal digits, so that they compare, print and serve
 * as keys of a Map without conversion.
 */
import { assert } from '../base/assert.ts'
import type { Brand } from '../base/brand.ts'
import type { Token } from '../native/digest.ts'
import { bytesOfHex, EMPTY_BYTES, hexOf, utf8Bytes } from '../base/bytes.ts'

/** A member of the cluster for its whole life: 64 random bits, 16 hexadecimal digits. */
export type NodeId = Brand<string, 'NodeId'>

/** One run of a node's process: 64 random bits drawn at its start, 16 hexadecimal digits. */
export type Start = Brand<string, 'Start'>

export const ID_BYTES = 8
const ID_PATTERN = /^[0-9a-f]{16}$/

export function isId(text: string): boolean {
  return ID_PATTERN.test(text)
}

/** Requires: sixteen lower-case hexadecimal digits. */
export function nodeId(text: string): NodeId {
  assert(isId(text), 'a node id is sixteen lower-case hexadecimal digits')
  return text as NodeId
}

/** Requires: sixteen lower-case hexadecimal digits. */
export function startId(text: string): Start {
  assert(isId(text), 'a start is sixteen lower-case hexadecimal digits')
  return text as Start
}

/** Requires: `bytes` has ID_BYTES bytes from `at` on. */
export function nodeIdOf(bytes: Uint8Array, at = 0): NodeId {
  return idOf(bytes, at) as NodeId
}

/** Requires: `bytes` has ID_BYTES bytes from `at` on. */
export function startIdOf(bytes: Uint8Array, at = 0): Start {
  return idOf(bytes, at) as Start
}

/** The ID_BYTES bytes that `id` spells. */
export function idBytes(id: NodeId | Start | CreationId): Uint8Array {
  const bytes = bytesOfHex(id)
  assert(bytes !== undefined && bytes.length === ID_BYTES, 'an id is sixteen hexadecimal digits')
  return bytes
}

function idOf(bytes: Uint8Array, at: number): string {
  assert(bytes.length >= at + ID_BYTES, 'an id has eight bytes')
  return hexOf(bytes, at, at + ID_BYTES)
}

export const DEFAULT_BUCKET: string = 'default'

/** A key and its bucket. */
export interface KeyName {
  readonly bucket: Uint8Array
  readonly key: Uint8Array
}

/** Drawn when a bucket is created, 16 digits: tells it from others that had its name. */
export type CreationId = Brand<string, 'CreationId'>

const ZERO_ID = '0'.repeat(2 * ID_BYTES)

/** Of a bucket that was never created: any node may meet it first. */
export const NEVER_CREATED: CreationId = ZERO_ID as CreationId

/** How writes that did not know of each other are kept. These numbers are in files and messages. */
export const Policy = { siblings: 1, lastWriteWins: 2 } as const
export type Policy = (typeof Policy)[keyof typeof Policy]

export function isPolicy(value: number): value is Policy {
  return value === Policy.siblings || value === Policy.lastWriteWins
}

/** What a bucket is besides its name. Fixed when it is made, and told with each of its copies. */
export interface BucketId {
  readonly creation: CreationId
  readonly policy: Policy
  /** Replicas, 1 to REPLICAS_MAX. */
  readonly n: number
}

/** Where on a node a copy is: `OWN`, or with the hints for one other member. */
export type Place = NodeId

/** This member's own copies. */
export const OWN: Place = ZERO_ID as Place

/** One copy on a node. Place, creation id, bucket and key tell it from the others. */
export interface CopyId {
  readonly place: Place
  readonly bucketId: BucketId
  readonly token: Token
  readonly name: KeyName
}

export function isOwn({ place }: Pick<CopyId, 'place'>): boolean {
  return place === OWN
}

export function keyName(bucket: string, key: string): KeyName {
  return { bucket: utf8Bytes(bucket), key: key === '' ? EMPTY_BYTES : utf8Bytes(key) }
}
