/**
 * Injects faults into running nodes, and checks that each took effect.
 *
 * A fault begins, lasts, ends, and leaves its node serving. It says whether it took effect: a
 * pause that the system never saw, or a filter that met no packet, does not count.
 */
import { rm } from 'node:fs/promises'
import type { Prng } from '../../../src/base/prng.ts'
import type { Caretaker } from './caretaker.ts'
import { errorOfDisk } from './fault-error.ts'
import { fillDisk } from './fault-full.ts'
import { cutPowerOf } from './fault-power.ts'
import { CUT_OFF, filter, hold } from './held-faults.ts'
import type { Inspector } from './inspector.ts'
import type { Image } from './images.ts'
import { heal, hostOf, hubHost, type Rules, shape } from './namespaces.ts'
import type { Nodes } from './nodes.ts'
import type { Recording } from './recording.ts'

export const FAULTS = [
  'kill',
  'pause',
  'loss',
  'one-way cut',
  'isolation',
  'reset',
  'full disk',
  'disk error',
  'power cut',
  'blackout',
] as const

/** Kinds that need disk images. */
export const DISK_FAULTS: readonly FaultKind[] = [
  'full disk',
  'disk error',
  'power cut',
  'blackout',
]

export type FaultKind = (typeof FAULTS)[number]

export interface Scene {
  readonly nodes: Nodes
  readonly caretaker: Caretaker
  readonly inspector: Inspector
  readonly recording: Recording
  /** Namespaces of the nodes; empty where they share the machine's. */
  readonly namespaces: readonly string[]
  /** Each node's own; empty where they share the machine's. */
  readonly images: readonly Image[]
  /** Scales how long faults last. */
  readonly pace: number
}

/** To the first of `nodes`; a blackout is for all of them. */
export async function inflict(
  scene: Scene,
  kind: FaultKind,
  nodes: readonly number[],
  prng: Prng,
): Promise<boolean> {
  const node = nodes[0] as number
  switch (kind) {
    case 'kill':
      return kill(scene, node, prng)
    case 'pause':
      return pause(scene, node, prng)
    case 'full disk':
      return fillDisk(scene, node)
    case 'disk error':
      return errorOfDisk(scene, node, prng)
    case 'power cut':
      return cutPowerOf(scene, [node], prng)
    case 'blackout':
      return cutPowerOf(scene, nodes, prng)
    default:
      return filtered(scene, node, rulesFor(kind, scene, node, prng), prng)
  }
}

/**
 * Kills the node and deletes its data; it starts again empty. Often its peers are cut off before,
 * while clients still reach it: it must not acknowledge writes that it alone holds.
 */
export async function destroy(scene: Scene, node: number, prng: Prng): Promise<void> {
  const { nodes, caretaker, namespaces, pace } = scene
  const name = prng.unit() < 0.6 ? namespaces[node] : undefined
  if (name !== undefined) {
    const peers = nodes.places.map((_, i) => i).filter((i) => i !== node)
    const drops = peers.map((i) => `ip daddr ${hostOf(i)} counter drop`)
    await shape(caretaker, name, { output: drops })
    await sleep(pace * (300 + prng.unit() * 500))
  }
  await nodes.kill(node)
  if (name !== undefined) await heal(caretaker, name)
  const directory = nodes.places[node]?.directory
  if (directory === undefined) throw new Error(`there is no node ${node}`)
  await rm(directory, { recursive: true, force: true })
  await sleep(pace * prng.unit() * 1_000)
  await nodes.start(node)
}

async function kill({ nodes, pace }: Scene, node: number, prng: Prng): Promise<boolean> {
  await nodes.kill(node)
  await sleep(pace * prng.unit() * 1_500)
  await nodes.start(node)
  return true
}

async function pause({ nodes, caretaker, pace }: Scene, node: number, prng: Prng) {
  const end = await hold(caretaker, nodes, node)
  await sleep(pace * (300 + prng.unit() * 2_500))
  return end()
}

type FilterKind = 'loss' | 'one-way cut' | 'isolation' | 'reset'

function rulesFor(kind: FilterKind, { nodes }: Scene, node: number, prng: Prng): Rules {
  switch (kind) {
    case 'loss': {
      const drop = `numgen random mod 100 < ${5 + prng.below(30)} counter drop`
      return prng.unit() < 0.5 ? { input: [drop] } : { input: [drop], output: [drop] }
    }
    case 'one-way cut': {
      const others = nodes.places.map((_, i) => i).filter((i) => i !== node)
      const from = others.filter(() => prng.unit() < 0.4).map(hostOf)
      if (from.length === 0 || prng.unit() < 0.3) from.push(hubHost())
      return { input: from.map((host) => `ip saddr ${host} counter drop`) }
    }
    case 'isolation':
      return CUT_OFF
    case 'reset':
      return {
        input: [
          `ip protocol tcp numgen random mod ${10 + prng.below(90)} < 1 ` +
            'counter reject with tcp reset',
        ],
      }
  }
}

async function filtered(scene: Scene, node: number, rules: Rules, prng: Prng): Promise<boolean> {
  const { caretaker, namespaces, pace } = scene
  const name = namespaces[node]
  if (name === undefined) throw new Error('nodes without namespaces have no filters')
  const end = await filter(caretaker, name, rules)
  await sleep(pace * (300 + prng.unit() * 2_000))
  return end()
}

export function sleep(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms))
}
