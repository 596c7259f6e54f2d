/** Three observed nodes for one part of the proof, with directories of their own. */
import { mkdirSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import type { Status } from '../../../src/wire/message/client.ts'
import { NodeSession } from '../../support/node-session.ts'
import type { Caretaker } from '../machine/caretaker.ts'
import { sleep } from '../machine/faults.ts'
import { nameOfNode, Nodes, type Place } from '../machine/nodes.ts'
import type { ConvergencePlan } from './convergence-run.ts'
import { Observers } from './observed.ts'

/** For a busy machine. */
const BUILT_MS_MAX = 180_000
const LOOK_MS = 50
/** Observers know so much later for how long their nodes paused. */
const PAUSE_KNOWN_MS = 100
const SETTINGS = { insecure: true }

export interface Cluster {
  readonly nodes: Nodes
  readonly observers: Observers
  readonly caretaker: Caretaker
  readonly namespaces: readonly string[]
  readonly say: (line: string) => void
}

/** Runs one part below a folder of its own, which it removes with all nodes in the end. */
export async function onCluster<Figures>(
  name: string,
  { root, places, namespaces }: ConvergencePlan,
  { caretaker, say }: Pick<Cluster, 'caretaker' | 'say'>,
  work: (cluster: Cluster) => Promise<Figures>,
): Promise<Figures> {
  const folder = join(root, name)
  mkdirSync(folder)
  const own = places.map((place, node) => ({ ...place, directory: join(folder, `data-${node}`) }))
  const nodes = new Nodes({ root: folder, places: own, settings: SETTINGS, n: 3, w: 2, r: 2 })
  const hosts = places.map(({ host }) => host)
  const observers = new Observers(root, hosts)
  try {
    return await work({ nodes, observers, caretaker, namespaces, say })
  } finally {
    await nodes.end()
    rmSync(folder, { recursive: true, force: true })
  }
}

/** Starts all nodes; resolves when all have built their trees. */
export async function startAll(cluster: Cluster): Promise<void> {
  const { nodes, observers, say } = cluster
  const began = performance.now()
  await Promise.all(nodes.places.map((_, node) => start(cluster, node)))
  const ready = performance.now()
  while ((await observers.differing()) === undefined) {
    if (performance.now() > ready + BUILT_MS_MAX) throw new Error('a node builds no trees')
    await sleep(LOOK_MS)
  }
  const seconds = (performance.now() - began) / 1000
  say(
    `${nodes.size} nodes were ready after ${((ready - began) / 1000).toFixed(1)} s and had all ` +
      `trees after ${seconds.toFixed(1)} s`,
  )
}

/** Tells how each node built its trees. */
export async function tellBuilding({ observers, say }: Cluster): Promise<void> {
  await sleep(PAUSE_KNOWN_MS)
  for (const [node, one] of (await observers.all()).entries()) {
    const [built, pause] = [one?.builtMs, one?.builtPauseMs].map((ms = 0) => (ms / 1000).toFixed(1))
    say(`  ${nameOfNode(node)} built them in ${built} s, and answered nothing for ${pause} s of it`)
  }
}

export async function start({ nodes, observers }: Cluster, node: number): Promise<void> {
  observers.forget(node)
  await nodes.start(node)
}

export async function statusOf({ host, clientPort }: Place): Promise<Status> {
  const session = await NodeSession.connect({ host, port: clientPort })
  try {
    return await session.ask('status', {})
  } finally {
    session.close()
  }
}

/** One figure of each node. */
export async function figuresOf({ nodes }: Cluster, name: string): Promise<readonly number[]> {
  const all = await Promise.all(nodes.places.map(statusOf))
  return all.map(({ figures }) => figures.find((one) => one.name === name)?.value ?? Number.NaN)
}
