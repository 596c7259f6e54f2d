/**
 * The ring: an immutable table of partitions and their owners.
 *
 * It holds the members, the owners of each partition in order of preference, and a digest of both.
 * Two nodes place keys alike if and only if their rings have the same digest; every peer request
 * names the digest.
 *
 *     width 3       partition 0    partition 1    partition 2
 *     owners      | 4   0   2    | 0   2   1    | 3   1   4    | ...   indexes into members
 *
 * A bucket with N up to the width has the first N of a row. One with a larger N takes the others
 * from the rows that follow: see preference-list.ts.
 *
 * Invariants:
 *   - Members are sorted by id, each once, so the order in a configuration does not matter.
 *   - All rows have `width` different members.
 *
 * Why not one owner a partition, and the next N on the ring as its list: a partition more or less
 * is then N replicas more or less, and no table has loads within one of their shares.
 */
import { assert } from '../../base/assert.ts'
import type { Brand } from '../../base/brand.ts'
import { joinBytes, readU32, utf8Bytes, writeU16 } from '../../base/bytes.ts'
import { type U64, u64 } from '../../base/u64.ts'
import { MEMBERS_MAX, REPLICAS_MAX } from '../../limits.ts'
import { md5Into, type Token } from '../../native/digest.ts'
import type { NodeId } from '../names.ts'
import { PARTITION_BITS_MAX, partitionOf } from './partition.ts'

/** One entry in the view of the cluster. */
export interface Member {
  readonly id: NodeId
  /** Chosen by the operator. */
  readonly name: string
  readonly host: string
  readonly clientPort: number
  readonly peerPort: number
  /** Members with one machine fail together; replicas are on distinct machines if possible. */
  readonly machine: string
  /** A rack or a room, whose members may fail together; empty if unknown. */
  readonly zone: string
  /** Its share of the data relative to other members; with 0 it owns nothing. */
  readonly weight: number
}

/**
 * First 64 bits of an MD5 over everything that decides placement. Which members share a machine or
 * a zone does; the names of these do not, since a machine may be called by its address.
 */
export type RingDigest = Brand<U64, 'RingDigest'>

export class Ring {
  readonly bits: number
  readonly members: readonly Member[]
  /** The rows of the table, one after another: indexes into `members`. */
  readonly owners: Uint16Array
  readonly partitionCount: number
  /** Owners in a row. */
  readonly width: number
  readonly digest: RingDigest
  readonly #byId: ReadonlyMap<NodeId, Member>

  /** Requires: members sorted by id, each once; `owners` has 2^bits rows. */
  constructor(bits: number, members: readonly Member[], owners: Uint16Array) {
    assert(bits >= 0 && bits <= PARTITION_BITS_MAX, 'partitions are bounded')
    assert(members.length >= 1 && members.length <= MEMBERS_MAX, 'members are bounded')
    this.partitionCount = 2 ** bits
    const width = owners.length / this.partitionCount
    assert(Number.isInteger(width) && width >= 1, 'every partition has an owner')
    assert(width <= REPLICAS_MAX && width <= members.length, 'rows are bounded')
    assert(
      members.every((member, i) => i === 0 || (members[i - 1] as Member).id < member.id),
      'members are sorted by id, each once',
    )
    assert(
      owners.every((owner) => owner < members.length),
      'owners are members',
    )
    assert(
      owners.every((owner, at) => !owners.subarray(at - (at % width), at).includes(owner)),
      'a row has different members',
    )
    this.bits = bits
    this.members = members
    this.owners = owners
    this.width = width
    this.digest = digestOf(bits, members, owners)
    this.#byId = new Map(members.map((member) => [member.id, member]))
  }

  member(id: NodeId): Member | undefined {
    return this.#byId.get(id)
  }

  partitionOf(token: Token): number {
    return partitionOf(token, this.bits)
  }

  /** The same owners in 2^bits partitions. Requires: as many as it has, or more. */
  split(bits: number): Ring {
    if (bits === this.bits) return this
    const parts = 2 ** (bits - this.bits)
    const owners = new Uint16Array(parts * this.owners.length)
    for (let partition = 0; partition < 2 ** bits; partition++) {
      const at = Math.floor(partition / parts) * this.width
      owners.set(this.owners.subarray(at, at + this.width), partition * this.width)
    }
    return new Ring(bits, this.members, owners)
  }

  /** The first owners of `partition`, counted past the last one from zero again. */
  rowOf(partition: number): readonly Member[] {
    const at = (partition % this.partitionCount) * this.width
    const row: Member[] = []
    // Each list and stage is made of rows: `Array.from` would take several times as long.
    for (let i = at; i < at + this.width; i++) {
      row.push(this.members[this.owners[i] as number] as Member)
    }
    return row
  }
}

function digestOf(bits: number, members: readonly Member[], owners: Uint16Array): RingDigest {
  const [machines, zones] = [firstsBy(members, 'machine'), firstsBy(members, 'zone')]
  const placed = members.map(({ id, machine, zone, weight }) => {
    return `${id}\0${machines.get(machine)}\0${zones.get(zone)}\0${weight}\n`
  })
  const table = new Uint8Array(owners.length * 2)
  owners.forEach((owner, at) => writeU16(table, 2 * at, owner))
  const bytes = joinBytes([utf8Bytes(`ring ${bits}\n${placed.join('')}`), table])
  const digest = new Uint8Array(16)
  md5Into(bytes, 0, bytes.length, digest, 0)
  return u64(readU32(digest, 0), readU32(digest, 4))
}

/** The first member of each machine, or zone. Members without a zone are in none together. */
function firstsBy(
  members: readonly Member[],
  what: 'machine' | 'zone',
): ReadonlyMap<string, NodeId | ''> {
  const firsts = new Map<string, NodeId | ''>([['', '']])
  for (const member of members) {
    if (!firsts.has(member[what])) firsts.set(member[what], member.id)
  }
  return firsts
}
