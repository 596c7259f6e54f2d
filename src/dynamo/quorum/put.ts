/**
 * The state of one put: which copies to ask for, which are durable, and whether W of them count.
 *
 * The coordinator makes the object in a copy of its own and asks for all other copies at once: the
 * own copies of the owners, and a hint at a fallback for each owner that cannot be asked, that
 * fails, or that is late while W is not reached. It answers when W durable copies count
 * (`holders.ts`), its own like any other; later ones change nothing. (Dynamo 4.5, 4.6)
 *
 *     begin ──► copies ──► durable ──► W count?  reached
 *       ▲          │ failed, late: a hint at the next fallback
 *       └──────────┘ none is left, and W cannot count any more: impossible
 *
 * A fallback is asked for one hint at first. Where fewer than W of the copies asked for can count,
 * fallbacks are chosen anew for all owners that did not answer, and a fallback may be asked for a
 * second hint: its first one no longer counts, for example, once the owner itself has answered. So
 * a put becomes impossible only when fewer than W machines are left that have not failed.
 *
 * A put that cannot reach W before the first append is *refused*: nothing was written. After the
 * first append a put short of W is *in doubt*: repair may still spread the copy that was written.
 *
 * Invariants:
 *   - A copy counts only after it survives a power cut.
 *   - `reached` and `impossible` never change.
 *   - At most COPIES_PER_PUT_MAX copies are asked for.
 *
 * The round has no clock: its caller reports that copies are late, and ends it at the deadline.
 */
import { assert } from '../../base/assert.ts'
import type { ErrorCode } from '../../base/errors.ts'
import { COPIES_PER_PUT_MAX } from '../../limits.ts'
import type { NodeId } from '../names.ts'
import { type Fallbacks, type StandIn, standInsApart, standInsFor } from './fallbacks.ts'
import { countApart, type Holder } from './holders.ts'
import type { OwnerFailure } from './shortfall.ts'

export type Verdict = 'waiting' | 'reached' | 'impossible'

/** A copy of the object: the node that keeps it, and in which place. */
export interface PutAsk {
  readonly node: NodeId
  /** The owner that the hint is for; undefined for an owner's own copy. */
  readonly forOwner: NodeId | undefined
}

/** Which members may hold a put, and how many must. */
export interface PutTerms {
  /** In order of preference, each on another machine. */
  readonly owners: readonly NodeId[]
  /** W: 1 to the number of owners. */
  readonly needed: number
  /** Undefined for a strict put: owners alone hold it. */
  readonly fallbacks: Fallbacks | undefined
  /** Why an owner cannot be asked now; undefined for one that can. */
  readonly obstacleTo: (owner: NodeId) => ErrorCode | undefined
}

/** Why a put cannot begin. */
export interface PutObstacles {
  /** How many machines can hold it: fewer than are needed. */
  readonly ready: number
  /** The owners that cannot be asked. */
  readonly failures: readonly OwnerFailure[]
}

/** What prevents a put from reaching W, before anything is written; undefined if nothing does. */
export function obstaclesTo(terms: PutTerms): PutObstacles | undefined {
  const { owners, needed, fallbacks, obstacleTo } = terms
  const failures: OwnerFailure[] = []
  for (const node of owners) {
    const code = obstacleTo(node)
    if (code !== undefined) failures.push({ node, code })
  }
  // Owners are on distinct machines.
  if (owners.length - failures.length >= needed) return undefined
  const ready = owners.filter((owner) => failures.every(({ node }) => node !== owner))
  const machines = new Set(ready.map((owner) => machineIn(fallbacks, owner)))
  for (const member of fallbacks?.members ?? []) {
    if (machines.size >= needed) break
    if (fallbacks?.canAsk(member) === true) machines.add(machineIn(fallbacks, member))
  }
  return machines.size >= needed ? undefined : { ready: machines.size, failures }
}

/** A strict put has no fallbacks, and its owners are on distinct machines. */
function machineIn(fallbacks: Fallbacks | undefined, node: NodeId): string {
  return fallbacks === undefined ? node : fallbacks.machineOf(node)
}

interface Copy extends PutAsk, Holder {
  /** `late` copies can still come. */
  state: 'awaited' | 'late' | 'held' | 'failed'
  /** Why it failed, or is late. */
  code: ErrorCode
}

const NO_ASKS: readonly PutAsk[] = []
/**
 * An owner that knows other owners than the put gets no hint: readers would go to those, and not
 * find what the hint was counted for. The put is sent again, to the owners of then.
 */
const KNOWS_OTHERS: ErrorCode = 'ring-differs'

/** Whether a copy is durable or may become so: without late ones, and with them. */
const isPrompt = ({ state }: Copy): boolean => state === 'held' || state === 'awaited'
const isPossible = ({ state }: Copy): boolean => state !== 'failed'

export class PutRound {
  readonly #terms: PutTerms
  /** The own copies of the owners, in order of preference. */
  readonly #ownCopies: Copy[] = []
  readonly #hints: Copy[] = []
  #verdict: Verdict = 'waiting'

  constructor(terms: PutTerms) {
    const { owners, needed } = terms
    assert(needed >= 1 && needed <= owners.length, 'enough owners exist')
    this.#terms = terms
  }

  /**
   * The copies to ask for beside `own`, which the coordinator keeps itself: the own copy of an
   * owner, or the hint of a fallback for the first owner that did not answer it. Call it once.
   * Later copies to ask for may be hints of the coordinator too, if it is a fallback.
   */
  begin(own: PutAsk): readonly PutAsk[] {
    const { owners, obstacleTo } = this.#terms
    const asks: PutAsk[] = []
    for (const node of owners) {
      const isOwn = node === own.node
      const code = isOwn ? undefined : obstacleTo(node)
      const copy = this.#newCopy({ node, forOwner: undefined })
      const isNew = this.#ownCopies.every(({ on }) => on !== copy.on)
      assert(isNew, 'each owner is on another machine')
      this.#ownCopies.push(copy)
      if (code !== undefined) Object.assign(copy, { state: 'failed', code })
      else if (!isOwn) asks.push({ node, forOwner: undefined })
    }
    if (own.forOwner !== undefined) this.#hints.push(this.#newCopy(own))
    return [...asks, ...this.#advance()]
  }

  /**
   * A copy is durable, also one that had failed or was late. Returns copies to ask for now. A copy
   * that was not asked for changes nothing.
   */
  onHeld(ask: PutAsk): readonly PutAsk[] {
    const copy = this.#find(ask)
    if (copy === undefined) return []
    copy.state = 'held'
    return this.#advance()
  }

  /**
   * A copy failed, for the reason `code`, or will not come. Returns copies to ask for now: also
   * after W is reached, so that an owner which is known to be away has a hint.
   */
  onFailed(ask: PutAsk, code: ErrorCode): readonly PutAsk[] {
    const copy = this.#find(ask)
    if (copy === undefined || copy.state === 'held' || copy.state === 'failed') return []
    copy.state = 'failed'
    copy.code = code
    return this.#advance()
  }

  /** A node is overloaded and will be asked for this copy again: it is late. */
  onOverloaded(ask: PutAsk): readonly PutAsk[] {
    const copy = this.#find(ask)
    if (copy === undefined || !isPossible(copy) || copy.state === 'held') return []
    copy.state = 'late'
    copy.code = 'overloaded'
    return this.#advance()
  }

  /** All copies that have not come are late. Returns copies to ask for now; none once decided. */
  onLate(): readonly PutAsk[] {
    if (this.#verdict !== 'waiting') return []
    for (const copy of this.#copies()) if (copy.state === 'awaited') copy.state = 'late'
    return this.#advance()
  }

  verdict(): Verdict {
    return this.#verdict
  }

  /** How many durable copies count. */
  get held(): number {
    return this.#count(({ state }) => state === 'held')
  }

  /** The copies that are durable. */
  get holders(): readonly PutAsk[] {
    const held = this.#copies().filter(({ state }) => state === 'held')
    return held.map(({ node, forOwner }) => ({ node, forOwner }))
  }

  /**
   * Owners that failed, then fallbacks; those that have not answered too, as late, if `countsLate`.
   * A fallback that failed for one owner may hold the hint for another.
   */
  failures(countsLate: boolean): readonly OwnerFailure[] {
    const isTold = ({ state }: Copy): boolean =>
      state === 'failed' || (countsLate && state !== 'held')
    const told = this.#copies().filter(isTold)
    const isFirst = ({ node }: Copy, i: number): boolean =>
      told.findIndex((other) => other.node === node) === i
    return told.filter(isFirst).map(({ node, code }) => ({ node, code }))
  }

  /** Decides the verdict where it can be, and returns the copies to ask for now. */
  #advance(): readonly PutAsk[] {
    if (this.#verdict === 'impossible') return []
    if (this.held >= this.#terms.needed) this.#verdict = 'reached'
    const { fallbacks } = this.#terms
    // Nearly always all owners are there and in time.
    if (this.#hints.length === 0 && this.#ownCopies.every(isPrompt)) return NO_ASKS
    const asks = fallbacks === undefined ? NO_ASKS : this.#askFallbacks(fallbacks)
    if (this.#count(isPossible) < this.#terms.needed) this.#verdict = 'impossible'
    return asks
  }

  #askFallbacks(fallbacks: Fallbacks): readonly PutAsk[] {
    const missing = this.#ownCopies.filter((copy) => this.#needsHint(copy))
    const asks: PutAsk[] = []
    if (missing.length > 0) {
      const inUse = this.#hints.filter(isPossible).map(({ node }) => node)
      const isFree = (member: NodeId): boolean => this.#hints.every(({ node }) => node !== member)
      const away = missing.map(({ node }) => node)
      const { owners } = this.#terms
      asks.push(...this.#ask(standInsFor(fallbacks, { owners, away, inUse, isFree })))
    }
    asks.push(...this.#chooseAnew(fallbacks, isPrompt), ...this.#chooseAnew(fallbacks, isPossible))
    return asks
  }

  /** Whether an owner has failed, or is late and W is not reached, and no hint for it may come. */
  #needsHint({ node, state, code }: Copy): boolean {
    const isMissing = state === 'failed' || (state === 'late' && this.#verdict === 'waiting')
    if (code === KNOWS_OTHERS) return false
    return isMissing && !this.#hints.some((hint) => hint.forOwner === node && isPrompt(hint))
  }

  /**
   * Where fewer than W of the hopeful copies can count: asks for copies that count together.
   * Fallbacks of which all copies are hopeful take part, whatever they were asked for before.
   */
  #chooseAnew(fallbacks: Fallbacks, isHopeful: (copy: Copy) => boolean): readonly PutAsk[] {
    const { owners, needed } = this.#terms
    if (this.#count(isHopeful) >= needed) return []
    const isAway = (copy: Copy): boolean => !isHopeful(copy) && copy.code !== KNOWS_OTHERS
    const away = this.#ownCopies.filter(isAway).map(({ node }) => node)
    const isFree = (member: NodeId): boolean =>
      this.#hints.every((hint) => hint.node !== member || isHopeful(hint))
    return this.#ask(standInsApart(fallbacks, { owners, away, inUse: [], isFree }))
  }

  /** Takes note of hints that were not asked for before, while the bound allows them. */
  #ask(standIns: readonly StandIn[]): readonly PutAsk[] {
    const asks = standIns.filter((standIn) => this.#find(standIn) === undefined)
    const room = COPIES_PER_PUT_MAX - this.#ownCopies.length - this.#hints.length
    const allowed = asks.slice(0, room)
    for (const ask of allowed) this.#hints.push(this.#newCopy(ask))
    return allowed
  }

  #newCopy({ node, forOwner }: PutAsk): Copy {
    const { fallbacks } = this.#terms
    const on = machineIn(fallbacks, node)
    const willBeOn = forOwner === undefined ? on : machineIn(fallbacks, forOwner)
    return { node, forOwner, on, willBeOn, state: 'awaited', code: 'deadline-passed' }
  }

  #find({ node, forOwner }: PutAsk): Copy | undefined {
    const isSame = (copy: Copy): boolean => copy.node === node && copy.forOwner === forOwner
    return this.#ownCopies.find(isSame) ?? this.#hints.find(isSame)
  }

  #copies(): readonly Copy[] {
    return [...this.#ownCopies, ...this.#hints]
  }

  /** How many of these copies count. */
  #count(isCounted: (copy: Copy) => boolean): number {
    // Owners are on distinct machines.
    if (this.#hints.length === 0) return this.#ownCopies.filter(isCounted).length
    return countApart(this.#copies().filter(isCounted))
  }
}
