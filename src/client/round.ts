/**
 * Has a node open a round now, and asks it again and again until one that opened since is adopted.
 */
import { EMPTY_BYTES } from '../base/bytes.ts'
import type { RoundReport } from '../wire/message/client.ts'
import type { Core } from './bucket.ts'
import { type Checks, optionsCheck, TEXT } from './check-options.ts'
import type { MemberLabel } from './explanation.ts'
import { linkNamed } from './named.ts'
import { CALL_CHECKS, type CallOptions } from './options.ts'
import { linkOf, memberOf } from './ranges.ts'

/** Where a node stands in rounds. */
export interface NodeRound {
  /** The number of the round that it adopted last; 0: none. */
  readonly adopted: number
  /** Milliseconds since then, or since the node's start. */
  readonly ageMs: number
  /** Why the last round came to nothing, what this one waits for, or why none opens. */
  readonly obstacle: string | undefined
}

export interface RoundOptions extends CallOptions {
  /** The name of the member that opens the round; by default any. */
  readonly node?: string | undefined
  /** Called with each answer. */
  readonly onProgress?: ((progress: RoundProgress) => void) | undefined
}

export interface RoundProgress extends MemberLabel, NodeRound {
  /** A round was adopted that opened after the call began. */
  readonly isAdopted: boolean
}

/** One question waits so long, which is less than an attempt lasts. */
const ASK_MS_MAX = 300

const CHECKS: Checks<RoundOptions> = {
  ...CALL_CHECKS,
  node: TEXT,
  onProgress: { words: 'a function', isRight: (value) => typeof value === 'function' },
}
const checkRound = optionsCheck<RoundOptions>('round', CHECKS)

/** Resolves with the state at the end of the call's time where no round was adopted by then. */
export async function askRound(
  core: Core,
  options: RoundOptions | undefined,
): Promise<RoundProgress> {
  checkRound(options)
  const { node, signal, timeout = core.timeoutMs, onProgress } = options ?? {}
  const untilMs = core.now() + timeout
  const terms = { bucket: EMPTY_BYTES, from: undefined, run: core.random.requestId() }
  let only = node === undefined ? undefined : linkNamed(core.pool, 'round', node)
  /** Known before the first question. */
  let highest: number | undefined
  for (;;) {
    const leftMs = untilMs - core.now()
    const deadlineMs = Math.max(1, Math.floor(Math.min(ASK_MS_MAX, leftMs / 2)))
    const request = { ...terms, deadlineMs, opensRound: true }
    const plan = { kind: 'repair', isWrite: false, only, request: () => request } as const
    const reply = await core.calls.run(plan, { signal, timeout: leftMs })
    const { adopted = 0 } = reply.round ?? {}
    highest ??= reply.round?.highest ?? 0
    const isAdopted = adopted > highest
    const round = nodeRoundOf(reply.round)
    const progress = { ...memberOf(core.pool, reply.node), ...round, isAdopted }
    onProgress?.(progress)
    if (isAdopted || untilMs - core.now() < ASK_MS_MAX) return progress
    only ??= linkOf(core.pool, reply.node)
  }
}

export function nodeRoundOf(report: RoundReport | undefined): NodeRound {
  const { adopted = 0, ageMs = 0, obstacle = '' } = report ?? {}
  return { adopted, ageMs, obstacle: obstacle === '' ? undefined : obstacle }
}
