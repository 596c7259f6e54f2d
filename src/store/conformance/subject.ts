/**
 * Where one engine lives while it is checked, and what the checks put into it.
 */
import { utf8Bytes, utf8Text } from '../../base/bytes.ts'
import { isOperatingError } from '../../base/errors.ts'
import { nextU64, u64 } from '../../base/u64.ts'
import {
  type BucketId,
  type CopyId,
  type KeyName,
  keyName,
  NEVER_CREATED,
  OWN,
  type Place,
  Policy,
} from '../../dynamo/names.ts'
import { type Digest, sipHash64, type Token, tokenOf } from '../../native/digest.ts'
import type { Engine, Entry, ScanPage, ScanQuery } from '../engine.ts'

export interface Subject {
  /** Opens the engine over what the last one left; over nothing the first time. */
  open(): Promise<Engine>
  /** Lets as much time pass as the promise needs. */
  complete<Value>(promise: Promise<Value>): Promise<Value>
  /** Undefined where the disk cannot be made to fail. */
  readonly faults?: SubjectFaults
}

export interface SubjectFaults {
  /** Lets time pass: less than a sync takes, as often as not. */
  pause(): Promise<void>
  /** The power goes. The engine is not called again; another one is opened. */
  cutPower(): void
  /** The next sync of a file fails. */
  failSync(): void
}

/** Throws if the claim does not hold. Returns the engine to close, if not the one given. */
export type Check = (engine: Engine, subject: Subject) => Promise<Engine | undefined | void>

export type ObjectEntry = Extract<Entry, { kind: 'object' }>

/** The key under which the checks compute digests: pass it to the engine. */
export const DIGEST_KEY: Uint8Array = Uint8Array.from({ length: 16 }, (_, i) => i)
export const FIRST_TOKEN: Token = u64(0, 0)
export const LAST_TOKEN: Token = u64(0xffff_ffff, 0xffff_ffff)

/** Of each object that `put` makes, or all of a shorter one. */
export const PREFIX_BYTES = 2

/** Where objects' digests begin, or at the end of a shorter one. */
const DIGEST_START = 1

export const BUCKET_ID: BucketId = { creation: NEVER_CREATED, policy: Policy.siblings, n: 3 }

/** This node's own copy of a key, or another one of it. */
export function copyOf(name: KeyName, other: Partial<CopyId> = {}): CopyId {
  const { bucket, key } = name
  return { place: OWN, bucketId: BUCKET_ID, token: tokenOf(bucket, key), name, ...other }
}

export function put(
  name: KeyName,
  text: string,
  note = '',
  other: Partial<CopyId> = {},
): ObjectEntry {
  const object = utf8Bytes(text)
  return {
    kind: 'object',
    ...copyOf(name, other),
    note: utf8Bytes(note),
    object,
    prefixBytes: Math.min(object.length, PREFIX_BYTES),
    ...digestOf(object),
  }
}

export function erasure(name: KeyName, other: Partial<CopyId> = {}): Entry {
  return { kind: 'erasure', ...copyOf(name, other) }
}

/** An object's digest: of its bytes but the first, as if that were no part of the siblings. */
export function digestOf(object: Uint8Array): { digestStart: number; digest: Digest } {
  const digestStart = Math.min(object.length, DIGEST_START)
  return { digestStart, digest: sipHash64(DIGEST_KEY, object.subarray(digestStart)) }
}

/** The object of a key in bucket `b`, as text. */
export async function textOf(engine: Engine, key: string): Promise<string | undefined> {
  const stored = await engine.get(copyOf(keyName('b', key)))
  return stored === undefined ? undefined : utf8Text(stored.object)
}

/** All that a scan finds; tokens with a rotten copy are skipped. */
export async function scanAll(
  engine: Engine,
  keysMax = 100,
  place: Place = OWN,
): Promise<readonly ScanPage['entries'][number][]> {
  const entries: ScanPage['entries'][number][] = []
  let from: Token | undefined = FIRST_TOKEN
  while (from !== undefined) {
    const page: ScanPage | undefined = await pageOf(engine, {
      place,
      from,
      to: LAST_TOKEN,
      keysMax,
      bytesMax: 1 << 20,
    })
    if (page !== undefined) entries.push(...page.entries)
    from = page === undefined ? nextU64(from) : page.next
  }
  return entries
}

/** One page; undefined if its first token has a rotten copy. */
async function pageOf(engine: Engine, query: ScanQuery): Promise<ScanPage | undefined> {
  try {
    return await engine.scan(query)
  } catch (error) {
    if (isOperatingError(error) && error.code === 'record-rotten') return undefined
    throw error
  }
}

/** Keys with their texts, sorted by key. */
export async function contents(
  engine: Engine,
  place: Place = OWN,
): Promise<ReadonlyMap<string, string>> {
  const entries = await scanAll(engine, 100, place)
  return sortedMap(entries.map(({ name, object }) => [utf8Text(name.key), utf8Text(object)]))
}

export function sortedMap(pairs: Iterable<readonly [string, string]>): ReadonlyMap<string, string> {
  return new Map([...pairs].sort(([a], [b]) => (a < b ? -1 : 1)))
}
