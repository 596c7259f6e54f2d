/** Where a key is, as people read it: members by name, dots and contexts in figures. */
import { readU32 } from '../base/bytes.ts'
import { type ErrorCode, OperatingError } from '../base/errors.ts'
import { equalU64, type U64 } from '../base/u64.ts'
import { type NodeId, OWN } from '../dynamo/names.ts'
import { leafOf } from '../dynamo/repair/branches.ts'
import { type Floor, isUnder, NO_FLOOR, replacedRanges } from '../dynamo/repair/floor.ts'
import type { ComparedWith, KeyStanding } from '../dynamo/repair/key-standing.ts'
import { removalOf, type ToldMember, type WaitReason } from '../dynamo/repair/removal.ts'
import type { Member } from '../dynamo/ring/ring.ts'
import type { Range } from '../dynamo/version/context.ts'
import type { Dot } from '../dynamo/version/dot.ts'
import { decodeOutline } from '../dynamo/version/object-bytes.ts'
import type { Sibling, VersionedObject } from '../dynamo/version/object.ts'
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
  /** It lies at or below the floor that the node has adopted. */
  readonly isBelowFloor: boolean
}

/** The writes of one copy, from `first` to `last`. */
export interface ExplainedRange extends Omit<ExplainedDot, 'counter'> {
  readonly first: number
  readonly last: number
  /** All of these writes are replaced, as far as the copy knows. */
  readonly isReplaced: boolean
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
  /** Keyed, over the siblings, 16 digits: copies with the same siblings have the same one. */
  readonly digest: string
  readonly siblings: readonly ExplainedSibling[]
  /** All writes that the copy knows: those of its siblings, and those that they replaced. */
  readonly context: readonly ExplainedRange[]
}

/** What an owner's comparisons of the partition with another owner have found. */
export interface ExplainedComparison {
  readonly owner: MemberLabel
  /** So many milliseconds ago both had one root; undefined: never since the node started. */
  readonly equalMs: number | undefined
  /** For so long they differ without a break; undefined: the last comparison found them equal. */
  readonly differsMs: number | undefined
}

/** Where a node stands in rounds, and how its copies compare with those of the other owners. */
export interface ExplainedStanding {
  /** The round whose floor the node has adopted; 0: none. */
  readonly round: number
  /** Milliseconds since it adopted that, or since it started. */
  readonly roundAgeMs: number
  /** Its setting `round-ms`: how old a round becomes before the next one opens. */
  readonly roundMs: number
  /** Why no round ends, in a sentence, as the node knows; undefined: nothing holds one up. */
  readonly obstacle: string | undefined
  /** A request that may be repeated has written what a floor would remove of its own copy. */
  readonly isRemembered: boolean
  /** The sum of its copies in the partition, 16 digits; undefined: no owner, or not read yet. */
  readonly root: string | undefined
  readonly compared: readonly ExplainedComparison[]
}

/** Something that must happen at a node before the key, or ranges of its context, can go. */
export interface ExplainedWait extends MemberLabel {
  readonly reason: WaitReason
}

/** What the removal of a deleted key waits for, or that of ranges of a long context. */
export interface ExplainedRemoval {
  readonly of: 'key' | 'context'
  readonly waits: readonly ExplainedWait[]
}

export interface ExplainedNode extends MemberLabel {
  readonly machine: string
  readonly role: 'owner' | 'fallback'
  /** Why it has not told what it holds; undefined: it has. */
  readonly failure: ErrorCode | undefined
  readonly copies: readonly ExplainedCopy[]
  /** Undefined: it has not told. */
  readonly standing: ExplainedStanding | undefined
}

export interface Explanation {
  /** The key's place on the ring, 16 digits. */
  readonly token: string
  readonly partition: number
  /** The leaf of the hash trees that the key is below: the first 5 digits of the token. */
  readonly leaf: string
  /** The owners' own copies have the same siblings; undefined: not all owners have told. */
  readonly areEqual: boolean | undefined
  /** Milliseconds since all owners' roots were found equal in pairs; undefined: they were not. */
  readonly equalMs: number | undefined
  /** Milliseconds for which the roots of two owners differ, the longest; undefined: none do. */
  readonly differsMs: number | undefined
  /** Undefined where nothing of the key is to go. */
  readonly removal: ExplainedRemoval | undefined
  /** In order of preference: the owners, then the fallbacks. */
  readonly nodes: readonly ExplainedNode[]
}

/** Fails with `message-garbled` where a copy is none. */
export function explanationOf(
  { token, partition, nodes, n, policy }: ExplainReply,
  members: readonly Member[],
): Explanation {
  const labels = new Labels(members)
  const decoded = nodes.map(decodedOf)
  const removal = removalOf(decoded.map(toldMemberOf), { n, policy })
  return {
    token: digitsOf(token),
    partition,
    leaf: leafOf(token).toString(16).padStart(5, '0'),
    areEqual: areEqual(nodes.filter(({ isOwner }) => isOwner)),
    ...rootsOf(nodes),
    removal: removal && {
      of: removal.of,
      waits: removal.waits.map(({ reason, node }) => ({ reason, ...labels.of(node) })),
    },
    nodes: decoded.map((node) => labels.nodeOf(node)),
  }
}

interface DecodedCopy extends OutlinedCopy {
  readonly object: VersionedObject
}

interface DecodedNode extends NodeReply {
  readonly copies: readonly DecodedCopy[]
}

function decodedOf(node: NodeReply): DecodedNode {
  const copies = node.copies.map((copy) => {
    const object = decodeOutline(copy.outline)
    if (object === undefined) {
      throw new OperatingError('message-garbled', 'a node sent a copy of a key that is none')
    }
    return { ...copy, object }
  })
  return { ...node, copies }
}

function toldMemberOf({ node, isOwner, copies, standing }: DecodedNode): ToldMember {
  if (standing === undefined) return { node, isOwner, told: undefined }
  const { round, floor, isRemembered } = standing
  const own = copies.find(({ place }) => place === OWN)?.object
  const hints = copies.filter(({ place }) => place !== OWN).map(({ object }) => object)
  return { node, isOwner, told: { round, floor, own, hints, isRemembered } }
}

/** Copies that differ do so whatever the owners hold that have not told. */
function areEqual(owners: readonly NodeReply[]): boolean | undefined {
  const told = owners.filter(({ failure }) => failure === undefined)
  const digests = told.map(({ copies }) => copies.find(({ place }) => place === OWN)?.digest)
  const [first] = digests
  const isFirst = (digest: U64 | undefined): boolean =>
    digest === undefined || first === undefined ? digest === first : equalU64(digest, first)
  if (!digests.every(isFirst)) return false
  return told.length === owners.length ? true : undefined
}

/** Of each pair of owners the newer of what both have found. */
function rootsOf(nodes: readonly NodeReply[]): Pick<Explanation, 'equalMs' | 'differsMs'> {
  const owners = nodes.filter(({ isOwner }) => isOwner)
  const pairs = owners.flatMap((a, i) => owners.slice(i + 1).map((b) => [a, b] as const))
  let equalMs = 0
  let differsMs = -1
  for (const [a, b] of pairs) {
    const found = [comparisonOf(a, b), comparisonOf(b, a)]
    const equal = Math.min(...found.map((one) => one?.equalMs ?? Number.POSITIVE_INFINITY))
    const differs = Math.max(...found.map((one) => one?.differsMs ?? -1))
    equalMs = Math.max(equalMs, equal)
    if (differs < equal) differsMs = Math.max(differsMs, differs)
  }
  const isEqual = pairs.length > 0 && differsMs < 0 && equalMs !== Number.POSITIVE_INFINITY
  return {
    equalMs: isEqual ? equalMs : undefined,
    differsMs: differsMs < 0 ? undefined : differsMs,
  }
}

function comparisonOf({ standing }: NodeReply, { node }: NodeReply): ComparedWith | undefined {
  return standing?.compared.find((one) => one.node === node)
}

function digitsOf({ hi, lo }: U64): string {
  return hi.toString(16).padStart(8, '0') + lo.toString(16).padStart(8, '0')
}

/** Names members. */
class Labels {
  readonly #members: ReadonlyMap<NodeId, Member>

  constructor(members: readonly Member[]) {
    this.#members = new Map(members.map((member) => [member.id, member]))
  }

  of(id: NodeId): MemberLabel {
    return { id, name: this.#members.get(id)?.name ?? '' }
  }

  nodeOf({ node, isOwner, failure, copies, standing }: DecodedNode): ExplainedNode {
    const machine = this.#members.get(node)?.machine ?? ''
    const role = isOwner ? 'owner' : 'fallback'
    const explained = copies.map((copy) => this.#copyOf(copy, standing?.floor ?? NO_FLOOR))
    const told = standing && this.#standingOf(standing)
    return { ...this.of(node), machine, role, failure, copies: explained, standing: told }
  }

  #standingOf({ obstacle, root, compared, ...standing }: KeyStanding): ExplainedStanding {
    const { round, roundAgeMs, roundMs, isRemembered } = standing
    return {
      round,
      roundAgeMs,
      roundMs,
      obstacle: obstacle === '' ? undefined : obstacle,
      isRemembered,
      root: root && digitsOf(root),
      compared: compared.map(({ node, ...found }) => ({ owner: this.of(node), ...found })),
    }
  }

  #copyOf({ place, digest, object }: DecodedCopy, floor: Floor): ExplainedCopy {
    const replaced = new Set(replacedRanges(object))
    return {
      hintFor: place === OWN ? undefined : this.of(place),
      digest: digitsOf(digest),
      siblings: object.siblings.map((sibling) => this.#siblingOf(sibling, floor)),
      context: object.context.ranges.map((range) => {
        return this.#rangeOf(range, floor, replaced.has(range))
      }),
    }
  }

  /** In an outline the value is its length. */
  #siblingOf({ requestId, dots, time, value }: Sibling, floor: Floor): ExplainedSibling {
    return {
      requestId: requestLabel(requestId),
      dots: dots.map((dot) => this.#dotOf(dot, floor)),
      time,
      isTombstone: value === undefined,
      valueBytes: value === undefined ? 0 : readU32(value, 0),
    }
  }

  #dotOf(dot: Dot, floor: Floor): ExplainedDot {
    const { node, start, opened, counter } = dot
    const isBelowFloor = isUnder(floor, dot)
    return { coordinator: this.of(node), start, opened, counter, isBelowFloor }
  }

  #rangeOf(range: Range, floor: Floor, isReplaced: boolean): ExplainedRange {
    const { node, start, opened, first, last } = range
    const isBelowFloor = isUnder(floor, { start, counter: last })
    return { coordinator: this.of(node), start, opened, first, last, isBelowFloor, isReplaced }
  }
}
