/**
 * Names that all of src/dynamo uses: node ids, starts, and keys with their buckets.
 *
 * Identities are strings of lower-case hexadecimal digits, so that they compare, print and serve
 * as keys of a Map without conversion.
 */
import { EMPTY_BYTES, utf8Bytes } from '../base/bytes.ts'

/** A member of the cluster for its whole life: 64 random bits, 16 hexadecimal digits. */
export type NodeId = string & { readonly __nodeId?: never }

/** One run of a node's process: 64 random bits drawn at its start, 16 hexadecimal digits. */
export type Start = string & { readonly __start?: never }

export const ID_BYTES = 8
export const ID_PATTERN: RegExp = /^[0-9a-f]{16}$/

export const DEFAULT_BUCKET: string = 'default'

/** A key and its bucket. */
export interface KeyName {
  readonly bucket: Uint8Array
  readonly key: Uint8Array
}

export function keyName(bucket: string, key: string): KeyName {
  return { bucket: utf8Bytes(bucket), key: key === '' ? EMPTY_BYTES : utf8Bytes(key) }
}
