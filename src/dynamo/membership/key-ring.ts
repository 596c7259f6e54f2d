/**
 * The ring of cluster keys: the keys that verify, the one that signs, and which were dropped.
 *
 *     made ─► written down by every member ─► signs ─► a newer one signs ─► dropped by an operator
 *
 * A key verifies wherever it is known, and signs once all members have told that they have it
 * (`key-standings.ts`). Keys that have signed verify on, because clients keep contexts for long.
 * They are dropped one by one, the oldest first, so one place in the order tells all that were.
 *
 * Rings merge: the union of the keys, the newer signer, the later drop. Merged in any order, and
 * more than once, they give the same ring. Two rotations at once give two keys: both verify, and
 * the one that is higher in the order signs in the end.
 *
 * Invariants:
 *   - The order is by number, then by id. A new key has a higher number than all that its maker
 *     knows.
 *   - The signer is in the ring, and no key in it was dropped.
 *   - The digest key stays the one that the cluster began with: hash trees are made with it.
 */
import { assert } from '../../base/assert.ts'
import { compareBytes, joinBytes, readU32, writeU32 } from '../../base/bytes.ts'
import { equalU64, type U64 } from '../../base/u64.ts'
import { CLUSTER_KEYS_MAX, CLUSTER_KEYS_MERGED_MAX } from '../../limits.ts'
import { sipHash64 } from '../../native/digest.ts'
import { type ClusterKey, FIRST_KEY_ID } from '../version/context-seal.ts'

/** A place in the order of keys. */
export interface KeyPlace {
  readonly number: number
  readonly id: number
}

export interface RingKey extends KeyPlace, ClusterKey {}

/** Before all keys. */
export const NOTHING_DROPPED: KeyPlace = { number: 0, id: 0 }
const FIRST_NUMBER = 1
const CLUSTER_KEY_BYTES = 16
/** Places of keys are no secret. */
const DIGEST_KEY = new Uint8Array(CLUSTER_KEY_BYTES)

/** Negative where `a` is older. */
export function compareKeys(a: KeyPlace, b: KeyPlace): number {
  return a.number - b.number || a.id - b.id
}

export interface KeyRingFields {
  /** The oldest first. */
  readonly keys: readonly RingKey[]
  /** The id of the key that signs. */
  readonly signer: number
  /** This key and all before it were dropped. */
  readonly dropped: KeyPlace
  /** 16 bytes. */
  readonly digestKey: Uint8Array
}

export class KeyRing {
  readonly keys: readonly RingKey[]
  readonly signer: RingKey
  readonly dropped: KeyPlace
  readonly digestKey: Uint8Array

  constructor({ keys, signer: id, dropped, digestKey }: KeyRingFields) {
    const signer = keys.find((key) => key.id === id)
    assert(signer !== undefined, 'the key that signs is in the ring')
    this.keys = keys
    this.signer = signer
    this.dropped = dropped
    this.digestKey = digestKey
  }

  /** That of a new cluster. */
  static first(key: Uint8Array, digestKey: Uint8Array): KeyRing {
    const keys = [{ number: FIRST_NUMBER, id: FIRST_KEY_ID, key }]
    return new KeyRing({ keys, signer: FIRST_KEY_ID, dropped: NOTHING_DROPPED, digestKey })
  }

  get newest(): RingKey {
    return this.keys.at(-1) as RingKey
  }

  get oldest(): RingKey {
    return this.keys[0] as RingKey
  }

  /** No further key may be made. */
  get isFull(): boolean {
    return this.keys.length >= CLUSTER_KEYS_MAX
  }

  /** The signer first, then the others, the newest first. */
  get inUse(): readonly RingKey[] {
    const others = this.keys.filter((key) => key !== this.signer)
    return [this.signer, ...others.toReversed()]
  }

  find(id: number): RingKey | undefined {
    return this.keys.find((key) => key.id === id)
  }

  /** Equal where numbers, ids, signer and drops are: tells nothing of the keys themselves. */
  get digest(): U64 {
    const places = [this.signer, this.dropped, ...this.keys]
    return sipHash64(DIGEST_KEY, joinBytes(places.map(placeBytes)))
  }

  isSame(other: KeyRing): boolean {
    return equalU64(this.digest, other.digest)
  }

  /** With one more key, which does not sign yet. Requires: not full, and no key has this id. */
  rotated(id: number, key: Uint8Array): KeyRing {
    assert(!this.isFull && this.find(id) === undefined, 'there is room for a key of this id')
    const made = { number: this.newest.number + 1, id, key }
    return this.#with({ keys: [...this.keys, made] })
  }

  /** Signed by another key from now on, unless that is older. Requires: it is in the ring. */
  signedBy(signer: KeyPlace): KeyRing {
    return compareKeys(signer, this.signer) > 0 ? this.#with({ signer: signer.id }) : this
  }

  /** Without its oldest key. Requires: that one does not sign. */
  withoutOldest(): KeyRing {
    const [oldest, ...keys] = this.keys as [RingKey, ...RingKey[]]
    assert(oldest !== this.signer, 'the key that signs is not dropped')
    return this.#with({ keys, dropped: { number: oldest.number, id: oldest.id } })
  }

  /** All that either knows. Requires: both are of one cluster. */
  merge(other: KeyRing): KeyRing {
    const [signer] = [this.signer, other.signer].toSorted((a, b) => compareKeys(b, a))
    const [dropped] = [this.dropped, other.dropped].toSorted((a, b) => compareKeys(b, a))
    const byId = new Map<number, RingKey>()
    for (const key of [...this.keys, ...other.keys]) {
      const known = byId.get(key.id)
      if (known === undefined || isPreferred(key, known)) byId.set(key.id, key)
    }
    const keys = [...byId.values()]
      .filter((key) => compareKeys(key, dropped as KeyPlace) > 0)
      .toSorted(compareKeys)
      .filter(({ id }, i) => i < CLUSTER_KEYS_MERGED_MAX || id === signer?.id)
    return this.#with({ keys, signer: (signer as RingKey).id, dropped: dropped as KeyPlace })
  }

  #with(change: Partial<KeyRingFields>): KeyRing {
    const { keys, signer, dropped, digestKey } = this
    return new KeyRing({ keys, signer: signer.id, dropped, digestKey, ...change })
  }
}

/** Of two keys that were drawn with one id, every member keeps the same one. */
function isPreferred(key: RingKey, known: RingKey): boolean {
  return (compareKeys(key, known) || compareBytes(key.key, known.key)) > 0
}

/** These numbers are on the wire and in files. Append only; never reuse. */
const FORMAT = 1
const PLACE_BYTES = 8
const DIGEST_KEY_AT = 1
const DROPPED_AT: number = DIGEST_KEY_AT + CLUSTER_KEY_BYTES
const SIGNER_AT: number = DROPPED_AT + PLACE_BYTES
const KEYS_AT: number = SIGNER_AT + 4
const KEY_BYTES: number = PLACE_BYTES + CLUSTER_KEY_BYTES

/**
 * A ring as bytes, little-endian:
 *
 *     u8 format | 16 digest key | u32 number, u32 id: dropped | u32 id: signer
 *     keys, the oldest first: u32 number | u32 id | 16 key
 */
export function keyRingBytes({ keys, signer, dropped, digestKey }: KeyRing): Uint8Array {
  const id = new Uint8Array(4)
  writeU32(id, 0, signer.id)
  const listed = keys.flatMap((key) => [placeBytes(key), key.key])
  return joinBytes([Uint8Array.of(FORMAT), digestKey, placeBytes(dropped), id, ...listed])
}

/** Undefined where the bytes are not those of a ring, whole and alone. */
export function keyRingOfBytes(bytes: Uint8Array): KeyRing | undefined {
  const count = (bytes.length - KEYS_AT) / KEY_BYTES
  const isCount = Number.isInteger(count) && count >= 1 && count <= CLUSTER_KEYS_MERGED_MAX
  if (bytes[0] !== FORMAT || !isCount) return undefined
  const dropped = placeAt(bytes, DROPPED_AT)
  const signer = readU32(bytes, SIGNER_AT)
  const keys = Array.from({ length: count }, (_, i) => {
    const at = KEYS_AT + i * KEY_BYTES
    return { ...placeAt(bytes, at), key: bytes.slice(at + PLACE_BYTES, at + KEY_BYTES) }
  })
  const isOrdered = keys.every((key, i) => compareKeys(keys[i - 1] ?? dropped, key) < 0)
  const ids = new Set(keys.map(({ id }) => id))
  if (!isOrdered || ids.size < count || !ids.has(signer)) return undefined
  return new KeyRing({ keys, signer, dropped, digestKey: bytes.slice(DIGEST_KEY_AT, DROPPED_AT) })
}

function placeBytes({ number, id }: KeyPlace): Uint8Array {
  const bytes = new Uint8Array(PLACE_BYTES)
  writeU32(bytes, 0, number)
  writeU32(bytes, 4, id)
  return bytes
}

function placeAt(bytes: Uint8Array, at: number): KeyPlace {
  return { number: readU32(bytes, at), id: readU32(bytes, at + 4) }
}

/** The id of a key for people: 8 hexadecimal digits. */
export function keyLabel({ id }: Pick<KeyPlace, 'id'>): string {
  return id.toString(16).padStart(8, '0')
}
