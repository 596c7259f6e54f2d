/**
 * Reads the copies of every replica over the protocol between nodes.
 *
 * It connects in the name of another member. Writes are identified by their request ids, so that
 * tombstones are told apart too; values are compared byte by byte.
 */
import { firstKeyAlone, WITHOUT_DATA } from '../../../src/wire/handshake-steps.ts'
import { utf8Bytes, utf8Text } from '../../../src/base/bytes.ts'
import { OperatingError } from '../../../src/base/errors.ts'
import { equalU64 } from '../../../src/base/u64.ts'
import { DEFAULT_BUCKET } from '../../../src/dynamo/names.ts'
import { preferenceListOf } from '../../../src/dynamo/ring/preference-list.ts'
import type { Ring } from '../../../src/dynamo/ring/ring.ts'
import { StagedLists } from '../../../src/dynamo/ring/staged-lists.ts'
import { firstStages } from '../../../src/dynamo/ring/stages.ts'
import { decodeObject } from '../../../src/dynamo/version/object-bytes.ts'
import { requestIdBytes } from '../../../src/dynamo/version/request-id.ts'
import { hostWorld } from '../../../src/host/world.ts'
import { tokenOf } from '../../../src/native/digest.ts'
import { memberIdOf, ringOf } from '../../../src/node/cluster/topology.ts'
import { type ConnectOptions, connectSession } from '../../../src/wire/handshake.ts'
import type { PeerReadReply } from '../../../src/wire/message/peer.ts'
import type { Session } from '../../../src/wire/session.ts'
import { nameOf } from './judge.ts'
import type { Load } from './load.ts'
import type { Config } from '../../../src/config.ts'
import { nameOfNode, type Nodes } from './nodes.ts'
import { NO_WRITE, type Recording, textOf } from './recording.ts'
import { BUCKET_ID } from '../../../src/store/conformance/subject.ts'

const CONNECT_MS = 2_000
const DEADLINE_MS = 2_000
const BUCKET = utf8Bytes(DEFAULT_BUCKET)
const world = hostWorld({ traceLevel: 'silent', timersHold: false })

export class Inspector {
  readonly #nodes: Nodes
  readonly #ring: Ring
  readonly #lists: StagedLists
  readonly #n: number
  readonly #sessions = new Map<number, Promise<Session>>()
  readonly #numbers = new Map<string, number>()

  static async over(nodes: Nodes): Promise<Inspector> {
    return new Inspector(nodes, await nodes.config(0))
  }

  constructor(nodes: Nodes, config: Config) {
    this.#nodes = nodes
    this.#ring = ringOf(config)
    this.#lists = new StagedLists(firstStages(this.#ring))
    this.#n = config.defaults.n
    for (let node = 0; node < nodes.size; node++) this.#numbers.set(nameOfNode(node), node)
  }

  /** The numbers of the nodes that own `key`; a phantom has none and is left out. */
  ownersOf(key: number): readonly number[] {
    return this.ownersOfName(BUCKET, utf8Bytes(nameOf(key)))
  }

  ownersOfName(bucket: Uint8Array, key: Uint8Array): readonly number[] {
    const partition = this.#ring.partitionOf(tokenOf(bucket, key))
    const { owners } = preferenceListOf(this.#ring, partition, this.#n)
    return owners.flatMap((owner) => this.#numbers.get(owner.name) ?? [])
  }

  /** The copies of all owners; undefined where one of them does not answer. */
  async copiesOf(key: number, digestOnly: boolean): Promise<readonly PeerReadReply[] | undefined> {
    const owners = this.ownersOf(key)
    const asked = owners.map((node) => this.#ask(node, key, digestOnly))
    const copies = await Promise.all(asked)
    return copies.every((copy) => copy !== undefined) ? copies : undefined
  }

  close(): void {
    for (const session of this.#sessions.values()) {
      session.then(
        (one) => one.end(new OperatingError('closed', 'the inspection is over')),
        () => undefined,
      )
    }
    this.#sessions.clear()
  }

  async #ask(node: number, key: number, digestOnly: boolean): Promise<PeerReadReply | undefined> {
    const name = { bucket: BUCKET, key: utf8Bytes(nameOf(key)) }
    const bucketId = { ...BUCKET_ID, n: this.#n }
    const ring = this.#lists.of(tokenOf(name.bucket, name.key), this.#n).digest
    const copy = { name, bucketId, hints: false }
    const request = { ...copy, ring, digestOnly, deadlineMs: DEADLINE_MS }
    try {
      const session = await this.#sessionTo(node)
      return await new Promise((resolve) => {
        const timer = setTimeout(() => resolve(undefined), 2 * DEADLINE_MS)
        session.call('peerRead', request, (answer) => {
          clearTimeout(timer)
          resolve(answer instanceof OperatingError ? undefined : answer)
        })
      })
    } catch {
      // A node that is away cannot be asked, whatever the network calls it.
      return undefined
    }
  }

  #sessionTo(node: number): Promise<Session> {
    const known = this.#sessions.get(node)
    if (known !== undefined) return known
    const opened = this.#open(node)
    this.#sessions.set(node, opened)
    opened.catch(() => this.#sessions.delete(node))
    return opened
  }

  async #open(node: number): Promise<Session> {
    const { peerListen, cluster, clusterKey, members, name } = await this.#nodes.config(node)
    const keys = firstKeyAlone(clusterKey as Uint8Array)
    const other = members.find((member) => member.name !== name)
    if (other === undefined) throw new Error('an inspector needs a second member')
    const connection = await world.network.connect(peerListen, CONNECT_MS)
    const otherId = memberIdOf(cluster, other.name)
    const standing = WITHOUT_DATA
    const asWhom: ConnectOptions = { role: 'peer', cluster, node: otherId, keys, standing }
    return connectSession(connection, world, asWhom, {
      onCall: (call) => call.fail(new OperatingError('kind-unknown', 'nothing is answered here')),
      onEnd: () => this.#sessions.delete(node),
    })
  }
}

/** The same siblings: what they replaced need not be known everywhere (docs/design.md 3.6). */
export function areEqual(copies: readonly PeerReadReply[]): boolean {
  const [first] = copies
  return copies.every(
    ({ isFound, digest }) =>
      first !== undefined && isFound === first.isFound && equalU64(digest, first.digest),
  )
}

/** The writes that a copy holds. A sibling that is of no write is a violation. */
export function writesIn(
  copy: PeerReadReply,
  key: number,
  load: Load,
  recording: Recording,
): readonly number[] {
  if (!copy.isFound) return []
  const object = decodeObject(copy.object)
  if (object === undefined) {
    recording.violations.push(`garbled: the object of ${nameOf(key)} cannot be read`)
    return []
  }
  return object.siblings.map(({ requestId, value }) => {
    const write = load.writeOfRequest(requestIdBytes(requestId))
    const isKnown = write !== NO_WRITE && write < recording.writes
    const row = isKnown ? recording.writeAt(write) : undefined
    const isOwn = value === undefined ? row?.isDelete : utf8Text(value) === textOf(write)
    if (row?.key === key && isOwn === true) return write
    recording.violations.push(`wrong value: ${nameOf(key)} holds what its write did not write`)
    return NO_WRITE
  })
}
