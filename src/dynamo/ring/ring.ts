/**
 * The ring: an immutable table of partitions and their owners.
 *
 * It holds the members, the owner of each partition, and a digest of both. Two nodes place keys
 * alike if and only if their rings have the same digest; every peer request names the digest.
 *
 * Invariants:
 *   - Members are sorted by id, each once, so the order in a configuration does not matter.
 *   - `owners` has one member index per partition.
 */
import { assert } from '../../base/assert.ts'
import type { Brand } from '../../base/brand.ts'
import { joinBytes, readU32, utf8Bytes, writeU16 } from '../../base/bytes.ts'
import { type U64, u64 } from '../../base/u64.ts'
import { MEMBERS_MAX } from '../../limits.ts'
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
  /** Its share of the data relative to other members, above 0. */
  readonly weight: number
}

/** First 64 bits of an MD5 over everything that decides placement. */
export type RingDigest = Brand<U64, 'RingDigest'>

export class Ring {
  readonly bits: number
  readonly members: readonly Member[]
  /** The owner of each partition, as an index into `members`. */
  readonly owners: Uint16Array
  readonly digest: RingDigest
  readonly #byId: ReadonlyMap<NodeId, Member>

  /** Requires: members sorted by id, each once; `owners` of length 2^bits. */
  constructor(bits: number, members: readonly Member[], owners: Uint16Array) {
    assert(bits >= 0 && bits <= PARTITION_BITS_MAX, 'partitions are bounded')
    assert(members.length >= 1 && members.length <= MEMBERS_MAX, 'members are bounded')
    assert(owners.length === 2 ** bits, 'every partition has an owner')
    assert(
      members.every((member, i) => i === 0 || (members[i - 1] as Member).id < member.id),
      'members are sorted by id, each once',
    )
    assert(
      owners.every((owner) => owner < members.length),
      'owners are members',
    )
    this.bits = bits
    this.members = members
    this.owners = owners
    this.digest = digestOf(bits, members, owners)
    this.#byId = new Map(members.map((member) => [member.id, member]))
  }

  get partitionCount(): number {
    return this.owners.length
  }

  member(id: NodeId): Member | undefined {
    return this.#byId.get(id)
  }

  partitionOf(token: Token): number {
    return partitionOf(token, this.bits)
  }

  /** The member that comes first in the preference list of `partition`. */
  ownerOf(partition: number): Member {
    const owner = this.members[this.owners[partition % this.owners.length] as number]
    assert(owner !== undefined, 'owners are members')
    return owner
  }
}

function digestOf(bits: number, members: readonly Member[], owners: Uint16Array): RingDigest {
  const placed = members.map((m) => `${m.id}\0${m.machine}\0${m.zone}\0${m.weight}\n`).join('')
  const table = new Uint8Array(owners.length * 2)
  owners.forEach((owner, partition) => writeU16(table, 2 * partition, owner))
  const bytes = joinBytes([utf8Bytes(`ring ${bits}\n${placed}`), table])
  const digest = new Uint8Array(16)
  md5Into(bytes, 0, bytes.length, digest, 0)
  return u64(readU32(digest, 0), readU32(digest, 4))
}
