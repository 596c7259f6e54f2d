/**
 * How the copies of a node's partitions compare with those of the other owners, as people read it.
 *
 * A call that waits asks again and again: a node answers each question within a short time, and the
 * next one tells it since when the call goes on. So the moment that counts stays the same, though
 * the two sides have no clock in common.
 */
import type { U64 } from '../base/u64.ts'
import type { NodeId } from '../dynamo/names.ts'
import type { FoundEqual, RangesReply, TreeRanges } from '../wire/message/client.ts'
import type { Request } from '../wire/message/table.ts'
import type { Core } from './bucket.ts'
import { type Checks, optionsCheck, TEXT } from './check-options.ts'
import type { MemberLabel } from './explanation.ts'
import type { Link } from './link.ts'
import { linkNamed } from './named.ts'
import { CALL_CHECKS, type CallOptions } from './options.ts'
import type { Pool } from './pool.ts'

export interface RangesOptions extends CallOptions {
  /** The name of the node to ask; by default any. */
  readonly node?: string | undefined
  /** Resolve when each partition was found equal after the call began, or when time is up. */
  readonly until?: 'equal' | undefined
}

/** A root that was found equal, and for how many milliseconds this is known. */
export interface EqualRoot {
  /** 16 digits. */
  readonly root: string
  readonly ageMs: number
}

/** Another owner of a partition. */
export interface ComparedOwner extends MemberLabel {
  /** The last root that both had; undefined: none was found since the node started. */
  readonly equal: EqualRoot | undefined
  /** For so long they differ, without a break; undefined: no difference was found last. */
  readonly differsMs: number | undefined
}

/** A partition, and the copies in it of the buckets with one N. */
export interface PartitionRange {
  readonly n: number
  readonly partition: number
  /** The sum of the digests of the node's copies, 16 digits. */
  readonly root: string
  /** What all owners had in common when the node compared with each last, the oldest of these. */
  readonly equal: EqualRoot | undefined
  readonly others: readonly ComparedOwner[]
}

/** What one node knows of its partitions. */
export interface NodeRanges extends MemberLabel {
  /** It has all that it acknowledged. */
  readonly isWhole: boolean
  /** Each partition is equal at all owners; with `until`, and was found so after the call began. */
  readonly isEqual: boolean
  /** The number of the round that the node has adopted, for all its partitions; 0: none. */
  readonly round: number
  readonly ranges: readonly PartitionRange[]
}

/** One question waits so long, which is less than an attempt lasts. */
const ASK_MS_MAX = 300

const CHECKS: Checks<RangesOptions> = {
  ...CALL_CHECKS,
  node: TEXT,
  until: { words: "'equal'", isRight: (value) => value === 'equal' },
}
const checkRanges = optionsCheck<RangesOptions>('ranges', CHECKS)

/** Resolves with the state at the end of the call's time where not all is equal by then. */
export async function askRanges(
  core: Core,
  options: RangesOptions | undefined,
): Promise<NodeRanges> {
  checkRanges(options)
  const { node, until, signal, timeout = core.timeoutMs } = options ?? {}
  const untilEqual = until === 'equal'
  const beganMs = core.now()
  let only = node === undefined ? undefined : linkNamed(core.pool, 'ranges', node)
  for (;;) {
    const leftMs = beganMs + timeout - core.now()
    const waitMs = Math.max(1, Math.floor(Math.min(ASK_MS_MAX, leftMs / 2)))
    const request = (): Request<'ranges'> => ({
      untilEqual,
      withinMs: Math.floor(core.now() - beganMs),
      deadlineMs: untilEqual ? waitMs : 0,
    })
    const plan = { kind: 'ranges', isWrite: false, only, request } as const
    const reply = await core.calls.run(plan, { signal, timeout: leftMs })
    const isLate = beganMs + timeout - core.now() < ASK_MS_MAX
    if (!untilEqual || reply.isEqual || isLate) return nodeRangesOf(reply, core.pool)
    only ??= linkOf(core.pool, reply.node)
  }
}

/** The link to the node that has answered: the same one is asked again. */
export function linkOf(pool: Pool, node: NodeId): Link | undefined {
  const member = memberOf(pool, node)
  return member.name === '' ? undefined : pool.named(member.name)
}

export function memberOf(pool: Pool, node: NodeId): MemberLabel {
  return { id: node, name: pool.routes?.ring.member(node)?.name ?? '' }
}

function nodeRangesOf(reply: RangesReply, pool: Pool): NodeRanges {
  const { node, isWhole, isEqual, round, trees } = reply
  const ranges = trees.flatMap((tree) => rangesOf(tree, pool))
  return { ...memberOf(pool, node), isWhole, isEqual, round, ranges }
}

function rangesOf({ n, ranges, others }: TreeRanges, pool: Pool): readonly PartitionRange[] {
  const byPartition = new Map<number, ComparedOwner[]>()
  for (const { node, compared } of others) {
    const label = memberOf(pool, node)
    for (const { partition, equal, differsMs } of compared) {
      const owners = byPartition.get(partition) ?? []
      byPartition.set(partition, owners)
      owners.push({ ...label, equal: equalRootOf(equal), differsMs })
    }
  }
  return ranges.map(({ partition, root, equal }) => ({
    n,
    partition,
    root: rootOf(root),
    equal: equalRootOf(equal),
    others: byPartition.get(partition) ?? [],
  }))
}

function equalRootOf(equal: FoundEqual | undefined): EqualRoot | undefined {
  return equal && { root: rootOf(equal.sum), ageMs: equal.ms }
}

function rootOf({ hi, lo }: U64): string {
  return hi.toString(16).padStart(8, '0') + lo.toString(16).padStart(8, '0')
}
