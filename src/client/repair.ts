/**
 * Has a node exchange with the other owners now, and follows it to the end.
 *
 * The node is asked again and again how far it is: the id of the run, drawn here, is the same in
 * all questions, so none begins the work anew.
 */
import type { ErrorCode } from '../base/errors.ts'
import { EMPTY_BYTES } from '../base/bytes.ts'
import type { NodeId } from '../dynamo/names.ts'
import type { RepairReply } from '../wire/message/client.ts'
import type { Request } from '../wire/message/table.ts'
import { bucketBytes, type Core } from './bucket.ts'
import { type Checks, optionsCheck, TEXT } from './check-options.ts'
import type { MemberLabel } from './explanation.ts'
import { unsent } from './failure.ts'
import type { Link } from './link.ts'
import { linkNamed } from './named.ts'
import { CALL_CHECKS, type CallOptions } from './options.ts'
import type { Pool } from './pool.ts'

export interface RepairOptions extends Pick<CallOptions, 'signal'> {
  /** Only copies of buckets that have the N of this one; by default of all buckets. */
  readonly bucket?: string | undefined
  /** The name of the member to take from; by default all other owners. */
  readonly from?: string | undefined
  /** Time for each question, in milliseconds: a node that is silent for so long fails the call. */
  readonly timeout?: number | undefined
  /** Called with each answer. */
  readonly onProgress?: ((progress: RepairProgress) => void) | undefined
}

/** How far a node is; or how far it came, where all members are done. */
export interface RepairProgress extends MemberLabel {
  /** To exchange with. */
  readonly members: number
  readonly done: number
  /** Leaves of the hash trees that differed, and keys whose copies at the node became newer. */
  readonly leaves: number
  readonly keys: number
  /** Members from which the node could not get all, and why. */
  readonly unfinished: readonly (MemberLabel & { readonly code: ErrorCode })[]
}

/** One question waits so long, which is less than an attempt lasts. */
const ASK_MS_MAX = 300

const CHECKS: Checks<RepairOptions> = {
  ...CALL_CHECKS,
  bucket: TEXT,
  from: TEXT,
  onProgress: { words: 'a function', isRight: (value) => typeof value === 'function' },
}
const checkRepair = optionsCheck<RepairOptions>('repair', CHECKS)

/** Resolves when the node has done or tried all exchanges. */
export async function askRepair(
  core: Core,
  node: string,
  options: RepairOptions | undefined,
): Promise<RepairProgress> {
  checkRepair(options)
  const { bucket, from, signal, timeout = core.timeoutMs, onProgress } = options ?? {}
  const only = linkNamed(core.pool, 'repair', node)
  if (from === node) throw unsent('input-wrong', `${node} cannot take from itself: name another`)
  const terms = {
    bucket: bucket === undefined ? EMPTY_BYTES : bucketBytes(bucket),
    from: from === undefined ? undefined : idOf(core.pool, from),
    run: core.random.requestId(),
    opensRound: false,
  }
  for (;;) {
    const reply = await ask(core, only, terms, { signal, timeout })
    const progress = progressOf(reply, core.pool)
    onProgress?.(progress)
    if (reply.isDone) return progress
  }
}

function ask(
  { calls }: Core,
  only: Link,
  terms: Omit<Request<'repair'>, 'deadlineMs'>,
  options: CallOptions & { readonly timeout: number },
): Promise<RepairReply> {
  const deadlineMs = Math.max(1, Math.floor(Math.min(ASK_MS_MAX, options.timeout / 2)))
  const request = { ...terms, deadlineMs }
  return calls.run({ kind: 'repair', isWrite: false, only, request: () => request }, options)
}

/** Throws `input-wrong` where no member has the name. */
function idOf(pool: Pool, name: string): NodeId | undefined {
  linkNamed(pool, 'repair', name)
  return pool.routes?.members.find((member) => member.name === name)?.id
}

function progressOf(
  { node, members, done, leaves, keys, unfinished }: RepairReply,
  pool: Pool,
): RepairProgress {
  const labelOf = (id: NodeId): MemberLabel => {
    return { id, name: pool.routes?.ring.member(id)?.name ?? '' }
  }
  const named = unfinished.map(({ node: other, code }) => ({ ...labelOf(other), code }))
  return { ...labelOf(node), members, done, leaves, keys, unfinished: named }
}
