/**
 * The ring and the view in force: who the members are, where keys live, what buckets ask for.
 *
 * Until members join and leave by command, all of it comes from the configuration: each node
 * claims the same ring from the same list, and every peer request names the ring so that two
 * nodes with different lists refuse each other instead of disagreeing in silence.
 */
import { assert } from '../../base/assert.ts'
import { bytesOfHex, hexOf, latin1Of, utf8Bytes, writeU16 } from '../../base/bytes.ts'
import type { Config, MemberConfig } from '../../config.ts'
import { ID_BYTES, type NodeId } from '../../dynamo/names.ts'
import { claim } from '../../dynamo/ring/claim.ts'
import { PreferenceLists } from '../../dynamo/ring/preference-list.ts'
import { isSameRing, type Member, type Ring, type RingDigest } from '../../dynamo/ring/ring.ts'
import { md5Into, type Token } from '../../native/digest.ts'
import type { Topology as TopologyMessage } from '../../wire/message/client.ts'

/** What requests about a bucket get where they ask for nothing else. */
export interface Quorums {
  readonly n: number
  readonly r: number
  readonly w: number
  /** Milliseconds for a request that names no deadline. */
  readonly deadlineMs: number
}

/** The id of a configured member: the same wherever the list is read, and for ever. */
export function memberIdOf(cluster: string, name: string): NodeId {
  const bytes = utf8Bytes(`member\0${cluster}\0${name}`)
  const digest = new Uint8Array(16)
  md5Into(bytes, 0, bytes.length, digest, 0)
  return hexOf(digest, 0, ID_BYTES)
}

export class Topology {
  readonly cluster: string
  readonly ring: Ring
  readonly self: Member
  readonly #lists: PreferenceLists
  readonly #defaults: Quorums
  readonly #buckets: ReadonlyMap<string, Quorums>
  readonly #config: Config

  constructor(config: Config) {
    this.cluster = config.cluster
    this.#config = config
    const members = config.members.map((member) => memberOf(config.cluster, member))
    this.ring = claim(members, Math.log2(config.partitions), config.defaults.n)
    const self = this.ring.member(memberIdOf(config.cluster, config.name))
    assert(self !== undefined, 'a checked configuration names its own node among the members')
    this.self = self
    this.#lists = new PreferenceLists(this.ring)
    const { deadlineMs } = config
    this.#defaults = { ...config.defaults, deadlineMs }
    this.#buckets = new Map(
      config.buckets.map(({ name, n, r, w, deadlineMs: own }) => [
        latin1Of(utf8Bytes(name)),
        { n, r, w, deadlineMs: own ?? deadlineMs },
      ]),
    )
  }

  quorumsOf(bucket: Uint8Array): Quorums {
    if (this.#buckets.size === 0) return this.#defaults
    return this.#buckets.get(latin1Of(bucket)) ?? this.#defaults
  }

  /** The members that should hold a key of `bucket`, in order of preference. */
  ownersOf(token: Token, bucket: Uint8Array): readonly Member[] {
    return this.#lists.of(token, this.quorumsOf(bucket).n).owners
  }

  ownersOfPartition(partition: number, bucket: Uint8Array): readonly Member[] {
    return this.#lists.ofPartition(partition, this.quorumsOf(bucket).n).owners
  }

  isSameRing(digest: RingDigest): boolean {
    return isSameRing(this.ring.digest, digest)
  }

  /** What this cluster would not survive, in sentences for the operator. */
  warnings(): readonly string[] {
    const machines = new Set(this.ring.members.map((member) => member.machine))
    const { n } = this.#defaults
    if (machines.size >= n) return []
    const held = machines.size === 1 ? 'one machine' : `${machines.size} machines`
    const survives = machines.size === 1 ? 'no lost disk' : `the loss of ${machines.size - 1} disk`
    return [
      `the ${n} copies of a key lie on ${held}: this cluster survives ${survives}; ` +
        `give it members on ${n} machines`,
    ]
  }

  message(): TopologyMessage {
    const owners = new Uint8Array(this.ring.owners.length * 2)
    this.ring.owners.forEach((owner, partition) => writeU16(owners, 2 * partition, owner))
    const { defaults, buckets } = this.#config
    return {
      cluster: this.cluster,
      ring: this.ring.digest,
      partitionBits: this.ring.bits,
      members: this.ring.members.map((member) => ({ ...member, node: idBytes(member.id) })),
      owners,
      buckets: [{ name: '', ...defaults }, ...buckets],
    }
  }
}

export function idBytes(id: NodeId): Uint8Array {
  const bytes = bytesOfHex(id)
  assert(bytes !== undefined && bytes.length === ID_BYTES, 'an id is sixteen hexadecimal digits')
  return bytes
}

function memberOf(cluster: string, member: MemberConfig): Member {
  return { id: memberIdOf(cluster, member.name), ...member }
}
