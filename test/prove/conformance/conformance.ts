/**
 * The proof `conformance`: a client in another language, written from the protocol's page alone,
 * agrees with real nodes.
 *
 * The client is in Python, with its standard library only. It runs its checks against three nodes
 * without a token and one node of another cluster with a token; it asks for the third node to stop.
 */
import { spawn, spawnSync } from 'node:child_process'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import { SINGLE } from '../input/row.ts'
import { CannotRun, type Proof, type Verdict } from '../proof.ts'
import { ServedCluster } from '../../support/served-cluster.ts'
import type { Address } from '../../../src/world/network.ts'

const CHECKS_MIN = 150
const CLUSTER = 'open'
const WINDOW_BYTES = 1 << 20
const GUARDED = {
  nodes: 1,
  cluster: 'guarded',
  token: 'open sesame',
  settings: { 'window-bytes': WINDOW_BYTES },
} as const
const SCRIPT = fileURLToPath(
  new URL('../../../../test/prove/conformance/checks.py', import.meta.url),
)
/** The client's oldest Python. */
const HAS_PYTHON = 'import sys; sys.exit(sys.version_info < (3, 9))'

export const proof: Proof = {
  name: 'conformance',
  shows: 'a client in Python, written from the protocol’s page alone, agrees with the nodes',
  run: async () => {
    if (!hasPython()) throw new CannotRun('install python3, version 3.9 or newer')
    return conformance({ isShort: false, say: (line) => console.log(line) })
  },
}

/** Whether this machine can run the client. */
export function hasPython(): boolean {
  return spawnSync('python3', ['-c', HAS_PYTHON]).status === 0
}

export interface ConformanceOptions {
  /** Whether to leave out long messages and what waits for a time to pass. */
  readonly isShort: boolean
  /** Gets a line for each check that fails. */
  readonly say: (line: string) => void
}

/** Runs the checks. Requires: `hasPython`. */
export async function conformance(options: ConformanceOptions): Promise<Verdict> {
  const clusters: ServedCluster[] = []
  try {
    const open = await ServedCluster.start({ nodes: 3, cluster: CLUSTER, buckets: [SINGLE] })
    clusters.push(open)
    const guarded = await ServedCluster.start(GUARDED)
    clusters.push(guarded)
    const { checks, failed } = await runChecks(open, guarded, options)
    const isMet = checks >= CHECKS_MIN && failed === 0
    const figure = `${checks} checks, ${failed} failed (bar: at least ${CHECKS_MIN}, 0)`
    return { isMet, figure }
  } finally {
    await Promise.all(clusters.map((cluster) => cluster.stop()))
  }
}

interface Counts {
  readonly checks: number
  readonly failed: number
}

async function runChecks(
  open: ServedCluster,
  guarded: ServedCluster,
  { isShort, say }: ConformanceOptions,
): Promise<Counts> {
  const pair = ({ host, port }: Address): readonly [string, number] => [host, port]
  const given = {
    addresses: [0, 1, 2].map((node) => pair(open.clientAddress(node))),
    cluster: CLUSTER,
    peerAddress: pair(open.peerAddress(0)),
    guarded: pair(guarded.clientAddress(0)),
    guardedCluster: GUARDED.cluster,
    token: GUARDED.token,
    guardedWindow: WINDOW_BYTES,
    isShort,
  }
  // `-B`: without files of compiled code beside the sources.
  const child = spawn('python3', ['-B', SCRIPT, JSON.stringify(given)], {
    stdio: ['pipe', 'pipe', 'inherit'],
  })
  let counts: Counts | undefined
  for await (const line of createInterface({ input: child.stdout })) {
    if (line.startsWith('{')) {
      counts = JSON.parse(line) as Counts
    } else if (line === 'stop') {
      const stopped = open.stopNode(2)
      child.stdin.write('stopping\n')
      await stopped
    } else {
      say(line)
    }
  }
  if (counts === undefined) throw new Error('the client in Python ended before its last check')
  return counts
}
