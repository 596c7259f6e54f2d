/**
 * Read every replica's copy of every key over the peer protocol, and compare the copies.
 *
 * The inspector asks each owner of each key for its object; the objects must be equal byte for
 * byte. It recognises writes by the request ids in the objects, so it distinguishes tombstones too.
 */
import { firstKeyAlone, WITHOUT_DATA } from '../../wire/handshake-steps.ts'
import { utf8Text } from '../../base/bytes.ts'
import { equalU64 } from '../../base/u64.ts'
import { OperatingError } from '../../base/errors.ts'
import { keyName } from '../../dynamo/names.ts'
import { decodeObject } from '../../dynamo/version/object-bytes.ts'
import { REPEATS_PER_KEY_MAX } from '../../limits.ts'
import type { Sibling, VersionedObject } from '../../dynamo/version/object.ts'
import { requestLabel } from '../../dynamo/version/request-id.ts'
import { connectSession } from '../../wire/handshake.ts'
import type { PeerReadReply } from '../../wire/message/peer.ts'
import type { Request } from '../../wire/message/table.ts'
import type { Answer, Session } from '../../wire/session.ts'
import type { World } from '../../world/world.ts'
import type { Cluster } from '../cluster/cluster.ts'
import { idOf, type KnownWrite } from '../history/history.ts'
import type { Place } from './workload-options.ts'

export interface Inspection {
  /** Numbers of the writes that stand under each key, by its label; tombstones among them. */
  readonly final: ReadonlyMap<string, readonly number[]>
  /**
   * Keys whose copies differ, though all were read, and name as many repeated requests as a key
   * may: the order of merges decides then, and they are to be read once more (`merge.ts`).
   */
  readonly unsettled: readonly Place[]
  /** Replicas that differ, values that are not their own, in sentences. */
  readonly violations: readonly string[]
}

const DEADLINE_MS = 5_000
const CONNECT_MS = 5_000
/** A copy that has rotted is mended once it was asked for. */
const TRIES = 5
const AGAIN_MS = 200

export interface InspectOptions {
  /** Every node of them runs, and they reach each other. */
  readonly machines: readonly number[]
  readonly places: readonly Place[]
  readonly requests: ReadonlyMap<string, KnownWrite>
  /** A copy that stays rotten, or is not back, is a violation, but there. */
  readonly mayLack: (machine: number) => boolean
  /** All copies were read more than once. */
  readonly hasMetAll: boolean
  /** Called with the object of each key, and with how many owners were asked. */
  readonly onObject: (label: string, object: VersionedObject, owners: number) => void
}

export async function inspect(cluster: Cluster, options: InspectOptions): Promise<Inspection> {
  const { machines, places, requests, mayLack, hasMetAll, onObject } = options
  const world = cluster.clientWorld()
  const sessions = new Map<number, Session>()
  const violations: string[] = []
  for (const machine of machines) {
    try {
      sessions.set(machine, await asPeer(cluster, machine, world))
    } catch (error) {
      violations.push(`away: n${machine} cannot be reached in quiet: ${String(error)}`)
    }
  }
  const final = new Map<string, readonly number[]>()
  const unsettled: Place[] = []
  for (const place of places) {
    const { bucket, key, label } = place
    const name = keyName(bucket, key)
    const owners = cluster.ownersOf(name)
    const { n } = cluster.quorumsOf(bucket)
    const bucketId = cluster.made.idOf(bucket, n)
    const ring = cluster.digestFor(name, n)
    const terms = { ring, deadlineMs: DEADLINE_MS }
    const request = { name, bucketId, digestOnly: false, hints: false, ...terms }
    const copies: PeerReadReply[] = []
    for (const owner of owners) {
      const session = sessions.get(owner)
      if (session === undefined) continue
      const copy = await askPatiently(session, request, world)
      if (copy instanceof OperatingError) {
        if ((isRot(copy) || copy.code === 'replica-rebuilding') && mayLack(owner)) continue
        violations.push(`unreadable: n${owner} cannot give its copy of ${label}: ${copy.code}`)
      } else copies.push(copy)
    }
    const [first] = copies
    if (first === undefined) continue
    if (!copies.every((copy) => copy.isFound === first.isFound && isSame(copy, first))) {
      if (!hasMetAll && copies.some(namesManyRequests)) unsettled.push(place)
      else
        violations.push(`replicas differ: the copies of ${label} are not equal after a read of all`)
    }
    const object = first.isFound ? decodeObject(first.object) : undefined
    if (first.isFound && object === undefined) {
      violations.push(`garbled: the object of ${label} cannot be read`)
    }
    if (object !== undefined) onObject(label, object, copies.length)
    final.set(label, object === undefined ? [] : numbersIn(object, label, requests, violations))
  }
  const done = new OperatingError('node-stopping', 'the inspector has seen enough')
  for (const session of sessions.values()) session.end(done)
  return { final, unsettled, violations }
}

async function askPatiently(
  session: Session,
  request: Request<'peerRead'>,
  world: World,
): Promise<Answer<'peerRead'>> {
  for (let tries = 1; ; tries++) {
    const copy = await ask(session, request)
    if (!isRot(copy) || tries === TRIES) return copy
    await new Promise<void>((resolve) => world.clock.after(AGAIN_MS, resolve))
  }
}

function isRot(copy: Answer<'peerRead'>): boolean {
  return copy instanceof OperatingError && copy.code === 'record-rotten'
}

/** The same siblings: what they replaced need not be known everywhere. */
function isSame(a: PeerReadReply, b: PeerReadReply): boolean {
  return equalU64(a.digest, b.digest)
}

function namesManyRequests(copy: PeerReadReply): boolean {
  const object = copy.isFound ? decodeObject(copy.object) : undefined
  return object?.context.requests.length === REPEATS_PER_KEY_MAX
}

function numbersIn(
  object: VersionedObject,
  key: string,
  requests: ReadonlyMap<string, KnownWrite>,
  violations: string[],
): readonly number[] {
  return object.siblings.map((sibling) => {
    const write = requests.get(requestLabel(sibling.requestId))
    if (write === undefined || !isOwnValue(sibling, write)) {
      violations.push(`wrong value: ${key} holds what its write did not write`)
      return -1
    }
    return write.id
  })
}

function isOwnValue({ value }: Sibling, write: KnownWrite): boolean {
  if (value === undefined) return write.isDelete
  return !write.isDelete && idOf(utf8Text(value)) === write.id
}

/** Opens a session to a node in another member's name: with one node alone, there is none. */
async function asPeer(cluster: Cluster, machine: number, world: World): Promise<Session> {
  const { peerListen, cluster: name } = cluster.configOf(machine)
  const keys = firstKeyAlone(cluster.clusterKey)
  const other = cluster.machines.find((one) => one !== machine) ?? machine
  const node = cluster.memberOf(other)
  const connection = await world.network.connect(peerListen, CONNECT_MS)
  return connectSession(
    connection,
    world,
    { role: 'peer', cluster: name, node, keys, standing: WITHOUT_DATA },
    {
      onCall: () => {
        throw new OperatingError('kind-unknown', 'an inspector answers nothing')
      },
      onEnd: () => undefined,
    },
  )
}

function ask(session: Session, request: Request<'peerRead'>): Promise<Answer<'peerRead'>> {
  return new Promise((resolve) => {
    session.call('peerRead', request, resolve)
  })
}
