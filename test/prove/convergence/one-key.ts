/**
 * One key of very many differs, and is found by the trees alone; equal copies repair nothing.
 *
 * No client reads or writes. The first difference is there when the nodes start: one of them lacks
 * the newest version of a key. How fast it is found cannot be told, since a node may find it before
 * the last one has built its trees. The others are made by a write to one node in the name of
 * another member, so that both others lack it.
 */
import { OperatingError } from '../../../src/base/errors.ts'
import { hostWorld } from '../../../src/host/world.ts'
import { tokenOf } from '../../../src/native/digest.ts'
import { StagedLists } from '../../../src/dynamo/ring/staged-lists.ts'
import { firstStages } from '../../../src/dynamo/ring/stages.ts'
import { memberIdOf, ringOf } from '../../../src/node/cluster/topology.ts'
import { connectSession } from '../../../src/wire/handshake.ts'
import { firstKeyAlone, WITHOUT_DATA } from '../../../src/wire/handshake-steps.ts'
import type { Session } from '../../../src/wire/session.ts'
import { sleep } from '../machine/faults.ts'
import type { Nodes } from '../machine/nodes.ts'
import { type Cluster, figuresOf, startAll, tellBuilding } from './cluster.ts'
import { append, copyOfKey, fill, objectOf } from './standing-keys.ts'

const EQUAL_MS_MAX = 30_000
const LOOK_MS = 20
const CONNECT_MS = 2_000
const WRITE_MS = 5_000
/** Between two differences: so each meets another moment of the period. */
const PAUSES_MS = [500, 1_700, 2_900, 1_100, 2_300] as const
const STEADY_EXCHANGES = 10
const STEADY_MS_MAX = 60_000

const world = hostWorld({ traceLevel: 'silent', timersHold: false })

export interface Mended {
  /** Until all roots were equal; infinite where they never were. */
  readonly ms: number
  /** Of the node that mended: what it asked and was answered meanwhile; of both the more. */
  readonly bytes: number
  /** Of all nodes. */
  readonly bytesOfAll: number
}

export interface OneKeyFigures {
  readonly keys: number
  /** The first difference was found by trees that were read from the disk. */
  readonly isMendedAtStart: boolean
  readonly mended: readonly Mended[]
  /** Of each node while nothing differed. */
  readonly exchanges: readonly number[]
  readonly repairs: readonly number[]
}

/** Requires: no node has a directory. */
export async function oneKey(cluster: Cluster, keys: number): Promise<OneKeyFigures> {
  const { nodes, say } = cluster
  const began = performance.now()
  await fill(nodes, keys)
  // The last node lacks the second version of one key.
  const ahead = nodes.places.map((_, node) => node).slice(0, -1)
  const behind = nodes.size - 1
  const odd = Math.floor(keys / 3)
  for (const node of ahead) {
    await append(await nodes.config(node), { from: odd, to: odd + 1, version: 2 })
  }
  say(`${keys} keys were made in ${((performance.now() - began) / 1000).toFixed(1)} s`)
  await startAll(cluster)
  const before = await cluster.observers.exchangedBytes()
  const atStart = await untilMended(cluster, before, [behind])
  await tellBuilding(cluster)
  const mended: Mended[] = []
  for (const [i, pauseMs] of PAUSES_MS.entries()) {
    await sleep(pauseMs)
    const node = i % nodes.size
    const exchanged = await cluster.observers.exchangedBytes()
    await writeAt(nodes, node, (i + 1) * Math.floor(keys / 7))
    const others = nodes.places.map((_, other) => other).filter((other) => other !== node)
    mended.push(await untilMended(cluster, exchanged, others))
  }
  return { keys, isMendedAtStart: Number.isFinite(atStart.ms), mended, ...(await steady(cluster)) }
}

/** `lacking`: the nodes that have to mend. */
async function untilMended(
  { observers, say }: Cluster,
  before: readonly number[],
  lacking: readonly number[],
): Promise<Mended> {
  const equalMs = await observers.untilEqual(performance.now() + EQUAL_MS_MAX, LOOK_MS)
  const ms = equalMs ?? Number.POSITIVE_INFINITY
  const after = await observers.exchangedBytes()
  const bytes = after.map((count, node) => count - (before[node] ?? 0))
  const most = Math.max(...lacking.map((node) => bytes[node] ?? 0))
  say(
    `one key, lacking at ${lacking.join(' and ')}: equal after ${(ms / 1000).toFixed(2)} s; ` +
      `bytes of the exchanges of each node: ${bytes.join(', ')}`,
  )
  return { ms, bytes: most, bytesOfAll: bytes.reduce((sum, count) => sum + count, 0) }
}

/** Ten exchanges of each node while nothing differs. */
async function steady(cluster: Cluster): Promise<Pick<OneKeyFigures, 'exchanges' | 'repairs'>> {
  const read = async (): Promise<readonly (readonly number[])[]> => [
    await figuresOf(cluster, 'exchanges_total'),
    await figuresOf(cluster, 'exchange_repairs_total'),
  ]
  const before = await read()
  const bytesBefore = await cluster.observers.exchangedBytes()
  const until = performance.now() + STEADY_MS_MAX
  for (;;) {
    const [exchanges, repairs] = (await read()).map((counts, which) =>
      counts.map((count, node) => count - (before[which]?.[node] ?? 0)),
    ) as [number[], number[]]
    if (Math.min(...exchanges) >= STEADY_EXCHANGES || performance.now() > until) {
      const bytes = await cluster.observers.exchangedBytes()
      const moved = bytes.map((count, node) => count - (bytesBefore[node] ?? 0))
      cluster.say(`${exchanges.join(', ')} steady exchanges took ${moved.join(', ')} bytes`)
      return { exchanges, repairs }
    }
    await sleep(1_000)
  }
}

/** Writes the second version of a key to one node alone. */
async function writeAt(nodes: Nodes, node: number, key: number): Promise<void> {
  const config = await nodes.config(node)
  const session = await sessionTo(nodes, node)
  const { name, bucketId, place } = copyOfKey(key)
  const object = objectOf(config, key, 2)
  const lists = new StagedLists(firstStages(ringOf(config)))
  const ring = lists.of(tokenOf(name.bucket, name.key), bucketId.n).digest
  await new Promise<void>((resolve, reject) => {
    const terms = { ring, deadlineMs: WRITE_MS }
    const request = { name, bucketId, place, object, ...terms }
    session.call('peerWrite', request, (answer) => {
      if (answer instanceof OperatingError) reject(answer)
      else resolve()
    })
  })
  session.end(new OperatingError('closed', 'the difference is made'))
}

async function sessionTo(nodes: Nodes, to: number): Promise<Session> {
  const { peerListen, cluster, clusterKey, members, name } = await nodes.config(to)
  const keys = firstKeyAlone(clusterKey as Uint8Array)
  const other = members.find((member) => member.name !== name)
  if (other === undefined) throw new Error('a cluster of three has another member')
  const connection = await world.network.connect(peerListen, CONNECT_MS)
  const node = memberIdOf(cluster, other.name)
  const asWhom = { role: 'peer', cluster, node, keys, standing: WITHOUT_DATA } as const
  return connectSession(connection, world, asWhom, {
    onCall: (call) => call.fail(new OperatingError('kind-unknown', 'nothing is answered here')),
    onEnd: () => undefined,
  })
}
