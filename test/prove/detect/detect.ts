/**
 * How soon members notice that one was killed, is paused, or is cut off without a word; and that
 * none is declared dead while packets are lost.
 *
 * Five nodes in namespaces of their own; the other four are asked every 10 ms what they say of the
 * last, which a coordinator asks by the same answer. It is killed `--kills N` (100) times; paused
 * and cut off, half of `--silences N` (60) times each, until all suspect it and for up to 2 s more;
 * then a fifth of the packets to and from every node is lost for `--loss-ms N` (120,000), and each
 * node is asked what it says of all others.
 */
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Prng } from '../../../src/base/prng.ts'
import { PERIOD_MS } from '../../../src/dynamo/membership/probing.ts'
import { Caretaker } from '../machine/caretaker.ts'
import { sleep } from '../machine/faults.ts'
import { CUT_OFF, type End, filter, hold } from '../machine/held-faults.ts'
import { hostOf, makeNetwork, type NetworkNames, prefixOf } from '../machine/namespaces.ts'
import { nameOfNode, Nodes } from '../machine/nodes.ts'
import { argumentsOf } from '../machine/options.ts'
import type { Proof, Verdict } from '../proof.ts'
import { Watched } from './watched.ts'
import type { Change } from './watcher.ts'

const KILLED_MS_BAR = 100
const AVOIDED_MS_BAR = 1_500
const SUSPECTED_MS_BAR = 2_500
/** Silences that may take longer to be suspected by all. */
const SUSPECTED_LATE_BAR = 1
const USED_MS_BAR = 1_000
const NODES = 5
const VICTIM = NODES - 1
const ALL = Array.from({ length: NODES }, (_, i) => i)
const OTHERS = ALL.filter((i) => i !== VICTIM)
const PORT = 7400
/** Between two blows: at least so long, and at any time of a period of probes. */
const REST_MS = 250
/** A silence lasts up to so much longer than until all have noticed it. */
const LONGER_MS = 2_000
/** In each direction a fifth of the packets. */
const LOSS = { input: ['numgen random mod 5 == 0 counter drop'] }

export const proof: Proof = {
  name: 'detect',
  shows: 'how soon killed, paused and cut nodes are avoided and suspected, and none in lossy nets',
  usage: '[--kills N] [--silences N] [--loss-ms N]',
  run: (args) => {
    const given = argumentsOf(args)
    const counts = {
      kills: given.count('kills', 100),
      silences: given.count('silences', 60),
      lossMs: given.count('loss-ms', 120_000),
    }
    return detect(counts, given.seed)
  },
}

interface Counts {
  readonly kills: number
  readonly silences: number
  readonly lossMs: number
}

interface Scene {
  readonly caretaker: Caretaker
  readonly network: NetworkNames
  readonly nodes: Nodes
  readonly watched: Watched
  readonly prng: Prng
}

const isAvoided = ({ isConnected }: Change): boolean => !isConnected
const isUsed = ({ isConnected }: Change): boolean => isConnected
const isSuspected = ({ life }: Change): boolean => life === 'suspect' || life === 'dead'
const isAlive = ({ life }: Change): boolean => life === 'alive'
const isWell = (change: Change): boolean => isUsed(change) && isAlive(change)

async function detect(counts: Counts, seed: number): Promise<Verdict> {
  console.log(`seed ${seed}`)
  const caretaker = new Caretaker()
  const root = mkdtempSync(join(tmpdir(), 'everwrite-detect-'))
  let nodes: Nodes | undefined
  let watched: Watched | undefined
  try {
    const network = await makeNetwork(caretaker, NODES)
    nodes = await startNodes(root, network)
    watched = watch(network, [VICTIM], OTHERS)
    await watched.until(isUsed, 0)
    const scene = { caretaker, network, nodes, watched, prng: Prng.of(seed, 'detect') }
    const killed = await kills(counts.kills, scene)
    const half = Math.ceil(counts.silences / 2)
    const paused = await silences('paused', half, scene, () => hold(caretaker, scene.nodes, VICTIM))
    const cut = await silences('cut off', half, scene, () =>
      filter(caretaker, network.nodes[VICTIM] as string, CUT_OFF),
    )
    watched.end()
    watched = watch(network, ALL, ALL)
    await watched.until(isWell, 0)
    const dead = await losses(counts.lossMs, { ...scene, watched })
    return verdictOf(killed, [...paused, ...cut], dead)
  } finally {
    watched?.end()
    await nodes?.end()
    await caretaker.end()
    rmSync(root, { recursive: true, force: true })
  }
}

interface Silence {
  readonly avoidedMs: number
  readonly suspectedMs: number
  readonly usedMs: number
}

function verdictOf(killed: readonly number[], silent: readonly Silence[], dead: number): Verdict {
  const worst = (of: keyof Silence): number => Math.max(...silent.map((one) => one[of]))
  const late = silent.filter(({ suspectedMs }) => suspectedMs > SUSPECTED_MS_BAR).length
  const killedMs = Math.max(...killed)
  const [avoidedMs, usedMs] = [worst('avoidedMs'), worst('usedMs')]
  const isMet =
    killedMs <= KILLED_MS_BAR &&
    avoidedMs <= AVOIDED_MS_BAR &&
    usedMs <= USED_MS_BAR &&
    late <= SUSPECTED_LATE_BAR &&
    dead === 0
  return {
    isMet,
    figure:
      `${killed.length} kills, each avoided within ${killedMs} ms (bar ${KILLED_MS_BAR}); ` +
      `${silent.length} silences, avoided within ${avoidedMs} ms (bar ${AVOIDED_MS_BAR}), ` +
      `used again within ${usedMs} ms (bar ${USED_MS_BAR}), ${late} suspected after more than ` +
      `${SUSPECTED_MS_BAR} ms (bar ${SUSPECTED_LATE_BAR}), at most ${worst('suspectedMs')} ms; ` +
      `${dead} deaths of any node declared while a fifth of the packets was lost (bar 0)`,
  }
}

/** How long it took each time until all others avoided the node. */
async function kills(times: number, { nodes, watched, prng }: Scene): Promise<readonly number[]> {
  const all: number[] = []
  for (let i = 0; i < times; i++) {
    await rest(watched, prng)
    const began = Date.now()
    const gone = nodes.kill(VICTIM)
    all.push((await watched.until(isAvoided, began)) - began)
    console.log(`killed: avoided after ${all.at(-1)} ms`)
    await gone
    const starting = Date.now()
    await nodes.start(VICTIM)
    await watched.until(isUsed, starting)
    await watched.until(isAlive, Date.now())
  }
  return all
}

/** Until the next blow: one that is suspected already would show nothing. */
async function rest(watched: Watched, prng: Prng): Promise<void> {
  await sleep(REST_MS + prng.unit() * PERIOD_MS)
  await watched.until(isAlive, Date.now())
}

async function silences(
  what: string,
  times: number,
  { watched, prng }: Scene,
  begin: () => Promise<End>,
): Promise<readonly Silence[]> {
  const all: Silence[] = []
  for (let i = 0; i < times; i++) {
    await rest(watched, prng)
    const began = Date.now()
    const end = await begin()
    const avoidedMs = (await watched.until(isAvoided, began)) - began
    const suspectedMs = (await watched.until(isSuspected, began)) - began
    await sleep(prng.unit() * LONGER_MS)
    const ending = Date.now()
    await end()
    const usedMs = (await watched.until(isUsed, ending)) - ending
    await watched.until(isAlive, ending)
    console.log(`${what}: avoided after ${avoidedMs} ms, suspected ${suspectedMs}, used ${usedMs}`)
    all.push({ avoidedMs, suspectedMs, usedMs })
  }
  return all
}

/** How often a node declared another one dead. */
async function losses(ms: number, { caretaker, network, watched }: Scene): Promise<number> {
  const from = watched.changes.length
  const ends: End[] = []
  for (const name of network.nodes) ends.push(await filter(caretaker, name, LOSS))
  await sleep(ms)
  const met = await Promise.all(ends.map((end) => end()))
  if (met.includes(false)) throw new Error('no packets were lost at some node')
  const lives = watched.changes.slice(from).map(({ life }) => life)
  const count = (wanted: Change['life']): number => lives.filter((life) => life === wanted).length
  console.log(`losses: ${count('suspect')} suspicions, ${count('dead')} deaths`)
  return count('dead')
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

/** Asks these nodes for what they say of these members. */
function watch(
  { hub }: NetworkNames,
  members: readonly number[],
  watchers: readonly number[],
): Watched {
  const addresses = watchers.map((i): [string, string] => [nameOfNode(i), `${hostOf(i)}:${PORT}`])
  return new Watched(hub, members.map(nameOfNode), new Map(addresses))
}
