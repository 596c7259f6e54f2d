/**
 * Waits until owners hold a write durably: asks a node again and again which of them do.
 *
 * The owners hold a write at last by themselves: those that were away get it from other nodes when
 * they are back. This only watches, and asks less often the longer it takes.
 */
import { type FailedNode, isOperatingError, OperatingError } from '../base/errors.ts'
import { REPLICAS_MAX } from '../limits.ts'
import type { ExplainReply } from '../wire/message/client.ts'
import type { Core } from './bucket.ts'
import { type Checks, COUNT, type OptionsCheck, optionsCheck } from './check-options.ts'
import { unsent } from './failure.ts'
import { CALL_CHECKS, type CallOptions } from './options.ts'
import { isReceipt, type Receipt } from './receipt.ts'

export interface DurableOptions extends CallOptions {
  /** Owners that must hold the write; by default all N. */
  readonly copies?: number | undefined
}

const PAUSE_MS_MIN = 10
const PAUSE_MS_MAX = 500
/** Time of one question. */
const ASK_MS_MAX = 2_000

const CHECKS: Checks<DurableOptions> = { ...CALL_CHECKS, copies: COUNT }
const checkDurable: OptionsCheck<DurableOptions> = optionsCheck('durable', CHECKS)

/** Resolves with the ids of the owners that hold it; fails with `not-yet` when its time is up. */
export async function awaitDurable(
  core: Core,
  receipt: Receipt,
  options: DurableOptions | undefined,
): Promise<readonly string[]> {
  checkDurable(options)
  if (!isReceipt(receipt)) {
    throw unsent('input-wrong', 'durable takes the receipt of a put or get first')
  }
  const { copies, signal, timeout = core.timeoutMs } = options ?? {}
  if (copies !== undefined && !(Number.isInteger(copies) && copies >= 1)) {
    throw unsent('quorum-wrong', `copies is ${copies}: give 1 to ${REPLICAS_MAX}, or none for all`)
  }
  const deadline = core.now() + timeout
  for (let pauseMs = PAUSE_MS_MIN; ; pauseMs = Math.min(PAUSE_MS_MAX, 2 * pauseMs)) {
    const reply = await ask(core, receipt, { signal, timeout: deadline - core.now() })
    if (isOperatingError(reply)) {
      if (core.now() + pauseMs >= deadline) throw reply
      await core.pause(pauseMs)
      continue
    }
    const needed = copies ?? reply.nodes.length
    if (needed > reply.nodes.length) {
      const sentence = `copies is ${copies}: the key has ${reply.nodes.length} owners`
      throw unsent('quorum-wrong', sentence)
    }
    const holding = reply.nodes.filter(({ coversReceipt }) => coversReceipt)
    if (holding.length >= needed) return holding.map(({ node }) => node)
    if (core.now() + pauseMs >= deadline) throw notYet(core, reply, needed)
    await core.pause(pauseMs)
  }
}

/** Resolves with a failure where the question may be asked again. */
async function ask(
  core: Core,
  { name, sealed }: Receipt,
  options: CallOptions,
): Promise<ExplainReply | OperatingError> {
  const timeout = Math.max(1, Math.min(ASK_MS_MAX, options.timeout ?? ASK_MS_MAX))
  const request = { name, ownersOnly: true, receipt: sealed }
  try {
    return await core.calls.run(
      {
        kind: 'explain',
        isWrite: false,
        heldBytes: name.key.length,
        request: (deadlineMs) => ({ ...request, deadlineMs }),
      },
      { ...options, timeout },
    )
  } catch (error) {
    const isPassing = isOperatingError(error) && error.isRetryable && error.code !== 'aborted'
    if (isPassing) return error
    throw error
  }
}

/** Names the owners that lack the write: `receipt-unmet` where one has told that it does. */
function notYet({ pool }: Core, { nodes }: ExplainReply, needed: number): OperatingError {
  const lacking = nodes.filter(({ coversReceipt }) => !coversReceipt)
  const failed: FailedNode[] = lacking.map(({ node, failure }) => {
    return { node, code: failure ?? 'receipt-unmet' }
  })
  const answered = nodes.length - lacking.length
  const details = pool.withNames({ needed, answered, nodes: failed })
  const missing = (details?.nodes ?? []).map(({ node, name, code }) => `${name ?? node} (${code})`)
  return new OperatingError(
    'not-yet',
    `${answered} of the ${needed} owners asked for hold the write; missing: ${missing.join(', ')}`,
    { details },
  )
}
