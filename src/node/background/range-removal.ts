/**
 * How ranges of contexts go: by asking (docs/design.md 3.6).
 *
 * A range at or below the floor that holds nothing but replaced writes goes when all owners, at the
 * same round, durably carry exactly the siblings that this copy carries, while the owner that
 * removes it waits for no object of an exchange. The one that asked tells the others, which
 * remove it too: else the next write of one of them would bring it back, as the whole object
 * travels.
 *
 * Nor may any place have moved since that round was adopted, or have begun to: the copy of one that
 * is filled, or was, may carry what the owners know as replaced. The next round waits for moves.
 *
 * A disk that is set back to before its owner agreed may carry what was replaced. So each owner
 * writes down how far the logs of the others were durable before it removes anything.
 */
import { isFailure, perform } from '../../base/deliver.ts'
import { isOperatingError, type OperatingError } from '../../base/errors.ts'
import { equalU64 } from '../../base/u64.ts'
import { type CopyId, type NodeId, OWN } from '../../dynamo/names.ts'
import { strip } from '../../dynamo/repair/floor.ts'
import type { RoundFloor } from '../../dynamo/repair/round.ts'
import type { Range } from '../../dynamo/version/context.ts'
import type { VersionedObject } from '../../dynamo/version/object.ts'
import { type Digest, tokenOf } from '../../native/digest.ts'
import type { Engine } from '../../store/engine.ts'
import type { Clock } from '../../world/clock.ts'
import type { PeerRanges } from '../../wire/message/peer.ts'
import type { Reply } from '../../wire/message/table.ts'
import type { OwnStanding } from '../cluster/own-standing.ts'
import type { PeerCalls } from '../cluster/peer-calls.ts'
import type { Topology } from '../cluster/topology.ts'
import { placementOfCopy } from '../coordinator/quorums.ts'
import type { Counters } from '../counters.ts'
import type { Floors } from '../replica/floors.ts'
import { isAllDurable } from '../replica/durable.ts'
import type { Replica } from '../replica/replica.ts'
import { askMember } from './ask-member.ts'

export interface RangeRemovalDependencies {
  readonly clock: Clock
  readonly engine: Engine
  readonly topology: Topology
  readonly peers: PeerCalls
  readonly replica: Replica
  readonly floors: Floors
  readonly standing: OwnStanding
  readonly counters: Counters
}

/** A key with ranges that may go. */
export interface Crowded {
  readonly copy: CopyId
  /** Of the copy that they were found in. */
  readonly digest: Digest
  readonly ranges: readonly Range[]
}

type Asked = Pick<PeerRanges, 'round' | 'keys' | 'agreed'>
const NOT_AGREED: ReadonlyMap<NodeId, number> = new Map()

export class RangeRemoval {
  readonly #node: RangeRemovalDependencies

  constructor(dependencies: RangeRemovalDependencies) {
    this.#node = dependencies
  }

  /** Asks the other owners, and removes here and there what all of them agree to. */
  async ask(crowded: readonly Crowded[], { number: round }: RoundFloor): Promise<void> {
    const { topology, engine, replica } = this.#node
    if (this.#haveMoved) return
    // Nor does this owner carry what a crash could take back.
    if (!(await isAllDurable(replica))) return
    const byOwner = ownersOf(topology, crowded)
    const refused = new Set<Crowded>()
    const durables = new Map([[topology.self.id, engine.report().durableSequence]])
    await forEach(byOwner, async (node, list) => {
      const answer = await this.#send(node, { round, keys: keysOf(list), agreed: NOT_AGREED })
      const agrees = answer?.round === round ? answer.areAlike : []
      for (const [i, one] of list.entries()) if (agrees[i] !== true) refused.add(one)
      durables.set(node, answer?.durable ?? 0)
    })
    const agreed = crowded.filter((one) => !refused.has(one))
    if (agreed.length === 0) return
    const keys = keysOf(agreed)
    await this.remove({ round, keys, agreed: durables })
    await forEach(byOwner, async (node, list) => {
      const its = list.filter((one) => !refused.has(one))
      if (its.length > 0) await this.#send(node, { round, keys: keysOf(its), agreed: durables })
    })
  }

  get #haveMoved(): boolean {
    const { floors, topology } = this.#node
    return !floors.areOfAdopted(topology.digest)
  }

  async #send(node: NodeId, asked: Asked): Promise<Reply<'peerRanges'> | undefined> {
    const { clock, peers, topology } = this.#node
    const ring = topology.digestOfKeys(asked.keys.map(({ key }) => copyOf(key)))
    const answer = await askMember<Reply<'peerRanges'>>(clock, ring, (terms, deliver) => {
      peers.ranges(node, asked, terms, deliver)
    })
    return isFailure(answer) ? undefined : answer
  }

  /** Removes ranges that all owners have agreed to. */
  async remove({ round, keys, agreed }: Asked): Promise<void> {
    const { standing, floors, replica, topology, counters } = this.#node
    for (const [node, durable] of agreed) {
      if (node !== topology.self.id) standing.hear(node, durable)
    }
    if (!(await standing.remember())) return
    for (const { key, ranges } of keys) {
      const strips = (now: VersionedObject): VersionedObject => {
        const { number, floor } = floors.adopted
        const mayGo = number === round && replica.objectsAwaited === 0 && !this.#haveMoved
        return mayGo && !replica.isRemembered(ranges) ? strip(now, ranges, floor) : now
      }
      if (await changeCopy(replica, copyOf(key), strips)) counters.contextsStripped += 1
    }
  }

  /** The answer for ranges of keys. What a crash could take back is not carried. */
  async answer(asked: PeerRanges): Promise<Reply<'peerRanges'>> {
    const { engine, replica, floors } = this.#node
    if (asked.agreed.size > 0) await this.remove(asked)
    const round = floors.adopted.number
    const areAlike: boolean[] = []
    for (const { key, digest, ranges } of asked.keys) {
      const held = await Promise.resolve()
        .then(() => replica.ownDigest(copyOf(key)))
        .catch((error: unknown) => {
          if (isOperatingError(error)) return undefined
          throw error
        })
      const isAlike = held !== undefined && equalU64(held, digest)
      areAlike.push(isAlike && !replica.isRemembered(ranges))
    }
    await engine.synced(replica.lastSequence)
    const durable = engine.report().durableSequence
    // What is carried at another round by now, or beside a filler, is no answer for this one.
    const isSame = floors.adopted.number === round && !this.#haveMoved
    return { round: isSame ? round : 0, areAlike, durable }
  }
}

/** Whether the copy has changed. */
export async function changeCopy(
  replica: Replica,
  copy: CopyId,
  change: (object: VersionedObject) => VersionedObject | undefined,
): Promise<boolean> {
  let hasChanged = false
  const made = (object: VersionedObject): VersionedObject | undefined => {
    const changed = change(object)
    hasChanged = changed !== object
    return changed
  }
  const end = await new Promise<number | OperatingError | undefined>((resolve) => {
    perform(() => replica.change(copy, made), resolve)
  })
  return hasChanged && !isFailure(end)
}

/** The keys that each other owner is asked for. */
function ownersOf(
  topology: Topology,
  crowded: readonly Crowded[],
): ReadonlyMap<NodeId, readonly Crowded[]> {
  const byOwner = new Map<NodeId, Crowded[]>()
  for (const one of crowded) {
    const { owners } = placementOfCopy(topology, one.copy)
    for (const owner of owners) {
      if (owner === topology.self.id) continue
      const list = byOwner.get(owner)
      if (list === undefined) byOwner.set(owner, [one])
      else list.push(one)
    }
  }
  return byOwner
}

function keysOf(list: readonly Crowded[]): PeerRanges['keys'] {
  return list.map(({ copy: { name, bucketId }, digest, ranges }) => {
    return { key: { name, bucketId }, digest, ranges }
  })
}

function copyOf({ name, bucketId }: PeerRanges['keys'][number]['key']): CopyId {
  return { place: OWN, bucketId, token: tokenOf(name.bucket, name.key), name }
}

async function forEach<K, V>(
  map: ReadonlyMap<K, V>,
  act: (key: K, value: V) => Promise<void>,
): Promise<void> {
  await Promise.all([...map].map(([key, value]) => act(key, value)))
}
