/**
 * Sloppy puts on random rings: what is reached is held by W machines, whatever is delivered later,
 * and W is reached while W machines live. Then the cases of docs/design.md 3.5, one by one.
 */
import * as fc from 'fast-check'
import t from 'tap'
import { Prng } from '../../../../src/base/prng.ts'
import type { NodeId } from '../../../../src/dynamo/names.ts'
import {
  obstaclesTo,
  type PutAsk,
  PutRound,
  type PutTerms,
} from '../../../../src/dynamo/quorum/put.ts'
import { claim } from '../../../../src/dynamo/ring/claim.ts'
import type { MachineOf } from '../../../../src/dynamo/ring/machines.ts'
import { Ring } from '../../../../src/dynamo/ring/ring.ts'
import { StagedLists } from '../../../../src/dynamo/ring/staged-lists.ts'
import { firstStages } from '../../../../src/dynamo/ring/stages.ts'
import { COPIES_PER_PUT_MAX } from '../../../../src/limits.ts'
import { member, members } from '../ring/members.ts'

/** A node takes copies at once or after a while, refuses them, never answers, or is away. */
type Health = 'live' | 'slow' | 'failing' | 'silent' | 'away'

interface Scene {
  /** The machine of each member. */
  readonly machines: readonly number[]
  readonly n: number
  readonly w: number
  readonly health: readonly Health[]
  /** Of the order of events. */
  readonly seed: number
}

const SCENES: fc.Arbitrary<Scene> = fc.record({
  machines: fc.array(fc.nat(8), { minLength: 1, maxLength: 9 }),
  n: fc.integer({ min: 1, max: 7 }),
  w: fc.integer({ min: 1, max: 7 }),
  health: fc.array(fc.constantFrom('live', 'live', 'slow', 'failing', 'silent', 'away'), {
    minLength: 9,
    maxLength: 9,
  }),
  seed: fc.nat(),
})

/** One put in a scene, and what is wrong with it. */
class Play {
  readonly #prng: Prng
  readonly #healthOf: (node: NodeId) => Health
  readonly #owners: readonly NodeId[]
  readonly #fallbacks: readonly NodeId[]
  readonly #machineOf: MachineOf
  readonly #w: number
  readonly #round: PutRound
  readonly #held: PutAsk[] = []
  readonly #seen = new Set<string>()
  #waiting: PutAsk[] = []
  #isReached = false
  wrong: string | undefined

  constructor({ machines, n, w, health, seed }: Scene) {
    this.#prng = Prng.of(seed, 'put')
    const all = members(machines.length, (i) => ({ machine: `m${machines[i]}` }))
    const lists = new StagedLists(firstStages(claim(all, 5, Math.min(n, 3)).ring))
    const list = lists.ofPartition(this.#prng.below(32), n)
    const healthOf = new Map(all.map(({ id }, i) => [id, health[i] as Health]))
    this.#healthOf = (node) => healthOf.get(node) as Health
    this.#owners = list.ownerIds
    this.#fallbacks = list.fallbackIds
    this.#machineOf = list.machineOf
    this.#w = Math.min(w, this.#owners.length)
    this.#round = new PutRound(this.#terms())
  }

  #terms(): PutTerms {
    const canAsk = (node: NodeId): boolean => this.#healthOf(node) !== 'away'
    return {
      owners: this.#owners,
      needed: this.#w,
      fallbacks: { members: this.#fallbacks, machineOf: this.#machineOf, canAsk },
      obstacleTo: (node) => (canAsk(node) ? undefined : 'peer-away'),
    }
  }

  #machines(isCounted: (node: NodeId) => boolean): number {
    const nodes = [...this.#owners, ...this.#fallbacks].filter(isCounted)
    return new Set(nodes.map(this.#machineOf)).size
  }

  #isLive(node: NodeId): boolean {
    return this.#healthOf(node) === 'live' || this.#healthOf(node) === 'slow'
  }

  run(): string | undefined {
    const connected = this.#machines((node) => this.#healthOf(node) !== 'away')
    const obstacles = obstaclesTo(this.#terms())
    if ((obstacles === undefined) !== connected >= this.#w) return 'W is judged wrongly'
    if (obstacles !== undefined && obstacles.ready !== connected) return 'not all that are ready'
    const own = this.#coordinator()
    if (own === undefined) return undefined
    this.#seen.add(`${own.node} ${own.forOwner}`)
    this.#waiting.push(own)
    this.#note(this.#round.begin(own))
    this.#judge()
    while (this.wrong === undefined && (this.#canAnswer() || this.#isLate())) this.#judge()
    return this.wrong ?? this.#wrongAtEnd()
  }

  /** Some node that was asked answers, or all are late. False where none will answer. */
  #canAnswer(): boolean {
    const isAnswering = this.#waiting.some(({ node }) => this.#healthOf(node) !== 'silent')
    if (!isAnswering) return false
    if (this.#prng.chance(0.1)) this.#isLate()
    else this.#answerOne()
    return true
  }

  /** The caller reports that copies are late; false where it changes nothing any more. */
  #isLate(): boolean {
    const asks = this.#round.onLate()
    this.#note(asks)
    return asks.length > 0
  }

  /** An owner with its own copy, or a fallback with a hint for an owner. */
  #coordinator(): PutAsk | undefined {
    const live = [...this.#owners, ...this.#fallbacks].filter((node) => this.#isLive(node))
    const node = live[this.#prng.below(Math.max(1, live.length))]
    if (node === undefined) return undefined
    const isOwner = this.#owners.includes(node)
    const forOwner = isOwner ? undefined : this.#owners[this.#prng.below(this.#owners.length)]
    return { node, forOwner }
  }

  #note(asks: readonly PutAsk[]): void {
    for (const ask of asks) {
      const { node, forOwner } = ask
      const name = `${node} ${forOwner}`
      if (this.#seen.has(name)) this.wrong = 'a copy was asked for twice'
      this.#seen.add(name)
      const list = forOwner === undefined ? this.#owners : this.#fallbacks
      if (!list.includes(node)) this.wrong = 'hints are for fallbacks, own copies for owners'
      if (this.#healthOf(node) === 'away') this.wrong = 'a node that is away was asked'
      this.#waiting.push(ask)
    }
    if (this.#seen.size > COPIES_PER_PUT_MAX) this.wrong = 'too many copies'
  }

  #answerOne(): void {
    const all = this.#waiting.filter(({ node }) => this.#healthOf(node) !== 'silent')
    const prompt = all.filter(({ node }) => this.#healthOf(node) !== 'slow')
    const from = prompt.length > 0 && this.#prng.chance(0.9) ? prompt : all
    const ask = from[this.#prng.below(from.length)] as PutAsk
    if (this.#isLive(ask.node) && this.#prng.chance(0.1)) {
      this.#note(this.#round.onOverloaded(ask))
      return
    }
    this.#waiting = this.#waiting.filter((one) => one !== ask)
    if (!this.#isLive(ask.node)) {
      this.#note(this.#round.onFailed(ask, 'connection-lost'))
      return
    }
    this.#held.push(ask)
    this.#note(this.#round.onHeld(ask))
  }

  #judge(): void {
    const verdict = this.#round.verdict()
    const left = this.#machines((node) => this.#isLive(node) || this.#healthOf(node) === 'silent')
    if (verdict === 'impossible' && left >= this.#w) this.wrong = `impossible with ${left} machines`
    if (this.#isReached && verdict !== 'reached') this.wrong = 'what was reached is not any more'
    if (verdict !== 'reached' || this.#isReached) return
    this.#isReached = true
    for (let delivered = 0; delivered < 2 ** this.#held.length; delivered++) {
      const disks = this.#held.map(({ node, forOwner }, i) => {
        const isDelivered = (delivered & (1 << i)) !== 0
        return this.#machineOf(isDelivered ? (forOwner ?? node) : node)
      })
      if (new Set(disks).size < this.#w) this.wrong = `${disks.join()} are not ${this.#w} machines`
    }
  }

  #wrongAtEnd(): string | undefined {
    const verdict = this.#round.verdict()
    const live = this.#machines((node) => this.#isLive(node))
    const left = this.#machines((node) => this.#isLive(node) || this.#healthOf(node) === 'silent')
    const expected = live >= this.#w ? 'reached' : left >= this.#w ? 'waiting' : 'impossible'
    return verdict === expected ? undefined : `${verdict} at the end, with ${live} machines`
  }
}

t.test('Q2: a sloppy put is reached exactly where W machines live, and stays on W', async (t) => {
  fc.assert(
    fc.property(SCENES, (scene) => {
      const wrong = new Play(scene).run()
      if (wrong !== undefined) throw new Error(wrong)
    }),
    { numRuns: 8_000 },
  )
  t.pass('8,000 puts')
})

/** A ring of one partition for each member, whose first owner is the first member. */
function listsOf(machines: string): StagedLists {
  const all = members(machines.length, (i) => ({ machine: machines.charAt(i) }))
  const owners = Array.from({ length: 16 }, (_, i) => i % machines.length)
  return new StagedLists(firstStages(new Ring(4, all, Uint16Array.from(owners))))
}

/** The terms of a put at N = 3 in the first partition; members are called by their numbers. */
function termsOf(machines: string, needed: number, away: readonly number[]): PutTerms {
  const lists = listsOf(machines)
  const { ownerIds: owners, fallbackIds, machineOf } = lists.ofPartition(0, 3)
  const gone = away.map((number) => member(number).id)
  const canAsk = (node: NodeId): boolean => !gone.includes(node)
  return {
    owners,
    needed,
    fallbacks: { members: fallbackIds, machineOf, canAsk },
    obstacleTo: (node) => (canAsk(node) ? undefined : 'peer-away'),
  }
}

const copy = (number: number, forOwner?: number): PutAsk => ({
  node: member(number).id,
  forOwner: forOwner === undefined ? undefined : member(forOwner).id,
})

t.test('Q2: five nodes on five machines, two of three owners away: W = 2 is reached', async (t) => {
  const terms = termsOf('abcde', 2, [2, 3])
  t.equal(obstaclesTo(terms), undefined)
  const round = new PutRound(terms)
  t.strictSame(round.begin(copy(1)), [copy(4, 2), copy(5, 3)])
  round.onHeld(copy(1))
  t.strictSame(round.onHeld(copy(4, 2)), [])
  t.equal(round.verdict(), 'reached')
  t.same(obstaclesTo({ ...terms, fallbacks: undefined })?.ready, 1, 'a strict put is refused')
})

t.test('Q2: with all three owners away two fallbacks reach W = 2, and not W = 3', async (t) => {
  t.equal(obstaclesTo(termsOf('abcde', 2, [1, 2, 3])), undefined)
  t.match(obstaclesTo(termsOf('abcde', 3, [1, 2, 3])), {
    ready: 2,
    failures: [1, 2, 3].map((number) => ({ node: member(number).id, code: 'peer-away' })),
  })
  const round = new PutRound(termsOf('abcde', 2, [1, 2, 3]))
  t.strictSame(round.begin(copy(4, 1)), [copy(5, 2)])
  round.onHeld(copy(4, 1))
  round.onHeld(copy(5, 2))
  t.equal(round.verdict(), 'reached')
})

t.test('Q2: where the ring has fewer than N machines, nodes count as machines', async (t) => {
  const three = new PutRound(termsOf('aaa', 3, []))
  three.begin(copy(1))
  for (const number of [1, 2, 3]) three.onHeld(copy(number))
  t.equal(three.verdict(), 'reached', 'three nodes on one machine')
  const four = new PutRound(termsOf('aaaa', 3, [3]))
  t.strictSame(four.begin(copy(1)), [copy(2), copy(4, 3)])
  for (const ask of [copy(1), copy(2), copy(4, 3)]) four.onHeld(ask)
  t.equal(four.verdict(), 'reached', 'and a fallback beside them')
})

t.test('Q2: the ring decides that, and not which nodes are up', async (t) => {
  t.match(
    obstaclesTo(termsOf('abca', 2, [2, 3])),
    { ready: 1 },
    'two nodes of one machine are left',
  )
  t.equal(obstaclesTo(termsOf('abab', 2, [2, 4])), undefined, 'of two machines, nodes count')
})
