/**
 * The proof `availability` from its first operation to its figures, in the process that can reach
 * all nodes.
 *
 *     start ─► load ─ faults one after another ─► load ends ─► two owners down, then three
 *           ─► every key is read back
 */
import { Prng } from '../../../src/base/prng.ts'
import type { Client } from '../../../src/client/client.ts'
import { memberIdOf } from '../../../src/node/cluster/topology.ts'
import { Caretaker } from '../machine/caretaker.ts'
import { sleep } from '../machine/faults.ts'
import { Inspector } from '../machine/inspector.ts'
import { nameOf } from '../machine/judge.ts'
import { nameOfNode, Nodes, type Place, wordsOf } from '../machine/nodes.ts'
import { Memory, RecordedBucket } from '../machine/recorded-bucket.ts'
import { Recording } from '../machine/recording.ts'
import { Attempts } from './attempts.ts'
import { disturb, type Disturbance, type Kind } from './disturbances.ts'
import { judgeOperations, type KindFigures, type Trouble } from './figures.ts'
import { Operations } from './operations.ts'
import { ownersDown, type OwnersDown } from './owners-down.ts'
import { Pauses } from './pauses.ts'
import { missing, readBack } from './read-back.ts'

/** Plain data: it travels to the process that runs it. */
export interface AvailabilityPlan {
  readonly seed: number
  readonly root: string
  readonly places: readonly Place[]
  readonly namespaces: readonly string[]
  readonly controls: readonly string[]
  readonly kinds: readonly Kind[]
  /** Faults of each kind; 0 leaves this part out. */
  readonly times: number
  readonly rate: number
  /** 0 leaves out the part in which owners are down. */
  readonly downMs: number
}

export interface AvailabilityResult {
  /** Before the first fault: how fast this machine is now. */
  readonly before: KindFigures
  readonly kinds: readonly KindFigures[]
  /** What the bars forbid, in sentences: the first so many. */
  readonly troubles: readonly string[]
  readonly pauses: number
  readonly owners: readonly OwnersDown[]
  readonly acknowledged: number
  readonly missing: number
  readonly wrong: number
  /** What is wrong, in sentences. */
  readonly sentences: readonly string[]
}

const KEYS = Array.from({ length: 8_000 }, (_, key) => key)
/** While faults come: few enough that a client remembers what it was told of each. */
const FAULT_KEYS = KEYS.slice(0, 2_000)
/** While owners are down: of these a tenth has a given three of five nodes as owners. */
const OWNER_KEYS = KEYS.slice(2_000)
const PUT_SHARE = 0.5
const WARM_UP_MS = 10_000
const AFTER_MS = 5_000
const CONNECT_MS = 60_000
const SETTINGS = { insecure: true }
/** Troubles that are told of one kind of fault and one failure. */
const ALIKE_MAX = 8

type Say = (line: string) => void

export async function runAvailability(
  plan: AvailabilityPlan,
  say: Say,
): Promise<AvailabilityResult> {
  const caretaker = new Caretaker()
  const { root, places } = plan
  const nodes = new Nodes({ root, places, settings: SETTINGS, n: 3, w: 2, r: 2 })
  const inspector = await Inspector.over(nodes)
  const attempts = new Attempts()
  let client: Client | undefined
  try {
    await nodes.startAll()
    client = await attempts.connect({ seeds: nodes.seeds, connectTimeout: CONNECT_MS })
    const scene = { plan, caretaker, nodes, inspector, attempts, client, say }
    return await new Availability(scene).run()
  } finally {
    inspector.close()
    await client?.close()
    await nodes.end()
    await caretaker.end()
  }
}

interface Scene {
  readonly plan: AvailabilityPlan
  readonly caretaker: Caretaker
  readonly nodes: Nodes
  readonly inspector: Inspector
  readonly attempts: Attempts
  readonly client: Client
  readonly say: Say
}

class Availability {
  readonly #scene: Scene
  readonly #prng: Prng
  readonly #recording = new Recording()
  readonly #operations: Operations

  constructor(scene: Scene) {
    this.#scene = scene
    this.#prng = Prng.of(scene.plan.seed, 'availability')
    const { client, attempts } = scene
    const prng = this.#prng.stream('operations')
    this.#operations = new Operations({ client, attempts, recording: this.#recording, prng })
  }

  async run(): Promise<AvailabilityResult> {
    const { client, nodes } = this.#scene
    const pauses = new Pauses()
    const disturbances = await this.#disturb()
    const during = this.#operations.ended.slice()
    const owners = await this.#ownersDown()
    const paused = await pauses.end()
    const { before, kinds, troubles } = judgeOperations(during, disturbances, paused)
    const recording = this.#recording
    const bucket = new RecordedBucket(client.bucket(), recording, new Memory())
    const judged = await readBack(bucket, recording, KEYS)
    const ends = nodes.unexpected.map(
      ({ node, ended }) => `ended by itself: ${nameOfNode(node)}: ${wordsOf(ended)}`,
    )
    return {
      ...{ before, kinds },
      troubles: await this.#words(troubles),
      pauses: paused.length,
      owners,
      acknowledged: recording.acknowledged,
      missing: missing(judged),
      wrong: judged.count - missing(judged) + ends.length,
      sentences: [...judged.sentences, ...judged.story, ...ends],
    }
  }

  async #disturb(): Promise<readonly Disturbance[]> {
    const { plan, nodes, caretaker, say } = this.#scene
    const { kinds, times, rate, namespaces, controls } = plan
    if (times === 0) return []
    const load = this.#operations.run({ keys: FAULT_KEYS, rate, putShare: PUT_SHARE })
    await sleep(WARM_UP_MS)
    const ground = { nodes, caretaker, namespaces, controls }
    const faults = disturb(ground, kinds, times, this.#prng.stream('faults'), say)
    // Operations end by themselves only where something is broken.
    await Promise.race([faults, load.then(() => Promise.reject(new Error('the load has ended')))])
    await sleep(AFTER_MS)
    this.#operations.stop()
    await load
    return faults
  }

  async #ownersDown(): Promise<readonly OwnersDown[]> {
    const { plan, nodes, inspector } = this.#scene
    if (plan.downMs === 0) return []
    const prng = this.#prng.stream('owners')
    const { downMs } = plan
    const operations = this.#operations
    const options = { nodes, inspector, operations, keys: OWNER_KEYS, prng, downMs }
    return [await ownersDown(options, 2), await ownersDown(options, 3)]
  }

  /** A sentence for each, with the names of nodes in place of ids and addresses. */
  async #words(troubles: readonly Trouble[]): Promise<readonly string[]> {
    const { nodes, inspector } = this.#scene
    const { cluster } = await nodes.config(0)
    const names = new Map<string, string>()
    for (const [node, { host, clientPort }] of nodes.places.entries()) {
      names.set(`${host}:${clientPort}`, nameOfNode(node))
      names.set(memberIdOf(cluster, nameOfNode(node)), nameOfNode(node))
    }
    return firstOfEach(troubles).map((trouble) => {
      const owners = inspector.ownersOf(trouble.operation.key).map(nameOfNode).join(' ')
      let sentence = `${sentenceOf(trouble)}; its owners are ${owners}`
      for (const [id, name] of names) sentence = sentence.replaceAll(id, name)
      return sentence
    })
  }
}

/** The first `ALIKE_MAX` of each kind of fault and failure. */
function firstOfEach(troubles: readonly Trouble[]): readonly Trouble[] {
  const counts = new Map<string, number>()
  return troubles.filter(({ operation, disturbance }) => {
    const alike = `${disturbance.kind} ${operation.code ?? 'ok'}`
    const count = (counts.get(alike) ?? 0) + 1
    counts.set(alike, count)
    return count <= ALIKE_MAX
  })
}

function sentenceOf({ operation, disturbance }: Trouble): string {
  const { isPut, key, dueMs, tookMs, code, trail } = operation
  const { kind, node, beganMs, endedMs } = disturbance
  const ms = (value: number | undefined): string => (value === undefined ? '?' : value.toFixed(0))
  const tries = trail.map(
    ({ node: asked, beganMs: at, tookMs: took, answer = 'silent', details = '' }) =>
      `at ${ms(at - dueMs)} ${asked} ${answer} (${details}) after ${ms(took)}`,
  )
  return (
    `${kind} of ${nameOfNode(node)} (lasted ${ms(endedMs - beganMs)} ms), ` +
    `${ms(dueMs - beganMs)} ms after it began: ${isPut ? 'put' : 'get'} of ${nameOf(key)} ` +
    `${code ?? 'ok'} after ${ms(tookMs)} ms, [${tries.join('; ')}]`
  )
}
