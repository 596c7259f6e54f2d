/** Reads what the nodes say of themselves: figures, and whether they get copies back. */
import { utf8Bytes } from '../../../src/base/bytes.ts'
import { DEFAULT_BUCKET } from '../../../src/dynamo/names.ts'
import type { Status } from '../../../src/wire/message/client.ts'
import { NodeSession } from '../../support/node-session.ts'
import { sleep } from '../machine/faults.ts'
import { Inspector } from '../machine/inspector.ts'
import { nameOfNode, type Nodes } from '../machine/nodes.ts'
import { keptName } from './work.ts'

const LOOK_MS = 200

/** Undefined where the node does not answer. */
export async function statusOf(nodes: Nodes, node: number): Promise<Status | undefined> {
  const place = nodes.places[node]
  if (place === undefined) throw new Error(`there is no node ${node}`)
  let session: NodeSession | undefined
  try {
    session = await NodeSession.connect({ host: place.host, port: place.clientPort })
    return await session.ask('status', {})
  } catch {
    return undefined
  } finally {
    session?.close()
  }
}

export function figureOf(status: Status | undefined, name: string): number {
  return status?.figures.find((figure) => figure.name === name)?.value ?? Number.NaN
}

/** One figure of each node. */
export async function figuresOf(nodes: Nodes, name: string): Promise<readonly number[]> {
  const all = await Promise.all(nodes.places.map((_, node) => statusOf(nodes, node)))
  return all.map((status) => figureOf(status, name))
}

export interface Rebuilt {
  /** An alarm of the node said that it gets its copies back. */
  readonly isRecognised: boolean
  /** Until that alarm was over; infinite where it never was. */
  readonly ms: number
}

/** Watches a node that has just started and must find out that its disk lost something. */
export async function untilRebuilt(nodes: Nodes, node: number, msMax: number): Promise<Rebuilt> {
  const began = performance.now()
  let isRecognised = false
  while (performance.now() < began + msMax) {
    const status = await statusOf(nodes, node)
    const isRebuilding = status?.alarms.some((alarm) => alarm.includes('rebuilt'))
    if (isRebuilding === true) isRecognised = true
    else if (isRebuilding === false && isRecognised && status !== undefined) {
      if (status.peers.every(({ isConnected }) => isConnected)) {
        return { isRecognised, ms: performance.now() - began }
      }
    }
    await sleep(isRecognised ? LOOK_MS : LOOK_MS / 10)
  }
  return { isRecognised, ms: Number.POSITIVE_INFINITY }
}

/** Resolves true once all nodes see each other and have no hints. */
export async function untilQuiet(nodes: Nodes, msMax: number): Promise<boolean> {
  const until = performance.now() + msMax
  while (performance.now() < until) {
    const all = await Promise.all(nodes.places.map((_, node) => statusOf(nodes, node)))
    const isQuiet = all.every(
      (status) =>
        figureOf(status, 'hints') === 0 &&
        status?.peers.every(({ isConnected }) => isConnected) === true,
    )
    if (isQuiet) return true
    await sleep(LOOK_MS)
  }
  return false
}

/** How many of the kept keys each node owns. */
export async function ownedOf(nodes: Nodes, kept: number): Promise<readonly number[]> {
  const inspector = await Inspector.over(nodes)
  const counts = nodes.places.map(() => 0)
  const bucket = utf8Bytes(DEFAULT_BUCKET)
  for (let key = 0; key < kept; key++) {
    for (const node of inspector.ownersOfName(bucket, utf8Bytes(keptName(key)))) {
      counts[node] = (counts[node] ?? 0) + 1
    }
  }
  inspector.close()
  return counts
}

/** `name` of every node, for people. */
export function line(name: string, values: readonly number[]): string {
  return `${name}: ${values.map((value, node) => `${nameOfNode(node)} ${value}`).join(', ')}`
}
