/**
 * How soon a node that is paused, or cut off without a word, is avoided, and used again.
 *
 * Three nodes in namespaces of their own. The third is stopped by SIGSTOP, or all its packets are
 * dropped, for 3 to 6 seconds, `--times N` (20) each. The figures are the longest times until both
 * others say that it is not connected, and until both say that it is, each from the moment at which
 * the fault began or ended. A coordinator asks a member by the same answer.
 */
import { type ChildProcess, spawn } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import { Prng } from '../../../src/base/prng.ts'
import { Caretaker } from '../machine/caretaker.ts'
import { sleep } from '../machine/faults.ts'
import { CUT_OFF, type End, filter, hold } from '../machine/held-faults.ts'
import { hostOf, makeNetwork, type NetworkNames, prefixOf } from '../machine/namespaces.ts'
import { nameOfNode, Nodes } from '../machine/nodes.ts'
import { argumentsOf } from '../machine/options.ts'
import type { Proof, Verdict } from '../proof.ts'
import type { Change } from './watcher.ts'

const AVOIDED_MS_BAR = 2_000
const USED_MS_BAR = 1_000
const VICTIM = 2
const WATCHERS = [0, 1]
const PORT = 7400
const WAIT_MS_MAX = 20_000
const REST_MS = 1_500

export const proof: Proof = {
  name: 'detect-local',
  shows: 'how soon a paused and a silently cut node are avoided, and used again',
  usage: '[--times N]',
  run: (args) => {
    const given = argumentsOf(args)
    return detect(given.count('times', 20), given.seed)
  },
}

async function detect(times: number, seed: number): Promise<Verdict> {
  console.log(`seed ${seed}`)
  const prng = Prng.of(seed, 'detect')
  const caretaker = new Caretaker()
  const root = mkdtempSync(join(tmpdir(), 'everwrite-detect-'))
  let nodes: Nodes | undefined
  let watched: Watched | undefined
  try {
    const network = await makeNetwork(caretaker, 3)
    nodes = await startNodes(root, network)
    watched = new Watched(network.hub)
    await watched.until(true, 0)
    const scene = { caretaker, network, nodes, watched, prng }
    const pause = await series('paused', times, scene, pauseNode)
    const cut = await series('cut off', times, scene, cutOff)
    const worst = (of: readonly Times[], which: keyof Times): number =>
      Math.max(...of.map((one) => one[which]))
    const avoided = [worst(pause, 'avoidedMs'), worst(cut, 'avoidedMs')]
    const used = [worst(pause, 'usedMs'), worst(cut, 'usedMs')]
    return {
      isMet: Math.max(...avoided) <= AVOIDED_MS_BAR && Math.max(...used) <= USED_MS_BAR,
      figure:
        `${times} times each: paused, avoided within ${avoided[0]} ms and used again within ` +
        `${used[0]} ms; cut off, within ${avoided[1]} ms and ${used[1]} ms ` +
        `(bar ${AVOIDED_MS_BAR} ms, ${USED_MS_BAR} ms)`,
    }
  } finally {
    watched?.end()
    await nodes?.end()
    await caretaker.end()
    rmSync(root, { recursive: true, force: true })
  }
}

interface Times {
  readonly avoidedMs: number
  readonly usedMs: number
}

interface Scene {
  readonly caretaker: Caretaker
  readonly network: NetworkNames
  readonly nodes: Nodes
  readonly watched: Watched
  readonly prng: Prng
}

type Fault = (scene: Scene) => Promise<End>

function pauseNode({ caretaker, nodes }: Scene): Promise<End> {
  return hold(caretaker, nodes, VICTIM)
}

function cutOff({ caretaker, network }: Scene): Promise<End> {
  return filter(caretaker, network.nodes[VICTIM] as string, CUT_OFF)
}

async function series(
  what: string,
  times: number,
  scene: Scene,
  begin: Fault,
): Promise<readonly Times[]> {
  const { watched, prng } = scene
  const all: Times[] = []
  for (let i = 0; i < times; i++) {
    await sleep(REST_MS + prng.unit() * 500)
    const began = Date.now()
    const end = await begin(scene)
    await sleep(3_000 + prng.unit() * 3_000)
    const avoidedAt = await watched.until(false, began)
    const ending = Date.now()
    await end()
    const usedAt = await watched.until(true, ending)
    const round = { avoidedMs: avoidedAt - began, usedMs: usedAt - ending }
    console.log(`${what}: avoided after ${round.avoidedMs} ms, used after ${round.usedMs} ms`)
    all.push(round)
  }
  return all
}

async function startNodes(root: string, network: NetworkNames): Promise<Nodes> {
  const places = network.nodes.map((name, i) => ({
    host: hostOf(i),
    clientPort: PORT,
    peerPort: PORT + 100,
    directory: join(root, `n${i}`),
    prefix: prefixOf(name),
  }))
  const settings = { insecure: true }
  const nodes = new Nodes({ root, places, n: 3, w: 2, r: 2, settings })
  await nodes.startAll()
  return nodes
}

/** What the other nodes say of the third. */
class Watched {
  readonly #child: ChildProcess
  readonly #changes: Change[] = []
  #wake: (() => void) | undefined

  constructor(hub: string) {
    const path = fileURLToPath(new URL('watcher.js', import.meta.url))
    const asked = WATCHERS.map((node) => `${nameOfNode(node)}=${hostOf(node)}:${PORT}`)
    const [command, ...args] = [...prefixOf(hub), process.execPath, path] as const
    this.#child = spawn(command, [...args, nameOfNode(VICTIM), ...asked], {
      stdio: ['pipe', 'pipe', 'inherit'],
    })
    createInterface({ input: this.#child.stdout as NodeJS.ReadableStream }).on('line', (line) => {
      this.#changes.push(JSON.parse(line))
      this.#wake?.()
    })
  }

  /** When all came to say so, after `since`; throws where they do not in time. */
  async until(isConnected: boolean, since: number): Promise<number> {
    const giveUp = Date.now() + WAIT_MS_MAX
    for (;;) {
      const last = WATCHERS.map((node) =>
        this.#changes.findLast((change) => change.node === nameOfNode(node)),
      )
      if (last.every((change) => change?.isConnected === isConnected)) {
        return Math.max(since, ...last.map((change) => (change as Change).at))
      }
      if (Date.now() > giveUp) throw new Error(`not all nodes said ${isConnected} in time`)
      await Promise.race([sleep(100), new Promise<void>((resolve) => (this.#wake = resolve))])
    }
  }

  end(): void {
    this.#child.stdin?.end()
  }
}
