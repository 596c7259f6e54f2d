/**
 * A key may be written for ever: contexts stay short through a thousand restarts of every node.
 *
 * Three simulated nodes, on which requests may be repeated for a second. One key is read and
 * written by every owner ten times a second, another once between two restarts. In each cycle every
 * node is killed and started five times, one after another, and a round ends. A second after each
 * round no copy of either key may have more than 2 N ranges, and no put may be refused.
 */
import { OperatingError } from '../../src/base/errors.ts'
import { keyName, NEVER_CREATED, Policy } from '../../src/dynamo/names.ts'
import { decodeObject } from '../../src/dynamo/version/object-bytes.ts'
import { getOf, type NodeSession, putOf, Scene } from '../unit/node/scene.ts'
import type { Proof } from './proof.ts'

const RESTARTS = 1_000
const RESTARTS_PER_ROUND = 5
/** Owners that are written to seldom agree at the first try. */
const CLEANED_MS = 1_000
const N = 3
const RANGES_MAX: number = 2 * N
const [HOT, COLD] = ['written all the time', 'written now and then']
const EVERY_MS = 100
/** Between two looks at all nodes. */
const LOOK_MS = 10
/** A round that meets a restart begins again. */
const ROUND_MS_MAX = 60_000
const OPTIONS = { roundMs: 500, rememberMs: 2_000, cleanMs: 100, deadlineMs: 1_000 }

interface Found {
  most: number
  puts: number
  readonly refused: Map<string, number>
  /** How often no round ended in time. */
  stuck: number
}

export const proof: Proof = {
  name: 'contexts',
  shows: 'contexts stay short through a thousand restarts of every node; no put is refused',
  usage: '[--restarts N]',
  run: async ([flag, count]) => {
    const restarts = flag === '--restarts' ? Number(count) : RESTARTS
    const scene = await Scene.open({ nodes: N, ...OPTIONS })
    const found: Found = { most: 0, puts: 0, refused: new Map(), stuck: 0 }
    const writers = scene.cluster.machines.map((machine) => new Writer(scene, machine, found))
    for (const writer of writers) void writer.live()
    for (let done = 1; done <= restarts; done++) {
      await restartAll(scene, writers)
      if (done % RESTARTS_PER_ROUND !== 0) continue
      if (!(await roundEnds(scene))) found.stuck += 1
      for (const key of [HOT, COLD]) {
        for (const machine of scene.cluster.machines) {
          found.most = Math.max(found.most, await rangesAt(scene, machine, key))
        }
      }
      if (done % 100 === 0) console.log(`${done} restarts of each node: at most ${found.most}`)
    }
    for (const writer of writers) writer.isOver = true
    const refused = [...found.refused].map(([code, times]) => `${times} ${code}`).join(', ')
    const isMet =
      restarts >= RESTARTS &&
      found.most <= RANGES_MAX &&
      found.refused.size === 0 &&
      found.stuck === 0
    return {
      isMet,
      figure:
        `${restarts} restarts of each of ${N} nodes (bar ${RESTARTS}), ${found.puts} puts: after` +
        ` each round at most ${found.most} ranges (bar ${RANGES_MAX}), ${refused || 'none'}` +
        ` refused (bar none); ${found.stuck} times no round ended (bar 0)`,
    }
  },
}

/** Kills and starts each node once; the cold key is written between two restarts. */
async function restartAll(scene: Scene, writers: readonly Writer[]): Promise<void> {
  for (const [i, machine] of scene.cluster.machines.entries()) {
    scene.cluster.kill(machine)
    await scene.run(scene.cluster.start(machine))
    const isThere = (): boolean =>
      scene.cluster.machines.every((one) =>
        scene.cluster
          .node(one)
          ?.status()
          .peers.every(({ isConnected }) => isConnected),
      )
    await waitUntil(scene, isThere)
    await scene.run((writers[(i + 1) % N] as Writer).write(COLD))
  }
}

/** Looks seldom: what a node tells of itself takes long to make. False after `ROUND_MS_MAX`. */
function waitUntil({ world }: Scene, isSo: () => boolean): Promise<boolean> {
  let nextMs = 0
  const look = (): boolean => {
    if (world.nowMs < nextMs) return false
    nextMs = world.nowMs + LOOK_MS
    return isSo()
  }
  return world.runUntil(look, ROUND_MS_MAX)
}

/** Lets a round end that opens from now on, and what it allows be done. */
async function roundEnds(scene: Scene): Promise<boolean> {
  const { machines } = scene.cluster
  const last = Math.max(...machines.map((machine) => scene.figure(machine, 'round')))
  // One that is open already may hold back what was replaced since.
  const hasEnded = (): boolean =>
    machines.every((machine) => scene.figure(machine, 'round') >= last + 1)
  const isDone = await waitUntil(scene, hasEnded)
  await scene.world.run(CLEANED_MS)
  return isDone
}

async function rangesAt(scene: Scene, machine: number, key: string): Promise<number> {
  const bucketId = { creation: NEVER_CREATED, policy: Policy.siblings, n: N }
  const name = keyName('default', key)
  const request = { name, bucketId, digestOnly: false, hints: false }
  const terms = { ring: scene.cluster.digestFor(name, N), deadlineMs: 1_000 }
  const answer = await scene.run(scene.asPeer(machine, 'peerRead', { ...request, ...terms }))
  if (answer instanceof OperatingError || !answer.isFound) return 0
  return decodeObject(answer.object)?.context.count ?? Number.POSITIVE_INFINITY
}

/** Reads and writes through one node. */
class Writer {
  readonly #scene: Scene
  readonly #machine: number
  readonly #found: Found
  #session: NodeSession | undefined
  #value = 0
  isOver = false

  constructor(scene: Scene, machine: number, found: Found) {
    this.#scene = scene
    this.#machine = machine
    this.#found = found
  }

  async live(): Promise<void> {
    const { world } = this.#scene
    while (!this.isOver) {
      await new Promise<void>((resolve) => world.after(EVERY_MS, () => resolve()))
      if (this.#scene.cluster.node(this.#machine) !== undefined) await this.write(HOT)
    }
  }

  /** Replaces what is there. A node that ends meanwhile is asked again the next time. */
  async write(key: string): Promise<void> {
    const session = await this.#connected()
    if (session === undefined) return
    const shown = await session.begin('get', getOf(key, 2))
    if (shown instanceof OperatingError) return
    this.#value += 1
    const value = `${this.#machine} ${this.#value}`
    const written = await session.begin('put', putOf(key, value, { contexts: [shown.context] }))
    this.#found.puts += 1
    if (!(written instanceof OperatingError) || written.certainty !== 'refused') return
    const { refused } = this.#found
    refused.set(written.code, (refused.get(written.code) ?? 0) + 1)
  }

  async #connected(): Promise<NodeSession | undefined> {
    if (this.#session?.session.isEnded === false) return this.#session
    this.#session = await this.#scene.openSession(this.#machine).catch(() => undefined)
    return this.#session
  }
}
