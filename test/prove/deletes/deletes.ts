/**
 * Shows that deleted keys stay deleted, and that nothing is left of them three minutes later.
 *
 * Five nodes, N = 3, W = R = 2, each in a network namespace. Keys are put, and deleted by the
 * context of a read, while nodes are killed, cut off and paused, one disk is emptied and one is
 * set back to a copy from before the deletes. Once all tombstones are gone, a second disk is set
 * back to before the deletes. Some thousand keys are not deleted and must keep their values.
 *
 * Rounds and the memory of requests have their defaults.
 */
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { Caretaker, requireMeans } from '../machine/caretaker.ts'
import { drive } from '../machine/drive.ts'
import { hostOf, makeNetwork, prefixOf } from '../machine/namespaces.ts'
import { argumentsOf } from '../machine/options.ts'
import type { Proof, Verdict } from '../proof.ts'
import type { DeletesPlan, DeletesResult } from './deletes-run.ts'
import { seconds } from './waning.ts'

const MEANS = ['python3', 'nsenter', 'ip', 'nft'] as const
const DRIVER = fileURLToPath(new URL('deletes-driver.js', import.meta.url))
const NODES = 5
const CLIENT_PORT = 7400
const PEER_PORT = 7500
const KEYS = 100_000
const KEPT = 4_000
const GONE_S_BAR = 180
/** Longer than the bar: a miss is told by how much. */
const WAIT_S = 240

export const proof: Proof = {
  name: 'deletes',
  shows: 'deleted keys stay away through faults and lost disks, and nothing is left of them',
  usage: '[--keys N] [--kept N]',
  run: (args) => {
    const given = argumentsOf(args)
    const keys = given.count('keys', KEYS)
    const kept = given.count('kept', KEPT)
    return deletes({ keys, kept, seed: given.seed }, (line) => console.log(line))
  },
}

async function deletes(
  options: Pick<DeletesPlan, 'keys' | 'kept' | 'seed'>,
  say: (line: string) => void,
): Promise<Verdict> {
  say(`seed ${options.seed}`)
  const caretaker = new Caretaker()
  const root = mkdtempSync(join(tmpdir(), 'everwrite-deletes-'))
  try {
    await requireMeans(caretaker, MEANS)
    const network = await makeNetwork(caretaker, NODES)
    const places = network.nodes.map((name, i) => ({
      host: hostOf(i),
      clientPort: CLIENT_PORT,
      peerPort: PEER_PORT,
      directory: join(root, `data-${i}`),
      prefix: prefixOf(name),
    }))
    const namespaces = network.nodes
    const plan: DeletesPlan = { ...options, root, places, namespaces, waitMs: WAIT_S * 1000 }
    const terms = { prefix: prefixOf(network.hub), program: DRIVER, plan, say }
    return verdictOf(await drive<DeletesPlan, DeletesResult>(terms), options.keys, say)
  } finally {
    await caretaker.end()
    rmSync(root, { recursive: true, force: true })
  }
}

function verdictOf(result: DeletesResult, keys: number, say: (line: string) => void): Verdict {
  const { deleted, deletedLate, deleteMs, faults, back, lost, reads, waning } = result
  for (const sentence of result.unexpected) say(`a node ended by itself: ${sentence}`)
  const slowest = Math.max(...waning.goneMs)
  const disks = [result.emptied, result.setBack, result.setBackLate]
  const areRebuilt = disks.every(({ isRecognised, ms }) => isRecognised && Number.isFinite(ms))
  const isClean = [...waning.leaves, ...waning.hints, ...result.leaves].every((left) => left === 0)
  const areKept = result.keys.every((count, node) => count === result.owned[node])
  const all = deleted + deletedLate
  const kinds = Object.entries(faults).map(([kind, count]) => `${count} ${kind}s`)
  const wholes = disks.map(({ isRecognised, ms }) => (isRecognised ? seconds(ms) : 'NOT KNOWN'))
  return {
    isMet:
      all >= keys &&
      back === 0 &&
      lost === 0 &&
      slowest <= 1000 * GONE_S_BAR &&
      isClean &&
      areKept &&
      areRebuilt &&
      result.unexpected.length === 0 &&
      Object.values(faults).every((count) => count > 0),
    figure:
      `${all} keys (bar ${keys}) deleted in ${seconds(deleteMs)} ` +
      `through ${kinds.join(', ')}, a disk emptied and two set back (whole after ` +
      `${wholes.join(', ')}): ${back} came back and ${lost} kept keys lost (bar 0 each) in ` +
      `${reads} reads of all owners; all tombstones gone after ${seconds(slowest)} ` +
      `(bar ${GONE_S_BAR} s), ${waning.leaves.join(', ')} leaves and ` +
      `${waning.hints.join(', ')} hints left; ${result.keys.join(', ')} copies in the end ` +
      `(bar ${result.owned.join(', ')})`,
  }
}
