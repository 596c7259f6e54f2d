/**
 * Tells where a key is: the owners and fallbacks, what each of them holds durably of it, and where
 * each stands in rounds and comparisons.
 *
 * Each member is asked once, all at the same time. One that cannot be asked, fails or is late is
 * listed with the reason. Nothing is merged and nothing is repaired: what people see is what is
 * there. A client that waits for a write to be at its owners asks them in the same way.
 */
import { type Deliver, isFailure, perform } from '../../base/deliver.ts'
import type { ErrorCode, OperatingError } from '../../base/errors.ts'
import { type CopyId, type NodeId, OWN } from '../../dynamo/names.ts'
import { decodeOutline } from '../../dynamo/version/object-bytes.ts'
import { isCovered, type Receipt } from '../../dynamo/version/receipt.ts'
import type { Clock } from '../../world/clock.ts'
import type { PeerCalls } from '../cluster/peer-calls.ts'
import type { ExplainedNode, OutlinedCopy, Teller, ToldKey } from '../requests.ts'
import type { Placement } from './quorums.ts'

export interface ExplainDependencies {
  readonly clock: Clock
  readonly self: NodeId
  readonly teller: Teller
  readonly peers: Pick<PeerCalls, 'copiesOf'>
}

/** The key, and which of its members to ask. */
export interface Question {
  readonly copy: CopyId
  readonly placement: Placement
  readonly ownersOnly: boolean
  readonly receipt: Receipt | undefined
  /** An instant of the node's clock. */
  readonly deadline: number
}

type Told = ToldKey | ErrorCode

/** A member that has not told by then is late: the client waits for one answer about all. */
const MEMBER_MS_MAX = 300

const NOT_TOLD = { copies: [], coversReceipt: false, standing: undefined } as const

/** Delivers the members in order of preference when all have told, or are late. */
export function explain(
  node: ExplainDependencies,
  { copy, placement, ownersOnly, receipt, deadline }: Question,
  deliver: Deliver<readonly ExplainedNode[]>,
): void {
  const { clock, self, teller, peers } = node
  const { owners, others, ring } = placement
  const asked = ownersOnly ? owners : [...owners, ...others]
  const leftMs = Math.max(0, Math.min(MEMBER_MS_MAX, deadline - clock.now()))
  const told = new Map<NodeId, Told>()
  let isDelivered = false
  const end = (): void => {
    isDelivered = true
    timer.cancel()
    deliver(
      asked.map((member) => {
        const isOwner = owners.includes(member)
        return explained(member, isOwner, told.get(member) ?? 'deadline-passed', receipt)
      }),
    )
  }
  const timer = clock.after(leftMs, end)
  for (const member of asked) {
    const onTold = (result: ToldKey | OperatingError): void => {
      told.set(member, isFailure(result) ? result.code : result)
      if (!isDelivered && told.size === asked.length) end()
    }
    if (member === self) perform(() => teller.tell(copy), onTold)
    else peers.copiesOf(member, copy, { ring, deadline }, onTold)
  }
}

function explained(
  node: NodeId,
  isOwner: boolean,
  told: Told,
  receipt: Receipt | undefined,
): ExplainedNode {
  if (typeof told === 'string') return { node, isOwner, failure: told, ...NOT_TOLD }
  const { copies, standing } = told
  const coversReceipt = receipt !== undefined && copies.some((copy) => covers(copy, receipt))
  return { node, isOwner, failure: undefined, copies, coversReceipt, standing }
}

/** Whether this is a node's own copy and has what the receipt stands for. */
function covers({ place, outline }: OutlinedCopy, receipt: Receipt): boolean {
  const object = place === OWN ? decodeOutline(outline) : undefined
  return object !== undefined && isCovered(receipt, object.context)
}
