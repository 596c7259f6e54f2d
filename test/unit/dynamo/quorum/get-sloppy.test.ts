/**
 * Sloppy reads against a reference that states only what must be true of their ends.
 *
 * Owners and fallbacks hold subsets of three concurrent writes, or nothing, or fail, or are silent.
 * Answers come in random order, with hedges between them.
 */
import * as fc from 'fast-check'
import t from 'tap'
import { Prng } from '../../../../src/base/prng.ts'
import { type NodeId, Policy } from '../../../../src/dynamo/names.ts'
import { type GetAsk, GetRound } from '../../../../src/dynamo/quorum/get.ts'
import { equalObjects } from '../../../support/versions.ts'
import { answerOf, type Held, OBJECTS } from './copies.ts'

interface Scene {
  /** What each owner holds; null of one that is silent. */
  readonly owners: readonly (Held | null)[]
  readonly fallbacks: readonly (Held | null)[]
  /** The machines of owners, then of fallbacks. */
  readonly machines: readonly number[]
  readonly r: number
  /** Of the order of events. */
  readonly seed: number
}

const HELD: fc.Arbitrary<Held | null> = fc.oneof(
  fc.nat(7),
  fc.constantFrom(undefined, undefined, null, 0),
)
const SCENES: fc.Arbitrary<Scene> = fc.record({
  owners: fc.array(HELD, { minLength: 1, maxLength: 5 }),
  fallbacks: fc.array(HELD, { maxLength: 5 }),
  machines: fc.array(fc.nat(9), { minLength: 10, maxLength: 10 }),
  r: fc.integer({ min: 1, max: 5 }),
  seed: fc.nat(),
})

/** One read in a scene, and what is wrong with it. */
class Play {
  readonly #prng: Prng
  readonly #holds = new Map<NodeId, Held | null>()
  readonly #owners: readonly NodeId[]
  readonly #r: number
  readonly #round: GetRound
  readonly #askedFallbacks = new Set<NodeId>()
  readonly #answered = new Set<NodeId>()
  #waiting: GetAsk[] = []
  #hasSilence = false
  /** All owners have failed, and no fallback had anything: any may have taken a put. */
  #mayAskAll = false
  wrong: string | undefined

  constructor({ owners, fallbacks, machines, r, seed }: Scene) {
    this.#prng = Prng.of(seed, 'get')
    const name = (kind: string) => (_: unknown, i: number) => `${kind}${i}` as NodeId
    this.#owners = owners.map(name('owner'))
    const members = fallbacks.map(name('fallback'))
    const machineOf = (node: NodeId): string => {
      const own = this.#owners.indexOf(node)
      return `m${own === -1 ? machines[members.indexOf(node)] : own}`
    }
    for (const [i, node] of this.#owners.entries()) this.#holds.set(node, owners[i])
    for (const [i, node] of members.entries()) this.#holds.set(node, fallbacks[i])
    this.#r = Math.min(r, owners.length)
    this.#round = new GetRound(Policy.siblings, this.#owners, this.#r, {
      members,
      machineOf,
      canAsk: () => true,
    })
  }

  run(): string | undefined {
    this.#note(this.#round.begin())
    while (this.wrong === undefined && this.#round.outcome.kind === 'waiting') {
      if (this.#prng.chance(0.1)) this.#note(this.#round.onLate())
      else if (!this.#answerOne() && !this.#hearSilence()) break
    }
    return this.wrong ?? this.#wrongAtEnd()
  }

  #note(asks: readonly GetAsk[]): void {
    for (const ask of asks) {
      this.#waiting.push(ask)
      this.#answered.delete(ask.node)
      if (ask.isFallback === this.#owners.includes(ask.node)) this.wrong = 'fallbacks are not told'
      if (ask.isFallback) this.#askedFallbacks.add(ask.node)
    }
    if (this.#hasSilence) return
    const failed = [...this.#answered].filter((node) => this.#holds.get(node) === undefined)
    const missing = failed.filter((node) => this.#owners.includes(node)).length
    const asked = this.#askedFallbacks.size - (failed.length - missing)
    if (asked > 0 && this.#owners.length - missing >= this.#r) this.wrong = 'asked without need'
    const found = [...this.#answered].some((node) => Boolean(this.#holds.get(node)))
    if (missing === this.#owners.length && !found) this.#mayAskAll = true
    if (asked > missing + 1 && !this.#mayAskAll)
      this.wrong = `${asked} fallbacks for ${missing} owners`
  }

  #answerOne(): boolean {
    const coming = this.#waiting.filter(({ node }) => this.#holds.get(node) !== null)
    const ask = coming[this.#prng.below(Math.max(1, coming.length))]
    if (ask === undefined) return false
    this.#waiting = this.#waiting.filter((one) => one !== ask)
    this.#answered.add(ask.node)
    const answer = answerOf(this.#holds.get(ask.node) as Held, ask.digestOnly)
    this.#note(this.#round.onAnswer(ask.node, answer))
    return true
  }

  /** The caller reports silence; false where it changes nothing any more. */
  #hearSilence(): boolean {
    this.#hasSilence = true
    const asks = this.#round.onSilent()
    this.#note(asks)
    return asks.length > 0
  }

  #those(isTaken: (node: NodeId, held: Held | null) => boolean): readonly NodeId[] {
    return [...this.#holds].filter(([node, held]) => isTaken(node, held)).map(([node]) => node)
  }

  #wrongAtEnd(): string | undefined {
    const isOwner = (node: NodeId): boolean => this.#owners.includes(node)
    const isSilent = this.#those((node, held) => isOwner(node) && held === null).length > 0
    const living = this.#those((node, held) => isOwner(node) && typeof held === 'number')
    const holding = this.#those((node, held) => !isOwner(node) && Boolean(held))
    const { outcome } = this.#round
    if (outcome.kind === 'waiting') {
      const isNothing = living.length === 0 && holding.length === 0
      return isNothing && this.#waiting.length > 0 ? undefined : 'waits for nothing'
    }
    if (outcome.kind !== 'answered') {
      if (this.#waiting.length > 0) return 'is short of what may still come'
      return living.length + holding.length === 0 ? undefined : 'is short of what is there'
    }
    const isComplete = living.length >= this.#r
    if (outcome.isComplete !== isComplete) return `complete: ${outcome.isComplete}`
    if (outcome.answered !== Math.min(this.#r, living.length)) return 'the owners are miscounted'
    const seen = [...this.#answered].map((node) => this.#holds.get(node) ?? 0)
    const mask = seen.reduce((all, one) => all | one, 0)
    if ((mask === 0) !== (outcome.object === undefined)) return 'an object out of nothing'
    const whole = OBJECTS[mask - 1]
    if (whole === undefined || outcome.object === undefined) return undefined
    if (!equalObjects(outcome.object, whole)) return 'does not show all that the answers hold'
    const behind = [...this.#answered].filter((node) => {
      const held = this.#holds.get(node)
      return isOwner(node) && held !== undefined && held !== mask
    })
    if ([...outcome.behind].sort().join() !== behind.sort().join()) return 'others are behind'
    if (isComplete || isSilent) return undefined
    return living.every((node) => this.#answered.has(node)) ? undefined : 'an owner was expected'
  }
}

t.test(
  'H8: a sloppy get gives what owners and hints hold, complete only by R owners',
  async (t) => {
    fc.assert(
      fc.property(SCENES, (scene) => {
        const wrong = new Play(scene).run()
        if (wrong !== undefined) throw new Error(wrong)
      }),
      { numRuns: 5_000 },
    )
    t.pass('5,000 gets')
  },
)
