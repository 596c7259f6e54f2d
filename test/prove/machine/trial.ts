/**
 * One trial: nodes are killed again and again under load, then the checkers judge the history.
 *
 *     start ─► load ─► [ wait ─► strike and restart ] × blows ─► load ends ─► sweep ─► judge
 *
 * Trials are short: a key whose copies began anew too often refuses further puts, and a log that
 * is never compacted makes each start slower than the one before.
 */
import type { Prng } from '../../../src/base/prng.ts'
import { connect } from '../../../src/index.ts'
import { Inspector } from './inspector.ts'
import { type Judgement, judge } from './judge.ts'
import { Load } from './load.ts'
import { type Nodes, wordsOf } from './nodes.ts'
import { Recording } from './recording.ts'
import { sweep } from './sweep.ts'

export interface TrialOptions {
  readonly nodes: Nodes
  readonly prng: Prng
  readonly blows: number
  /** Injects a fault and restarts the nodes. */
  readonly strike: () => Promise<void>
  /** A blow comes after so many more acknowledged writes, at most. */
  readonly writesMax: number
  readonly replicas: number
  readonly keys?: number
}

export interface TrialResult extends Judgement {
  readonly acknowledged: number
  readonly inDoubt: number
  readonly reads: number
}

const KEYS = 64
const CLIENTS = 6
const WINDOW = 4
/** A blow comes after this, acknowledged writes or not. */
const PAUSE_MS_MAX = 1_500
const STEP_MS = 2
const TIMEOUT_MS = 3_000
const ATTEMPT_MS = 400
const CONNECT_MS = 30_000
const SWEEP_MS_MAX = 60_000

/** Requires: the nodes run. They run on afterwards. */
export async function trial(options: TrialOptions): Promise<TrialResult> {
  const { nodes, prng, replicas } = options
  const recording = new Recording()
  const inspector = await Inspector.over(nodes)
  const seeds = nodes.seeds
  const terms = { timeout: TIMEOUT_MS, attemptTimeout: ATTEMPT_MS, connectTimeout: CONNECT_MS }
  const clients = await Promise.all(
    Array.from({ length: CLIENTS }, () => connect({ seeds, ...terms })),
  )
  const keys = options.keys ?? KEYS
  const isKey = (key: number): boolean => inspector.ownersOf(key).length === replicas
  const load = new Load({ clients, window: WINDOW, recording, prng, keys, isKey, replicas })
  try {
    load.begin()
    await Promise.race([load.broken(), strikes(options, recording)])
    await load.end()
    const [client] = clients
    if (client === undefined) throw new Error('a trial has clients')
    const swept = await sweep({
      ...{ client, load, recording, inspector },
      limitMs: SWEEP_MS_MAX,
      isFinal: true,
    })
    for (const key of swept.unequal) recording.violations.push(`never equal: key-${key}`)
    for (const { node, ended } of nodes.unexpected.splice(0)) {
      recording.violations.push(`ended by itself: node ${node}: ${wordsOf(ended)}`)
    }
    return {
      ...judge(recording, swept.finals, keys),
      acknowledged: recording.acknowledged,
      inDoubt: recording.outcomes['in-doubt'],
      reads: recording.reads,
    }
  } finally {
    inspector.close()
    await Promise.all(clients.map((client) => client.close()))
  }
}

/** The instant is random, so that a blow may fall anywhere in a write. */
async function strikes(options: TrialOptions, recording: Recording): Promise<void> {
  const { blows, writesMax, prng, strike } = options
  for (let blow = 0; blow < blows; blow++) {
    const target = recording.acknowledged + 1 + prng.below(writesMax)
    const until = performance.now() + PAUSE_MS_MAX
    while (recording.acknowledged < target && performance.now() < until) {
      await new Promise((resolve) => setTimeout(resolve, prng.unit() * STEP_MS))
    }
    await strike()
  }
}

/** What several trials came to. */
export class Tally {
  blows = 0
  lost = 0
  violations = 0
  acknowledged = 0
  inDoubt = 0
  reads = 0
  readonly sentences: string[] = []

  add(result: TrialResult, blows: number): void {
    this.blows += blows
    this.lost += result.lost
    this.violations += result.count
    this.acknowledged += result.acknowledged
    this.inDoubt += result.inDoubt
    this.reads += result.reads
    if (this.sentences.length === 0) this.sentences.push(...result.sentences, ...result.story)
  }

  get wrong(): number {
    return this.violations - this.lost
  }

  get line(): string {
    return (
      `${this.acknowledged} acknowledged writes, ${this.inDoubt} in doubt, ${this.reads} reads: ` +
      `${this.lost} lost, ${this.wrong} wrong`
    )
  }
}
