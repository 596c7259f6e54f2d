/**
 * The state of one get: which replicas to ask, when R have answered, and which are stale.
 *
 * The round asks the first owner for its object and R - 1 others for digests, so that a get of
 * equal replicas moves one value. If a digest matches no object received so far, the round asks
 * that replica for its object. If a replica fails or is late (the hedge), the round asks the next
 * owner. When R replicas have answered and every digest matches an object, the round merges the
 * objects; replicas that lack part of the result are stale and need repair. (Dynamo 4.5, 5)
 *
 *     ask ──► answers ──► R, and every digest matches? ──► answered, with the stale replicas
 *      ▲         │ failed, late, or a digest without its object
 *      └─────────┘
 *
 * Invariants:
 *   - Each owner counts once towards R; an owner that failed does not count.
 *   - After the outcome is reached it does not change and the round asks no other replica.
 *
 * The round has no clock: its caller reports late replicas and ends the round at the deadline.
 */
import { assert } from '../../base/assert.ts'
import type { ErrorCode } from '../../base/errors.ts'
import { equalU64 } from '../../base/u64.ts'
import { REPLICAS_MAX } from '../../limits.ts'
import type { Digest } from '../../native/digest.ts'
import type { NodeId } from '../names.ts'
import { merge } from '../version/merge.ts'
import type { VersionedObject } from '../version/object.ts'
import type { OwnerFailure } from './shortfall.ts'

/** One replica's answer about its copy. */
export type CopyAnswer =
  | { readonly kind: 'object'; readonly object: VersionedObject; readonly digest: Digest }
  | { readonly kind: 'digest'; readonly digest: Digest }
  | { readonly kind: 'absent' }
  | { readonly kind: 'failed'; readonly code: ErrorCode }

/** A question for one replica: its object, or the digest alone. */
export interface Ask {
  readonly node: NodeId
  readonly digestOnly: boolean
}

export type GetOutcome =
  | { readonly kind: 'waiting' }
  | {
      readonly kind: 'answered'
      /** The merge of all answers; undefined if no replica holds the key. */
      readonly object: VersionedObject | undefined
      /** Replicas that answered and lack part of `object`. */
      readonly behind: readonly NodeId[]
    }
  /** Too few replicas are left to reach R. */
  | { readonly kind: 'short' }

type Replica = { readonly kind: 'unasked' | 'awaited-object' | 'awaited-digest' } | CopyAnswer

const WAITING: GetOutcome = { kind: 'waiting' }

export class GetRound {
  readonly #takesFewer: boolean
  /** In order of preference. */
  readonly #replicas: Map<NodeId, Replica>
  #needed: number
  #outcome: GetOutcome = WAITING

  /**
   * Requires: 1 <= `needed` <= owners; each owner once, those to be asked first in front. With
   * `takesFewer` the get is short only if no owner answers.
   */
  constructor(owners: readonly NodeId[], needed: number, takesFewer = false) {
    assert(owners.length <= REPLICAS_MAX, 'owners are bounded')
    assert(needed >= 1 && needed <= owners.length, 'enough owners exist')
    this.#needed = needed
    this.#takesFewer = takesFewer
    this.#replicas = new Map(owners.map((node) => [node, { kind: 'unasked' }]))
    assert(this.#replicas.size === owners.length, 'each owner is listed once')
  }

  /** Answers that decide the get: fewer than asked for, if fewer can come and it takes them. */
  get needed(): number {
    return this.#needed
  }

  get outcome(): GetOutcome {
    return this.#outcome
  }

  /** Replicas that have answered, and the merge of their objects so far. */
  get soFar(): { readonly answered: number; readonly object: VersionedObject | undefined } {
    const isAnswer = (kind: Replica['kind']): boolean =>
      kind === 'object' || kind === 'digest' || kind === 'absent'
    return { answered: this.#count(isAnswer), object: this.#merged() }
  }

  /** Owners that failed; those that were asked and are silent too, as late, if `countsLate`. */
  failures(countsLate: boolean): readonly OwnerFailure[] {
    const failures: OwnerFailure[] = []
    for (const [node, replica] of this.#replicas) {
      const isSilent = replica.kind === 'awaited-object' || replica.kind === 'awaited-digest'
      if (replica.kind === 'failed') failures.push({ node, code: replica.code })
      else if (isSilent && countsLate) failures.push({ node, code: 'deadline-passed' })
    }
    return failures
  }

  /** The first questions. */
  begin(): readonly Ask[] {
    return this.#askMore()
  }

  /** Takes an answer; returns further questions. A repeated or unasked answer changes nothing. */
  onAnswer(node: NodeId, answer: CopyAnswer): readonly Ask[] {
    const before = this.#replicas.get(node)
    const isAwaited = before?.kind === 'awaited-object' || before?.kind === 'awaited-digest'
    if (this.#outcome.kind !== 'waiting' || !isAwaited) return []
    this.#replicas.set(node, answer)
    const objects = this.#askForObjects()
    const more = this.#askMore()
    this.#update()
    return [...objects, ...more]
  }

  /** A replica is late: returns at most one question for another replica. */
  onLate(): readonly Ask[] {
    if (this.#outcome.kind !== 'waiting') return []
    const ask = this.#askNext(true)
    return ask === undefined ? [] : [ask]
  }

  /** Asks until R answers are given or awaited, or no owner is left. */
  #askMore(): readonly Ask[] {
    const asks: Ask[] = []
    while (this.#count((kind) => kind !== 'unasked' && kind !== 'failed') < this.#needed) {
      const ask = this.#askNext(false)
      if (ask === undefined) break
      asks.push(ask)
    }
    return asks
  }

  /** Asks the next owner: for its object, unless one has come or (if none is late) is awaited. */
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

  /** Asks each replica whose digest matches no received object for its object. */
  #askForObjects(): readonly Ask[] {
    const isObjectComing = this.#count((kind) => kind === 'awaited-object') > 0
    const held = [...this.#replicas.values()].filter((replica) => replica.kind === 'object')
    const asks: Ask[] = []
    for (const [node, replica] of this.#replicas) {
      if (replica.kind !== 'digest') continue
      if (matchesAny(held, replica.digest)) continue
      // The object that is awaited may match; ask after it has come.
      if (held.length === 0 && isObjectComing) continue
      this.#replicas.set(node, { kind: 'awaited-object' })
      asks.push({ node, digestOnly: false })
    }
    return asks
  }

  /** Sets the outcome if the answers so far decide it. */
  #update(): void {
    const answered = this.#count((kind) => kind === 'object' || kind === 'absent')
    const digests = [...this.#replicas.values()].filter((replica) => replica.kind === 'digest')
    const possible = this.#count((kind) => kind !== 'failed')
    if (possible < this.#needed && possible > 0 && this.#takesFewer) this.#needed = possible
    if (possible < this.#needed) {
      this.#outcome = { kind: 'short' }
      return
    }
    if (answered + digests.length < this.#needed) return
    const objects = [...this.#replicas.values()].filter((replica) => replica.kind === 'object')
    if (digests.every(({ digest }) => matchesAny(objects, digest))) this.#outcome = this.#answer()
  }

  #merged(): VersionedObject | undefined {
    let object: VersionedObject | undefined
    for (const replica of this.#replicas.values()) {
      if (replica.kind === 'object') {
        object = object === undefined ? replica.object : merge(object, replica.object)
      }
    }
    return object
  }

  #answer(): GetOutcome {
    const object = this.#merged()
    if (object === undefined) return { kind: 'answered', object, behind: [] }
    const whole = object
    const current: Digest[] = []
    for (const replica of this.#replicas.values()) {
      if (replica.kind === 'object' && merge(replica.object, whole) === replica.object) {
        current.push(replica.digest)
      }
    }
    const behind: NodeId[] = []
    for (const [node, replica] of this.#replicas) {
      const isCurrent =
        (replica.kind === 'object' || replica.kind === 'digest') &&
        current.some((digest) => equalU64(digest, replica.digest))
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

/** Whether one of these received objects has `digest`. */
function matchesAny(objects: readonly { readonly digest: Digest }[], digest: Digest): boolean {
  return objects.some((object) => equalU64(object.digest, digest))
}
