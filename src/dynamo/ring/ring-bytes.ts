/**
 * Tables and stages as bytes, in messages between members and in the file that a member keeps.
 *
 *     table    number 6 | parent 8, zeros for none | bits 1 | width 1
 *              members 2: id 8, weight 8 (float64), name, machine, zone
 *              rows 2 each: width · 2^bits indexes of members | count 1 of N: n 1
 *              without 2: id 8 | needed 2: id 8, directory
 *     stages   table | count 1 of N: n 1
 *              owners 2: id 8, machine, zone
 *              rows 2 each: n · 2^bits indexes of owners
 *              moved 4 each: 2^bits counts of moves before this table
 *              done 2^bits of each N
 *
 * A text is its length 2 and UTF-8; a list begins with its length. Integers are little-endian.
 * Where members are reached is not in it: their records say so. The rows begin with those of the N
 * of the table, in its order.
 *
 * Invariant: what is read has all that `Ring`, `OwnerRows` and `Stages` require. A member may lie,
 * and no assertion fails by that.
 *
 * What a member hears is mostly what it knows, but for a few moves that are done: so the bytes of a
 * table, and those of stages up to `done`, are made once, and where they come again nothing is made
 * of them.
 */
import {
  equalBytes,
  joinBytes,
  readU16,
  readU32,
  readU48,
  utf8Bytes,
  utf8TextExact,
  writeU16,
  writeU32,
  writeU48,
} from '../../base/bytes.ts'
import { isOperatingError, OperatingError } from '../../base/errors.ts'
import { u64 } from '../../base/u64.ts'
import {
  MEMBER_TEXT_BYTES_MAX,
  MEMBER_WEIGHT_MAX,
  MEMBERS_MAX,
  REPLICAS_MAX,
} from '../../limits.ts'
import { ID_BYTES, idBytes, type NodeId, nodeIdOf } from '../names.ts'
import { areRows, type Owner, OwnerRows } from './owner-rows.ts'
import { PARTITION_BITS_MAX } from './partition.ts'
import { type Member, Ring } from './ring.ts'
import { Stages } from './stages.ts'
import { type Table, type TableDigest, tableOf } from './table.ts'

/** No record is asked where these members are. */
const UNREACHED = { host: '', clientPort: 0, peerPort: 0 }

const bytesOfTables = new WeakMap<Table, Uint8Array>()

export function tableBytes(table: Table): Uint8Array {
  const known = bytesOfTables.get(table)
  if (known !== undefined) return known
  const bytes = joinBytes(tableParts(table))
  bytesOfTables.set(table, bytes)
  return bytes
}

function tableParts(table: Table): readonly Uint8Array[] {
  const { number, parent, ring, ns, without, needed } = table
  const head = new Uint8Array(16)
  writeU48(head, 0, number)
  writeU32(head, 6, parent?.hi ?? 0)
  writeU32(head, 10, parent?.lo ?? 0)
  head[14] = ring.bits
  head[15] = ring.width
  return [
    head,
    ...listOf(ring.members, ({ id, weight, name, machine, zone }) => [
      idBytes(id),
      float(weight),
      ...[name, machine, zone].map(text),
    ]),
    numbers(ring.owners),
    Uint8Array.of(ns.length, ...ns),
    ...listOf(without, (id) => [idBytes(id)]),
    ...listOf([...needed], ([id, directory]) => [idBytes(id), text(directory)]),
  ]
}

export function stagesBytes(stages: Stages): Uint8Array {
  return joinBytes([fixedBytes(stages), ...stages.ns.map((n) => stages.doneOf(n))])
}

/** All but what is done. */
function fixedBytes(stages: Stages): Uint8Array {
  const { table, ns } = stages
  stages.fixedBytes ??= joinBytes([
    tableBytes(table),
    Uint8Array.of(ns.length),
    ...ns.flatMap((n) => {
      const base = stages.baseOf(n) as OwnerRows
      const owners = listOf(base.owners, ({ id, machine, zone }) => {
        return [idBytes(id), text(machine), text(zone)]
      })
      return [Uint8Array.of(n), ...owners, numbers(base.rows), counts(base.moved)]
    }),
  ])
  return stages.fixedBytes
}

/**
 * Undefined where the bytes are not those of one table, whole and alone. One of `known` is returned
 * where it is that.
 */
export function tableOfBytes(bytes: Uint8Array, known: readonly Table[] = []): Table | undefined {
  const same = known.find((table) => equalBytes(tableBytes(table), bytes))
  return same ?? parsed(bytes, readTable)
}

/**
 * Undefined where the bytes are not those of the stages of one table, whole and alone. They share
 * with one of `known` what does not change, where that is the same.
 */
export function stagesOfBytes(
  bytes: Uint8Array,
  known: readonly Stages[] = [],
): Stages | undefined {
  const same = known.find((stages) => isOf(stages, bytes))
  return parsed(bytes, (from) => {
    const stages = same === undefined ? readBegun(from) : same.begun()
    if (same !== undefined) from.take(fixedBytes(same).length)
    const { partitionCount } = stages.table.ring
    for (const n of stages.ns) {
      const done = from.take(partitionCount)
      from.check(stages.mayTake(n, done))
      stages.take(n, done)
    }
    return stages
  })
}

function isOf(stages: Stages, bytes: Uint8Array): boolean {
  const fixed = fixedBytes(stages)
  const doneBytes = stages.ns.length * stages.table.ring.partitionCount
  const isLong = bytes.length === fixed.length + doneBytes
  return isLong && equalBytes(bytes.subarray(0, fixed.length), fixed)
}

/** No move is done. */
function readBegun(from: Source): Stages {
  const table = readTable(from)
  const { partitionCount } = table.ring
  const bases = Array.from({ length: from.count(1, REPLICAS_MAX) }, () => {
    const n = from.count(1, REPLICAS_MAX)
    from.check(n >= 1)
    const owners = from.list(MEMBERS_MAX, (): Owner => {
      return { id: from.id(), machine: from.text(), zone: from.text() }
    })
    const rows = from.numbers(n * partitionCount)
    from.check(areRows(n, owners, rows))
    return new OwnerRows(n, owners, rows, from.counts(partitionCount))
  })
  const ns = bases.map(({ n }) => n)
  from.check(new Set(ns).size === ns.length && table.ns.every((n, i) => n === ns[i]))
  return new Stages(table, bases)
}

function readTable(from: Source): Table {
  const number = readU48(from.take(6), 0)
  const parent = from.take(8)
  const [hi, lo] = [readU32(parent, 0), readU32(parent, 4)]
  const bits = from.count(1, PARTITION_BITS_MAX)
  const width = from.count(1, REPLICAS_MAX)
  const members = from.list(MEMBERS_MAX, (): Member => {
    const [id, weight] = [from.id(), from.float()]
    return { id, weight, name: from.text(), machine: from.text(), zone: from.text(), ...UNREACHED }
  })
  const owners = from.numbers(width * 2 ** bits)
  const ns = Array.from({ length: from.count(1, REPLICAS_MAX) }, () => from.count(1, REPLICAS_MAX))
  const without = from.list(MEMBERS_MAX, () => from.id())
  const needed = from.list(MEMBERS_MAX, (): [NodeId, string] => [from.id(), from.text()])
  from.check(number >= 1 && isRing(members, width, owners))
  from.check(ns.every((n, i) => n > (ns[i - 1] ?? 0)))
  from.check(isAscending(without) && isAscending(needed.map(([id]) => id)))
  return tableOf({
    number,
    parent: hi === 0 && lo === 0 ? undefined : u64<TableDigest>(hi, lo),
    ring: new Ring(bits, members, owners),
    ns,
    without,
    needed: new Map(needed),
  })
}

/** What `Ring` asserts. */
function isRing(members: readonly Member[], width: number, owners: Uint16Array): boolean {
  if (width < 1 || width > members.length || !isAscending(members.map(({ id }) => id))) return false
  if (members.some(({ weight }) => !(weight >= 0 && weight <= MEMBER_WEIGHT_MAX))) return false
  return owners.every((owner, at) => {
    return owner < members.length && !owners.subarray(at - (at % width), at).includes(owner)
  })
}

function isAscending(ids: readonly NodeId[]): boolean {
  return ids.every((id, i) => i === 0 || (ids[i - 1] as NodeId) < id)
}

/** The bytes are other than they should be. */
const GARBLED: OperatingError = new OperatingError('message-garbled', 'it is no ring')

function parsed<T>(bytes: Uint8Array, parse: (from: Source) => T): T | undefined {
  const from = new Source(bytes)
  try {
    const value = parse(from)
    return from.isAtEnd ? value : undefined
  } catch (error) {
    if (isOperatingError(error) && error === GARBLED) return undefined
    throw error
  }
}

/** Reads fields one after another. Throws `GARBLED`. */
class Source {
  readonly #bytes: Uint8Array
  #at = 0

  constructor(bytes: Uint8Array) {
    this.#bytes = bytes
  }

  get isAtEnd(): boolean {
    return this.#at === this.#bytes.length
  }

  check(isSound: boolean): void {
    if (!isSound) throw GARBLED
  }

  take(length: number): Uint8Array {
    this.check(this.#at + length <= this.#bytes.length)
    this.#at += length
    return this.#bytes.subarray(this.#at - length, this.#at)
  }

  count(bytes: 1 | 2, max: number): number {
    const taken = this.take(bytes)
    const count = bytes === 1 ? (taken[0] as number) : readU16(taken, 0)
    this.check(count <= max)
    return count
  }

  id(): NodeId {
    return nodeIdOf(this.take(ID_BYTES))
  }

  float(): number {
    const taken = this.take(8)
    return new DataView(taken.buffer, taken.byteOffset).getFloat64(0, true)
  }

  text(): string {
    const text = utf8TextExact(this.take(this.count(2, MEMBER_TEXT_BYTES_MAX)))
    if (text === undefined) throw GARBLED
    return text
  }

  list<T>(max: number, one: () => T): T[] {
    return Array.from({ length: this.count(2, max) }, one)
  }

  counts(count: number): Uint32Array {
    const taken = this.take(4 * count)
    return Uint32Array.from({ length: count }, (_, i) => readU32(taken, 4 * i))
  }

  numbers(count: number): Uint16Array {
    const taken = this.take(2 * count)
    return Uint16Array.from({ length: count }, (_, i) => readU16(taken, 2 * i))
  }
}

function listOf<T>(items: readonly T[], parts: (item: T) => readonly Uint8Array[]): Uint8Array[] {
  return [number16(items.length), ...items.flatMap((item) => parts(item))]
}

function text(value: string): Uint8Array {
  const bytes = utf8Bytes(value)
  return joinBytes([number16(bytes.length), bytes])
}

function number16(value: number): Uint8Array {
  const bytes = new Uint8Array(2)
  writeU16(bytes, 0, value)
  return bytes
}

function numbers(values: Uint16Array): Uint8Array {
  const bytes = new Uint8Array(2 * values.length)
  values.forEach((value, i) => writeU16(bytes, 2 * i, value))
  return bytes
}

function counts(values: Uint32Array): Uint8Array {
  const bytes = new Uint8Array(4 * values.length)
  values.forEach((value, i) => writeU32(bytes, 4 * i, value))
  return bytes
}

function float(value: number): Uint8Array {
  const bytes = new Uint8Array(8)
  new DataView(bytes.buffer).setFloat64(0, value, true)
  return bytes
}
