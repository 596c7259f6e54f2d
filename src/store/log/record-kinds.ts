/**
 * The kinds of records in the log.
 *
 * These numbers are in files. Append only; never reuse.
 */

export const RecordKind = {
  /** A key's copy: note and object. */
  object: 1,
  /** This copy forgets the key. */
  erasure: 2,
  /** A header alone: states up to which sequence the log was durable. */
  mark: 3,
  /** What is rightly missing from the log (`absence.ts`). */
  absence: 4,
  /** This place forgets a range of tokens, `drop.ts`. */
  drop: 5,
} as const

/** Added to the kind of every record of a batch but its last: more of the batch follows. */
export const CONTINUES = 0x80
/** Added to the kind of every record of a batch but its first. */
export const FOLLOWS = 0x40

export function kindOf(byte: number): number {
  return byte & ~(CONTINUES | FOLLOWS)
}

/** The record voids older ones. */
export function isVoiding(byte: number): boolean {
  const kind = kindOf(byte)
  return kind === RecordKind.erasure || kind === RecordKind.drop
}

/** More of the batch follows. */
export function isContinued(byte: number): boolean {
  return (byte & CONTINUES) !== 0
}

/** The batch began before this record. */
export function isFollowing(byte: number): boolean {
  return (byte & FOLLOWS) !== 0
}
