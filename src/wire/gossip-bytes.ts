/**
 * The lists in messages about who is here, as bytes side by side: a field of protobuf for each
 * entry would cost more than the entry.
 *
 *     id         8
 *     sum        high 4, low 4
 *     standing   id 8, varint of 2 × incarnation + 1 if it is dead
 *     mark       id 8, varint of 2 × version + 1 if it is gone, upper half of the digest 4
 *
 * Integers are little-endian; a varint has seven bits in each byte, the lowest first.
 */
import { EMPTY_BYTES, joinBytes, readU32, U48_MAX, writeU32 } from '../base/bytes.ts'
import { type U64, u64 } from '../base/u64.ts'
import type { RecordMark } from '../dynamo/membership/message.ts'
import { BUCKETS } from '../dynamo/membership/set-digest.ts'
import type { Standing } from '../dynamo/membership/standings.ts'
import { ID_BYTES, idBytes, type NodeId, nodeIdOf } from '../dynamo/names.ts'
import { garbled } from './bounds.ts'

type Bytes = Uint8Array | null | undefined

const SUM_BYTES = 8
/** Of a number below 2^49. */
const VARINT_BYTES_MAX = 7

/** A counter of the view: 0 to 2^48 - 1. */
export function checkCounter(counter: number): number {
  if (counter <= U48_MAX) return counter
  throw garbled(`the counter ${counter} is above ${U48_MAX}`)
}

export function sumsBytes(sums: readonly U64[] | undefined): Uint8Array {
  const bytes = new Uint8Array(SUM_BYTES * (sums?.length ?? 0))
  sums?.forEach(({ hi, lo }, i) => {
    writeU32(bytes, SUM_BYTES * i, hi)
    writeU32(bytes, SUM_BYTES * i + 4, lo)
  })
  return bytes
}

/** Of all buckets; undefined where there are none. */
export function sumsOf(bytes: Bytes): readonly U64[] | undefined {
  if (bytes === null || bytes === undefined || bytes.length === 0) return undefined
  if (bytes.length !== SUM_BYTES * BUCKETS) throw garbled('there are not as many sums as buckets')
  return Array.from({ length: BUCKETS }, (_, i) => sumAt(bytes, SUM_BYTES * i))
}

export function sumOf(bytes: Bytes): U64 {
  if (bytes?.length !== SUM_BYTES) throw garbled(`a sum has ${bytes?.length ?? 0} bytes`)
  return sumAt(bytes, 0)
}

function sumAt(bytes: Uint8Array, at: number): U64 {
  return u64(readU32(bytes, at), readU32(bytes, at + 4))
}

export function bucketsOf(bytes: Bytes): readonly number[] {
  const buckets = [...(bytes ?? EMPTY_BYTES)]
  const isWrong = buckets.some((bucket, i) => bucket >= BUCKETS || bucket <= (buckets[i - 1] ?? -1))
  if (isWrong) throw garbled('the numbers of buckets do not ascend, or are too high')
  return buckets
}

export function idsBytes(ids: readonly NodeId[]): Uint8Array {
  return joinBytes(ids.map(idBytes))
}

export function idsOf(bytes: Bytes): readonly NodeId[] {
  const { length } = bytes ?? EMPTY_BYTES
  if (length % ID_BYTES !== 0) throw garbled('the ids are cut short')
  return Array.from({ length: length / ID_BYTES }, (_, i) => {
    return nodeIdOf(bytes as Uint8Array, ID_BYTES * i)
  })
}

export function standingsBytes(standings: readonly Standing[]): Uint8Array {
  return joinBytes(
    standings.flatMap(({ id, incarnation, isDead }) => [
      idBytes(id),
      varint(2 * incarnation + (isDead ? 1 : 0)),
    ]),
  )
}

export function standingsOf(bytes: Bytes): readonly Standing[] {
  const reading = new Reading(bytes ?? EMPTY_BYTES)
  const standings: Standing[] = []
  while (reading.hasMore) {
    const id = reading.id()
    const number = reading.varint()
    standings.push({ id, incarnation: Math.floor(number / 2), isDead: number % 2 === 1 })
  }
  return standings
}

export function marksBytes(marks: readonly RecordMark[]): Uint8Array {
  return joinBytes(
    marks.flatMap(({ id, version, isGone, digest }) => {
      const half = new Uint8Array(4)
      writeU32(half, 0, digest)
      return [idBytes(id), varint(2 * version + (isGone ? 1 : 0)), half]
    }),
  )
}

export function marksOf(bytes: Bytes): readonly RecordMark[] {
  const reading = new Reading(bytes ?? EMPTY_BYTES)
  const marks: RecordMark[] = []
  while (reading.hasMore) {
    const id = reading.id()
    const number = reading.varint()
    const digest = reading.u32()
    marks.push({ id, version: Math.floor(number / 2), isGone: number % 2 === 1, digest })
  }
  return marks
}

function varint(value: number): Uint8Array {
  const bytes: number[] = []
  let rest = value
  for (; rest >= 128; rest = Math.floor(rest / 128)) bytes.push((rest % 128) | 128)
  bytes.push(rest)
  return Uint8Array.from(bytes)
}

/** Entries one after another. */
class Reading {
  readonly #bytes: Uint8Array
  #at = 0

  constructor(bytes: Uint8Array) {
    this.#bytes = bytes
  }

  get hasMore(): boolean {
    return this.#at < this.#bytes.length
  }

  id(): NodeId {
    return nodeIdOf(this.#bytes, this.#take(ID_BYTES))
  }

  u32(): number {
    return readU32(this.#bytes, this.#take(4))
  }

  /** At most 2^49 - 1. */
  varint(): number {
    let value = 0
    for (let i = 0; i < VARINT_BYTES_MAX; i++) {
      const byte = this.#bytes[this.#take(1)] as number
      value += (byte & 127) * 128 ** i
      if (byte < 128) return value
    }
    throw garbled('a number in the list is too long')
  }

  #take(count: number): number {
    const at = this.#at
    if (at + count > this.#bytes.length) throw garbled('the list is cut short')
    this.#at += count
    return at
  }
}
