/**
 * One read, from request to reply: whom to ask for what, when it is enough, and who is behind.
 *
 * The first owner is asked for its object and R - 1 others for digests, so that agreement costs
 * one value on the network. A digest that no object held here explains is asked for its object. A
 * replica that fails, or is late (the hedge), is made up for by the next owner: by its object
 * where no object has come yet. When R have answered and every answer is explained, the siblings
 * of all objects together are the answer, and whoever lacks some of them is to be repaired.
 * (Dynamo 4.5, 5: read repair)
 *
 *     ask ──► answers ──► R and all explained? ──► answered, with those that are behind
 *      ▲         │ failed, late, unexplained
 *      └─────────┘
 *
 * Invariants:
 *   - Each owner counts once towards R; an owner that failed counts never.
 *   - Once settled, nothing changes and nobody else is asked.
 *
 * There is no clock here: being late and running out of time are told from above.
 */
import { assert } from '../../base/assert.ts'
import { REPLICAS_MAX } from '../../limits.ts'
import type { NodeId } from '../names.ts'
import { merge } from '../version/merge.ts'
import type { VersionedObject } from '../version/object.ts'

/** 64 bits that are equal exactly when two copies are (but for chance of 2^-64). */
export interface CopyDigest {
  readonly hi: number
  readonly lo: number
}

/** What one replica says it holds. */
export type CopyAnswer =
  | { readonly kind: 'object'; readonly object: VersionedObject; readonly digest: CopyDigest }
  | { readonly kind: 'digest'; readonly digest: CopyDigest }
  | { readonly kind: 'absent' }
  | { readonly kind: 'failed' }

/** What the coordinator is to ask of one replica. */
export interface Ask {
  readonly node: NodeId
  readonly digestOnly: boolean
}

export type GetOutcome =
  | { readonly kind: 'waiting' }
  | {
      readonly kind: 'answered'
      /** All that the answers hold together; undefined where nobody holds anything. */
      readonly object: VersionedObject | undefined
      /** Those that answered and lack something of `object`. */
      readonly behind: readonly NodeId[]
    }
  /** R can no longer be reached: `answered` of them did. */
  | { readonly kind: 'short'; readonly answered: number }

type Replica = { readonly kind: 'unasked' | 'awaited-object' | 'awaited-digest' } | CopyAnswer

const WAITING: GetOutcome = { kind: 'waiting' }

export class GetRound {
  readonly #needed: number
  /** In order of preference. */
  readonly #replicas: Map<NodeId, Replica>
  #outcome: GetOutcome = WAITING

  /** Requires: 1 <= `needed` <= owners; each owner once, those to be asked first in front. */
  constructor(owners: readonly NodeId[], needed: number) {
    assert(owners.length <= REPLICAS_MAX, 'owners are bounded')
    assert(needed >= 1 && needed <= owners.length, 'enough owners exist')
    this.#needed = needed
    this.#replicas = new Map(owners.map((node) => [node, { kind: 'unasked' }]))
    assert(this.#replicas.size === owners.length, 'no owner stands twice')
  }

  get outcome(): GetOutcome {
    return this.#outcome
  }

  /** Whom to ask first. */
  begin(): readonly Ask[] {
    return this.#askMore()
  }

  /** An answer came; returns whom to ask further. A repeated or unasked answer changes nothing. */
  onAnswer(node: NodeId, answer: CopyAnswer): readonly Ask[] {
    const before = this.#replicas.get(node)
    const isAwaited = before?.kind === 'awaited-object' || before?.kind === 'awaited-digest'
    if (this.#outcome.kind !== 'waiting' || !isAwaited) return []
    this.#replicas.set(node, answer)
    const unexplained = this.#askUnexplained()
    const more = this.#askMore()
    this.#settle()
    return [...unexplained, ...more]
  }

  /** What was asked is late: returns whom to ask beside them, at most one. */
  onLate(): readonly Ask[] {
    if (this.#outcome.kind !== 'waiting') return []
    const ask = this.#askNext(true)
    return ask === undefined ? [] : [ask]
  }

  /** Asks until the answers given and awaited would suffice, or nobody is left. */
  #askMore(): readonly Ask[] {
    const asks: Ask[] = []
    while (this.#count((kind) => kind !== 'unasked' && kind !== 'failed') < this.#needed) {
      const ask = this.#askNext(false)
      if (ask === undefined) break
      asks.push(ask)
    }
    return asks
  }

  /** Asks one more: for its object unless one has come, or (not being late) is on its way. */
  #askNext(isLate: boolean): Ask | undefined {
    for (const [node, replica] of this.#replicas) {
      if (replica.kind !== 'unasked') continue
      const digestOnly =
        this.#count((kind) => kind === 'object' || kind === 'absent') > 0 ||
        (!isLate && this.#count((kind) => kind === 'awaited-object') > 0)
      this.#replicas.set(node, { kind: digestOnly ? 'awaited-digest' : 'awaited-object' })
      return { node, digestOnly }
    }
    return undefined
  }

  /** Digests that no object here has: their bearers are asked for the object. */
  #askUnexplained(): readonly Ask[] {
    const isObjectComing = this.#count((kind) => kind === 'awaited-object') > 0
    const held = [...this.#replicas.values()].filter((replica) => replica.kind === 'object')
    const asks: Ask[] = []
    for (const [node, replica] of this.#replicas) {
      if (replica.kind !== 'digest') continue
      if (held.some((other) => isSameDigest(other.digest, replica.digest))) continue
      // The object on its way may explain it; ask once that has come.
      if (held.length === 0 && isObjectComing) continue
      this.#replicas.set(node, { kind: 'awaited-object' })
      asks.push({ node, digestOnly: false })
    }
    return asks
  }

  #settle(): void {
    const answered = this.#count((kind) => kind === 'object' || kind === 'absent')
    const digests = [...this.#replicas.values()].filter((replica) => replica.kind === 'digest')
    const possible = this.#count((kind) => kind !== 'failed')
    if (possible < this.#needed) {
      this.#outcome = { kind: 'short', answered: answered + digests.length }
      return
    }
    if (answered + digests.length < this.#needed) return
    const objects = [...this.#replicas.values()].filter((replica) => replica.kind === 'object')
    const isExplained = digests.every((one) =>
      objects.some((other) => isSameDigest(other.digest, one.digest)),
    )
    if (isExplained) this.#outcome = this.#answer()
  }

  #answer(): GetOutcome {
    let object: VersionedObject | undefined
    for (const replica of this.#replicas.values()) {
      if (replica.kind === 'object') {
        object = object === undefined ? replica.object : merge(object, replica.object)
      }
    }
    if (object === undefined) return { kind: 'answered', object, behind: [] }
    const whole = object
    const current: CopyDigest[] = []
    for (const replica of this.#replicas.values()) {
      if (replica.kind === 'object' && merge(replica.object, whole) === replica.object) {
        current.push(replica.digest)
      }
    }
    const behind: NodeId[] = []
    for (const [node, replica] of this.#replicas) {
      const isCurrent =
        (replica.kind === 'object' || replica.kind === 'digest') &&
        current.some((digest) => isSameDigest(digest, replica.digest))
      const hasAnswered =
        replica.kind === 'object' || replica.kind === 'digest' || replica.kind === 'absent'
      if (hasAnswered && !isCurrent) behind.push(node)
    }
    return { kind: 'answered', object, behind }
  }

  #count(isCounted: (kind: Replica['kind']) => boolean): number {
    let count = 0
    for (const replica of this.#replicas.values()) if (isCounted(replica.kind)) count += 1
    return count
  }
}

function isSameDigest(a: CopyDigest, b: CopyDigest): boolean {
  return a.hi === b.hi && a.lo === b.lo
}
