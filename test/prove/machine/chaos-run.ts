/**
 * Chaos from its first write to its judgement, in the process that can reach all nodes.
 *
 *     start ─► load ┬ two lanes of faults, each on a node that no other fault has ─┬─► all healed
 *                   └ disks destroyed, one at a time, a sweep of all keys between ─┘   and up
 *           ─► load ends ─► sweep of all keys at all owners ─► judge
 */
import { Prng } from '../../../src/base/prng.ts'
import { connect } from '../../../src/index.ts'
import { Caretaker } from './caretaker.ts'
import { destroy, type FaultKind, inflict, type Scene, sleep } from './faults.ts'
import { Image, type ImagePlace } from './images.ts'
import { Inspector } from './inspector.ts'
import { judge, type Judgement } from './judge.ts'
import { Load } from './load.ts'
import { Nodes, type Place, wordsOf } from './nodes.ts'
import { Recording } from './recording.ts'
import { sweep } from './sweep.ts'

/** Plain data: it travels to the process that runs it. */
export interface ChaosPlan {
  /** Acknowledged ones, at least. */
  readonly writes: number
  readonly keys: number
  readonly seed: number
  readonly root: string
  readonly places: readonly Place[]
  readonly namespaces: readonly string[]
  /** One a node; empty where they share the machine's disk. */
  readonly images: readonly ImagePlace[]
  readonly kinds: readonly FaultKind[]
  readonly isDestroying: boolean
  readonly pace: number
  readonly window: number
  readonly plant: string | undefined
}

export interface ChaosResult extends Judgement {
  readonly writes: Readonly<Record<'ok' | 'refused' | 'in-doubt', number>>
  readonly reads: number
  /** By kind, those that took effect; `destroyed disk` among them. */
  readonly faults: Readonly<Record<string, number>>
  readonly failures: Readonly<Record<string, number>>
  readonly seconds: number
  /** Of the load alone. */
  readonly rate: number
  readonly siblingsMax: number
}

const CLIENTS = 4
/** Short: a client that waits for owners that are away asks the others nothing. */
const TIMEOUT_MS = 1_000
const ATTEMPT_MS = 350
const CONNECT_MS = 60_000
const SWEEP_MS_MAX = 600_000
const QUIET_SWEEP_MS_MAX = 120_000
/** How long a kind of fault that has not happened yet is waited for once the writes are there. */
const EXTRA_MS_MAX = 180_000
const SAY_MS = 10_000
const GAP_MS = 2_000
const AFTER_SWEEP_MS = 1_000
const DESTROYED = 'destroyed disk'
/** How long a fault lasts: each keeps all clients waiting. */
const BLACKOUT_CHANCE = 0.03
const SETTINGS = { 'segment-bytes': 1024 * 1024, insecure: true }

export async function runChaos(plan: ChaosPlan, say: (line: string) => void): Promise<ChaosResult> {
  const caretaker = new Caretaker()
  const { root, places, plant, namespaces, pace } = plan
  const nodes = new Nodes({ root, places, plant, settings: SETTINGS, n: 3, w: 2, r: 2 })
  const recording = new Recording()
  const inspector = await Inspector.over(nodes)
  const images = plan.images.map((place) => new Image(caretaker, place))
  const scene = { nodes, caretaker, inspector, recording, namespaces, images, pace }
  try {
    await nodes.startAll()
    return await new Chaos(plan, scene, say).run()
  } finally {
    inspector.close()
    await nodes.end()
    await caretaker.end()
  }
}

class Chaos {
  readonly #plan: ChaosPlan
  readonly #scene: Scene
  readonly #say: (line: string) => void
  readonly #prng: Prng
  readonly #faults = new Map<string, number>()
  /** Nodes that a fault has; no other fault takes them meanwhile. */
  readonly #busy = new Set<number>()
  #isOver = false
  #rate = 0

  constructor(plan: ChaosPlan, scene: Scene, say: (line: string) => void) {
    this.#plan = plan
    this.#scene = scene
    this.#say = say
    this.#prng = Prng.of(plan.seed, 'chaos')
    const wanted = plan.isDestroying ? [...plan.kinds, DESTROYED] : plan.kinds
    for (const kind of wanted) this.#faults.set(kind, 0)
  }

  async run(): Promise<ChaosResult> {
    const { nodes, recording } = this.#scene
    const began = performance.now()
    const terms = { timeout: TIMEOUT_MS, attemptTimeout: ATTEMPT_MS, connectTimeout: CONNECT_MS }
    const clients = await Promise.all(
      Array.from({ length: CLIENTS }, () => connect({ seeds: nodes.seeds, ...terms })),
    )
    const { keys, window } = this.#plan
    const prng = this.#prng.stream('load')
    const load = new Load({ clients, window, recording, prng, keys, replicas: 3 })
    const [client] = clients
    if (client === undefined) throw new Error('chaos has clients')
    const view = { client, load, recording, inspector: this.#scene.inspector }
    load.begin()
    const work = [
      this.#watch(began),
      this.#lane('first', this.#plan.kinds),
      this.#lane('second', this.#plan.kinds),
      this.#destroyDisks(view),
    ]
    await Promise.race([load.broken(), Promise.all(work)])
    await load.end()
    this.#rate = (recording.acknowledged / (performance.now() - began)) * 1000
    this.#say(`faults over; reading all ${keys} keys at all owners`)
    const swept = await sweep({ ...view, limitMs: QUIET_SWEEP_MS_MAX, isFinal: true })
    for (const key of swept.unequal) recording.violations.push(`never equal: key-${key}`)
    for (const { node, ended } of nodes.unexpected) {
      recording.violations.push(`ended by itself: node ${node}: ${wordsOf(ended)}`)
    }
    await Promise.all(clients.map((one) => one.close()))
    const judged = judge(recording, swept.finals, keys)
    const siblingsMax = Math.max(0, ...[...swept.finals.values()].map((ids) => ids.length))
    return this.#result(judged, siblingsMax, (performance.now() - began) / 1000)
  }

  #result(judged: Judgement, siblingsMax: number, seconds: number): ChaosResult {
    const { recording } = this.#scene
    return {
      ...judged,
      writes: recording.outcomes,
      reads: recording.reads,
      faults: Object.fromEntries(this.#faults),
      failures: Object.fromEntries(recording.failures),
      rate: this.#rate,
      seconds,
      siblingsMax,
    }
  }

  /** Over when the writes are there and every kind took effect, or something is wrong. */
  async #watch(began: number): Promise<void> {
    const { recording, nodes } = this.#scene
    let saidAt = began
    let thereAt = Number.POSITIVE_INFINITY
    while (!this.#isOver) {
      await sleep(20)
      const now = performance.now()
      if (now - saidAt > SAY_MS) {
        saidAt = now
        this.#tell((now - began) / 1000)
      }
      const isThere = recording.acknowledged >= this.#plan.writes
      if (isThere) thereAt = Math.min(thereAt, now)
      const isMixed = [...this.#faults.values()].every((count) => count > 0)
      const isWrong = recording.violations.length + nodes.unexpected.length > 0
      this.#isOver = isWrong || (isThere && (isMixed || now > thereAt + EXTRA_MS_MAX))
    }
  }

  #tell(seconds: number): void {
    const { acknowledged } = this.#scene.recording
    const rate = (acknowledged / seconds).toFixed(0)
    this.#say(`${acknowledged} acknowledged, ${rate} a second; ${faultsLine(this.#faults)}`)
  }

  async #lane(name: string, kinds: readonly FaultKind[]): Promise<void> {
    const prng = this.#prng.stream(name)
    while (!this.#isOver && kinds.length > 0) {
      await sleep(this.#plan.pace * prng.unit() * GAP_MS)
      const node = this.#take(prng)
      if (node === undefined) continue
      const kind = this.#choose(prng, kinds)
      const struck = kind === 'blackout' ? [node, ...this.#takeAll()] : [node]
      if (await inflict(this.#scene, kind, struck, prng)) this.#count(kind)
      for (const one of struck) this.#busy.delete(one)
    }
  }

  /** Drawn at random; a short run takes each kind in turn, a long one draws blackouts seldom. */
  #choose(prng: Prng, kinds: readonly FaultKind[]): FaultKind {
    const missing = kinds.filter((kind) => this.#faults.get(kind) === 0)
    if (missing.length > 0) return prng.pick(missing)
    const single = kinds.filter((kind) => kind !== 'blackout')
    return single.length < kinds.length && prng.unit() < BLACKOUT_CHANCE
      ? 'blackout'
      : prng.pick(single)
  }

  async #destroyDisks(
    view: Pick<Parameters<typeof sweep>[0], 'client' | 'load' | 'recording' | 'inspector'>,
  ): Promise<void> {
    const prng = this.#prng.stream('destroyed')
    while (!this.#isOver && this.#plan.isDestroying) {
      await sleep(this.#plan.pace * AFTER_SWEEP_MS)
      const node = this.#take(prng)
      if (node === undefined) continue
      await destroy(this.#scene, node, prng)
      this.#busy.delete(node)
      const isOver = (): boolean => this.#isOver
      const isAway = (one: number): boolean => this.#busy.has(one)
      const terms = { limitMs: SWEEP_MS_MAX, isFinal: false, isOver, isAway }
      const swept = await sweep({ ...view, ...terms })
      if (swept.unequal.length > 0 && !this.#isOver) {
        view.recording.violations.push(`a disk was not rebuilt: ${swept.unequal.length} keys`)
      }
      this.#count(DESTROYED)
    }
  }

  /** A node that no fault has. */
  #take(prng: Prng): number | undefined {
    const { nodes } = this.#scene
    // With faults on two of three owners no write would be acknowledged.
    if (this.#busy.size >= Math.floor((nodes.size - 1) / 2)) return undefined
    const free = nodes.places.map((_, node) => node).filter((node) => !this.#busy.has(node))
    if (free.length === 0) return undefined
    const node = prng.pick(free)
    this.#busy.add(node)
    return node
  }

  /** All nodes that no fault has. */
  #takeAll(): readonly number[] {
    const all = this.#scene.nodes.places.map((_, node) => node)
    const free = all.filter((node) => !this.#busy.has(node))
    for (const node of free) this.#busy.add(node)
    return free
  }

  #count(kind: string): void {
    this.#faults.set(kind, (this.#faults.get(kind) ?? 0) + 1)
  }
}

export function faultsLine(faults: Iterable<readonly [string, number]>): string {
  return [...faults].map(([kind, count]) => `${kind} ${count}`).join(', ')
}
