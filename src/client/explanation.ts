/** Where a key is, as people read it: members by name, dots and contexts in figures. */
import type { ErrorCode } from '../base/errors.ts'
import { OperatingError } from '../base/errors.ts'
import { readU32 } from '../base/bytes.ts'
import { type NodeId, OWN } from '../dynamo/names.ts'
import type { Member } from '../dynamo/ring/ring.ts'
import type { Range } from '../dynamo/version/context.ts'
import type { Dot } from '../dynamo/version/dot.ts'
import { decodeOutline } from '../dynamo/version/object-bytes.ts'
import type { Sibling } from '../dynamo/version/object.ts'
import { requestLabel } from '../dynamo/version/request-id.ts'
import type { ExplainedNode as NodeReply, ExplainReply } from '../wire/message/client.ts'
import type { OutlinedCopy } from '../wire/message/parts.ts'

/** A member, by its id and name; the name is empty where it is none any more. */
export interface MemberLabel {
  readonly id: string
  readonly name: string
}

/** The name of one write: who coordinated it, and its number there. */
export interface ExplainedDot {
  readonly coordinator: MemberLabel
  /** One run of the coordinator's process, 16 digits. */
  readonly start: string
  /** The number of the first write of the copy that it was made in. */
  readonly opened: number
  readonly counter: number
}

/** The writes of one copy, from `first` to `last`. */
export interface ExplainedRange extends Omit<ExplainedDot, 'counter'> {
  readonly first: number
  readonly last: number
}

export interface ExplainedSibling {
  /** 32 digits. */
  readonly requestId: string
  /** One, and one more for each further attempt that another node took. */
  readonly dots: readonly ExplainedDot[]
  /** When it was written, by its coordinator's clock: milliseconds since 1970. */
  readonly time: number
  readonly isTombstone: boolean
  readonly valueBytes: number
}

export interface ExplainedCopy {
  /** The owner for which it is kept as a hint; undefined: the node's own copy. */
  readonly hintFor: MemberLabel | undefined
  readonly siblings: readonly ExplainedSibling[]
  /** All writes that the copy knows: those of its siblings, and those that they replaced. */
  readonly context: readonly ExplainedRange[]
}

export interface ExplainedNode extends MemberLabel {
  readonly machine: string
  readonly role: 'owner' | 'fallback'
  /** Why it has not told what it holds; undefined: it has. */
  readonly failure: ErrorCode | undefined
  readonly copies: readonly ExplainedCopy[]
}

export interface Explanation {
  /** The key's place on the ring, 16 digits. */
  readonly token: string
  readonly partition: number
  /** In order of preference: the owners, then the fallbacks. */
  readonly nodes: readonly ExplainedNode[]
}

/** Fails with `message-garbled` where a copy is none. */
export function explanationOf(
  { token, partition, nodes }: ExplainReply,
  members: readonly Member[],
): Explanation {
  const labels = new Labels(members)
  return {
    token: token.hi.toString(16).padStart(8, '0') + token.lo.toString(16).padStart(8, '0'),
    partition,
    nodes: nodes.map((node) => labels.nodeOf(node)),
  }
}

/** Names members. */
class Labels {
  readonly #members: ReadonlyMap<NodeId, Member>

  constructor(members: readonly Member[]) {
    this.#members = new Map(members.map((member) => [member.id, member]))
  }

  #of(id: NodeId): MemberLabel {
    return { id, name: this.#members.get(id)?.name ?? '' }
  }

  nodeOf({ node, isOwner, failure, copies }: NodeReply): ExplainedNode {
    const machine = this.#members.get(node)?.machine ?? ''
    const role = isOwner ? 'owner' : 'fallback'
    const explained = copies.map((copy) => this.#copyOf(copy))
    return { ...this.#of(node), machine, role, failure, copies: explained }
  }

  #copyOf({ place, outline }: OutlinedCopy): ExplainedCopy {
    const object = decodeOutline(outline)
    if (object === undefined) {
      throw new OperatingError('message-garbled', 'a node sent a copy of a key that is none')
    }
    return {
      hintFor: place === OWN ? undefined : this.#of(place),
      siblings: object.siblings.map((sibling) => this.#siblingOf(sibling)),
      context: object.context.ranges.map((range) => this.#rangeOf(range)),
    }
  }

  /** In an outline the value is its length. */
  #siblingOf({ requestId, dots, time, value }: Sibling): ExplainedSibling {
    return {
      requestId: requestLabel(requestId),
      dots: dots.map((dot) => this.#dotOf(dot)),
      time,
      isTombstone: value === undefined,
      valueBytes: value === undefined ? 0 : readU32(value, 0),
    }
  }

  #dotOf({ node, start, opened, counter }: Dot): ExplainedDot {
    return { coordinator: this.#of(node), start, opened, counter }
  }

  #rangeOf({ node, start, opened, first, last }: Range): ExplainedRange {
    return { coordinator: this.#of(node), start, opened, first, last }
  }
}
