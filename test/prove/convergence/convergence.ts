/**
 * Shows that copies which drifted apart become equal by comparing hash trees (Dynamo 4.7).
 *
 * Three nodes with the defaults, each in a network namespace of its own, in three parts:
 *
 *     cut       one node is cut off for 60 s while 100,000 keys are written
 *     key       one key of 1,000,000 differs, six times; then ten exchanges find nothing
 *     emptied   one directory with 300,000 keys is emptied, while clients read
 *
 * What a node exchanges is the frames of the questions that it asks of the others and those of
 * their answers, all but heartbeats and handshakes: with no client there are no others.
 *
 * `--only PART` runs one of them; `--cut-keys N`, `--keys N` and `--emptied-keys N` make them
 * smaller, and `--cut-seconds N` the cut shorter.
 */
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { Caretaker, requireMeans } from '../machine/caretaker.ts'
import { drive } from '../machine/drive.ts'
import { hostOf, makeNetwork, prefixOf } from '../machine/namespaces.ts'
import { argumentsOf } from '../machine/options.ts'
import { CannotRun, type Proof, type Verdict } from '../proof.ts'
import {
  type ConvergencePlan,
  type ConvergenceResult,
  type Part,
  PARTS,
} from './convergence-run.ts'
import type { CutFigures } from './cut-off.ts'
import type { EmptiedFigures } from './emptied.ts'
import { observedAs } from './observed.ts'
import type { OneKeyFigures } from './one-key.ts'

const MEANS = ['python3', 'nsenter', 'ip', 'nft'] as const
const DRIVER = fileURLToPath(new URL('convergence-driver.js', import.meta.url))
const NODES = 3
const CLIENT_PORT = 7400
const PEER_PORT = 7500
const CUT_SECONDS = 60
const EQUAL_S_BAR = 30
/** The default period of exchanges, and a second. */
const MENDED_S_BAR = 4
const MENDED_BYTES_BAR = 16 * 1024
const STEADY_BAR = 10

export const proof: Proof = {
  name: 'convergence',
  shows: 'copies that drifted apart become equal by comparing trees, fast and for few bytes',
  usage: '[--only cut|key|emptied]',
  run: (args) => {
    const given = argumentsOf(args)
    const keys = {
      cut: given.count('cut-keys', 100_000),
      key: given.count('keys', 1_000_000),
      emptied: given.count('emptied-keys', 300_000),
    }
    const cutMs = 1000 * given.count('cut-seconds', CUT_SECONDS)
    const parts = partsOf(given.text('only'))
    return convergence({ parts, keys, cutMs }, (line) => console.log(line))
  },
}

function partsOf(text: string | undefined): readonly Part[] {
  const parts = PARTS.filter((part) => text === undefined || part === text)
  if (parts.length > 0) return parts
  throw new CannotRun(`--only takes one of ${PARTS.join(', ')}, not ${text}`)
}

async function convergence(
  options: Pick<ConvergencePlan, 'parts' | 'keys' | 'cutMs'>,
  say: (line: string) => void,
): Promise<Verdict> {
  const caretaker = new Caretaker()
  const root = mkdtempSync(join(tmpdir(), 'everwrite-convergence-'))
  try {
    await requireMeans(caretaker, MEANS)
    const network = await makeNetwork(caretaker, NODES)
    const places = network.nodes.map((name, i) => ({
      host: hostOf(i),
      clientPort: CLIENT_PORT,
      peerPort: PEER_PORT,
      directory: '',
      prefix: [...prefixOf(name), ...observedAs(root, i)],
    }))
    const plan = { ...options, root, places, namespaces: network.nodes }
    const terms = { prefix: prefixOf(network.hub), program: DRIVER, plan, say }
    return verdictOf(await drive<ConvergencePlan, ConvergenceResult>(terms), plan)
  } finally {
    await caretaker.end()
    rmSync(root, { recursive: true, force: true })
  }
}

function verdictOf({ cut, key, emptied }: ConvergenceResult, plan: ConvergencePlan): Verdict {
  const figures = [
    ...(cut === undefined ? [] : [ofCut(cut, plan)]),
    ...(key === undefined ? [] : [ofKey(key), ofSteady(key)]),
    ...(emptied === undefined ? [] : [ofEmptied(emptied, plan)]),
  ]
  return {
    isMet: figures.every(({ isMet }) => isMet),
    figure: figures.map(({ figure }) => figure).join('; '),
  }
}

function ofCut({ cutMs, written, isEffective, equalMs, keys }: CutFigures, plan: ConvergencePlan) {
  const areWhole = written === plan.keys.cut && keys.every((count) => count === written)
  return {
    isMet: isEffective && areWhole && equalMs <= 1000 * EQUAL_S_BAR,
    figure:
      `${written} keys written in a cut of ${seconds(cutMs)}: all roots equal ` +
      `${seconds(equalMs)} after it (bar ${EQUAL_S_BAR} s), with ${keys.join(', ')} keys`,
  }
}

function ofKey({ keys, isMendedAtStart, mended }: OneKeyFigures): Verdict {
  const slowest = Math.max(...mended.map(({ ms }) => ms))
  const most = Math.max(...mended.map(({ bytes }) => bytes))
  const mostOfAll = Math.max(...mended.map(({ bytesOfAll }) => bytesOfAll))
  return {
    isMet: isMendedAtStart && slowest <= 1000 * MENDED_S_BAR && most <= MENDED_BYTES_BAR,
    figure:
      `one key of ${keys} mended ${mended.length} times after ${seconds(slowest)} at most ` +
      `(bar ${MENDED_S_BAR} s) by a node that exchanged ${most} bytes ` +
      `(bar ${MENDED_BYTES_BAR}; all nodes ${mostOfAll})`,
  }
}

function ofSteady({ exchanges, repairs }: OneKeyFigures): Verdict {
  const [fewest, repaired] = [Math.min(...exchanges), Math.max(...repairs)]
  return {
    isMet: fewest >= STEADY_BAR && repaired === 0,
    figure: `${fewest} exchanges of each node (bar ${STEADY_BAR}) repaired ${repaired} (bar 0)`,
  }
}

function ofEmptied(figures: EmptiedFigures, plan: ConvergencePlan): Verdict {
  const { wholeMs, keys, reads, wrong, failed } = figures
  const areWhole = Number.isFinite(wholeMs) && keys.every((count) => count === plan.keys.emptied)
  return {
    isMet: areWhole && reads > 0 && wrong === 0 && failed === 0,
    figure:
      `an emptied node was whole and equal after ${seconds(wholeMs)}, with ${keys.join(', ')} ` +
      `keys; of ${reads} reads at R=2 ${wrong} were wrong and ${failed} failed (bar 0 each)`,
  }
}

function seconds(ms: number): string {
  return `${(ms / 1000).toFixed(1)} s`
}
