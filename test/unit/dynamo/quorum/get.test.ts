/**
 * One read against a reference that states only what must be true of it.
 *
 * Replicas hold subsets of three concurrent writes, or nothing, or fail. Answers come in random
 * order, with hedges between them, and after each the round is compared with the reference.
 */
import t from 'tap'
import { Prng } from '../../../../src/base/prng.ts'
import type { CopyAnswer } from '../../../../src/dynamo/quorum/answers.ts'
import type { Fallbacks } from '../../../../src/dynamo/quorum/fallbacks.ts'
import { type GetAsk, GetRound } from '../../../../src/dynamo/quorum/get.ts'
import { type NodeId, nodeId, Policy } from '../../../../src/dynamo/names.ts'
import { equalObjects } from '../../../support/versions.ts'
import { answerOf, type Held, OBJECTS } from './copies.ts'

const [A, B, C, D, E] = ['a', 'b', 'c', 'd', 'e'].map((digit) => nodeId(digit.repeat(16))) as [
  NodeId,
  NodeId,
  NodeId,
  NodeId,
  NodeId,
]
const NODES = [A, B, C, D, E]

/** What must be true, from the answers that were given and not withdrawn by asking again. */
class Reference {
  readonly answers = new Map<string, CopyAnswer>()
  readonly asked = new Map<string, boolean[]>()
  readonly #size: number
  readonly #needed: number

  constructor(size: number, needed: number) {
    this.#size = size
    this.#needed = needed
  }

  onAsk({ node, digestOnly }: GetAsk): void {
    this.asked.set(node, [...(this.asked.get(node) ?? []), digestOnly])
    this.answers.delete(node)
  }

  #of(kind: CopyAnswer['kind']): number {
    return [...this.answers.values()].filter((answer) => answer.kind === kind).length
  }

  get outcome(): 'waiting' | 'answered' | 'short' {
    if (this.#size - this.#of('failed') < this.#needed) return 'short'
    const answered = this.answers.size - this.#of('failed')
    return answered >= this.#needed && this.isExplained ? 'answered' : 'waiting'
  }

  get isExplained(): boolean {
    const masks = new Set<number>()
    for (const one of this.answers.values()) if (one.kind === 'object') masks.add(one.digest.lo)
    return [...this.answers.values()].every(
      (one) => one.kind !== 'digest' || masks.has(one.digest.lo),
    )
  }

  get whole(): number {
    let mask = 0
    for (const one of this.answers.values()) if (one.kind === 'object') mask |= one.digest.lo
    return mask
  }

  get behind(): readonly string[] {
    const { whole } = this
    const held = (one: CopyAnswer): number =>
      one.kind === 'object' || one.kind === 'digest' ? one.digest.lo : 0
    return [...this.answers]
      .filter(([, one]) => one.kind !== 'failed' && held(one) !== whole)
      .map(([node]) => node)
      .sort()
  }
}

/** Plays one round to its end; what was wrong, or undefined. */
function play(prng: Prng): string | undefined {
  const size = prng.between(1, 5)
  const needed = prng.between(1, size)
  const nodes = NODES.slice(0, size)
  const same = prng.between(0, 7)
  const held = new Map<string, Held>(
    nodes.map((node) => {
      if (prng.chance(0.2)) return [node, undefined]
      return [node, prng.chance(0.5) ? same : prng.between(0, 7)]
    }),
  )
  const round = new GetRound(Policy.siblings, nodes, needed)
  const reference = new Reference(size, needed)
  const waiting: GetAsk[] = []
  const note = (asks: readonly GetAsk[]): void => {
    for (const ask of asks) {
      waiting.push(ask)
      reference.onAsk(ask)
    }
  }
  note(round.begin())
  if (waiting.length !== needed) return `asked ${waiting.length} at first, not ${needed}`
  while (waiting.length > 0 && round.outcome.kind === 'waiting') {
    if (prng.chance(0.15)) {
      const late = round.onLate()
      if (late.length > 1) return 'a hedge asks one'
      note(late)
    }
    const [ask] = waiting.splice(prng.below(waiting.length), 1) as [GetAsk]
    const answer = answerOf(held.get(ask.node), ask.digestOnly)
    reference.answers.set(ask.node, answer)
    note(round.onAnswer(ask.node, answer))
    if (round.outcome.kind !== reference.outcome) {
      return `is ${round.outcome.kind}, and should be ${reference.outcome}`
    }
  }
  const twice = [...reference.asked.values()].some(
    (asks) => asks.length > 2 || (asks.length === 2 && !(asks[0] === true && asks[1] === false)),
  )
  if (twice) return 'a replica was asked twice for the same'
  return judgeEnd(round, reference)
}

function judgeEnd(round: GetRound, reference: Reference): string | undefined {
  const { outcome } = round
  if (outcome.kind === 'waiting') return 'everybody has answered, and it waits'
  if (outcome.kind !== 'answered') return undefined
  const { whole } = reference
  if (whole === 0)
    return outcome.object === undefined ? undefined : 'returns siblings that no replica holds'
  const isWhole = outcome.object !== undefined && equalObjects(outcome.object, OBJECTS[whole - 1]!)
  if (!isWhole) return 'does not show all that the answers hold'
  const behind = [...outcome.behind].sort().join()
  return behind === reference.behind.join()
    ? undefined
    : `${behind} behind, not ${reference.behind.join()}`
}

t.test(
  'Q1, D9: a get is answered exactly when R answered and every digest matches an object',
  async (t) => {
    const seed = 20_260_101
    const prng = Prng.of(seed, 'reads')
    const rounds = 60_000
    for (let i = 0; i < rounds; i++) {
      const wrong = play(prng)
      if (wrong !== undefined) t.fail(`round ${i} of seed ${seed}: ${wrong}`)
    }
    t.pass(`${rounds} rounds`)
  },
)

const object = (mask: number): CopyAnswer => answerOf(mask, false)
const digest = (mask: number): CopyAnswer => answerOf(mask, true)

t.test(
  'equal replicas send one value: the first owner is asked for it, the others for digests',
  async (t) => {
    const round = new GetRound(Policy.siblings, [A, B, C], 2)
    t.strictSame(round.begin(), [
      { node: A, digestOnly: false, isFallback: false },
      { node: B, digestOnly: true, isFallback: false },
    ])
    t.strictSame(round.onAnswer(B, digest(1)), [])
    t.strictSame(round.onAnswer(A, object(1)), [])
    t.match(round.outcome, { kind: 'answered', behind: [] })
  },
)

t.test(
  'a replica whose digest differs is asked for its object; stale replicas are behind',
  async (t) => {
    const round = new GetRound(Policy.siblings, [A, B, C], 2)
    round.begin()
    round.onAnswer(A, object(1))
    t.strictSame(round.onAnswer(B, digest(3)), [{ node: B, digestOnly: false, isFallback: false }])
    t.equal(round.outcome.kind, 'waiting')
    round.onAnswer(B, object(3))
    t.match(round.outcome, { kind: 'answered', behind: [A] })
  },
)

t.test('two replicas with different siblings are both behind', async (t) => {
  const round = new GetRound(Policy.siblings, [A, B], 2)
  round.begin()
  round.onAnswer(A, object(1))
  round.onAnswer(B, digest(2))
  round.onAnswer(B, object(2))
  t.match(round.outcome, { kind: 'answered', behind: [A, B] })
})

t.test('if the replica asked for the object fails, the next is asked for its object', async (t) => {
  const round = new GetRound(Policy.siblings, [A, B, C], 2)
  round.begin()
  round.onAnswer(B, digest(1))
  const asks = round.onAnswer(A, { kind: 'failed', code: 'peer-away' })
  t.ok(
    asks.some(({ digestOnly }) => !digestOnly),
    'a replica is asked for the object',
  )
})

t.test(
  'Q9: if the replica asked for the object is late, the next is asked for its object',
  async (t) => {
    const round = new GetRound(Policy.siblings, [A, B, C], 2)
    round.begin()
    t.strictSame(round.onAnswer(B, digest(1)), [])
    t.strictSame(round.onLate(), [{ node: C, digestOnly: false, isFallback: false }])
    round.onAnswer(C, object(1))
    t.match(round.outcome, { kind: 'answered', behind: [] }, 'without the late one')
    t.strictSame(round.onAnswer(A, object(3)), [], 'which changes nothing any more')
    t.match(round.outcome, { kind: 'answered', behind: [] })
  },
)

t.test('absent everywhere is an answer; absent on one replica alone is behind', async (t) => {
  const nothing = new GetRound(Policy.siblings, [A, B], 2)
  nothing.begin()
  nothing.onAnswer(A, { kind: 'absent' })
  nothing.onAnswer(B, { kind: 'absent' })
  t.strictSame(nothing.outcome, {
    kind: 'answered',
    object: undefined,
    behind: [],
    answered: 2,
    isComplete: true,
  })
  const some = new GetRound(Policy.siblings, [A, B], 2)
  some.begin()
  some.onAnswer(A, { kind: 'absent' })
  t.strictSame(some.onAnswer(B, digest(1)), [{ node: B, digestOnly: false, isFallback: false }])
  some.onAnswer(B, object(1))
  t.match(some.outcome, { kind: 'answered', behind: [A] })
})

t.test(
  'Q1: with too few replicas left the get is short, and tells how many answered',
  async (t) => {
    const round = new GetRound(Policy.siblings, [A, B, C], 2)
    round.begin()
    round.onAnswer(A, object(1))
    round.onAnswer(B, { kind: 'failed', code: 'peer-away' })
    t.equal(round.outcome.kind, 'waiting')
    t.same(round.failures(false), [{ node: B, code: 'peer-away' }])
    t.match(round.failures(true).at(-1), { node: C, code: 'deadline-passed' }, 'asked and silent')
    round.onAnswer(C, { kind: 'failed', code: 'record-rotten' })
    t.strictSame(round.outcome, { kind: 'short' })
    t.equal(round.answered, 1)
    t.same(round.failures(true), [
      { node: B, code: 'peer-away' },
      { node: C, code: 'record-rotten' },
    ])
    t.strictSame(round.onLate(), [])
  },
)

/** Sloppy, with nothing but owners to ask. */
const NO_FALLBACKS: Fallbacks = { members: [], machineOf: (node) => node, canAsk: () => true }

t.test('a sloppy get waits for all owners that are left', async (t) => {
  const round = new GetRound(Policy.siblings, [A, B, C], 3, NO_FALLBACKS)
  round.begin()
  round.onAnswer(C, { kind: 'failed', code: 'peer-away' })
  t.equal(round.outcome.kind, 'waiting')
  round.onAnswer(A, object(1))
  t.strictSame(round.onAnswer(B, digest(2)), [{ node: B, digestOnly: false, isFallback: false }])
  t.equal(round.outcome.kind, 'waiting', 'no digest counts as an answer without its object')
  round.onAnswer(B, object(2))
  t.match(round.outcome, { kind: 'answered', behind: [A, B], answered: 2, isComplete: false })
  const none = new GetRound(Policy.siblings, [A], 1, NO_FALLBACKS)
  none.begin()
  none.onAnswer(A, { kind: 'failed', code: 'peer-away' })
  t.strictSame(none.outcome, { kind: 'short' })
})

t.test('P5: an answer that was not asked for changes nothing', async (t) => {
  const round = new GetRound(Policy.siblings, [A, B, C], 2)
  round.begin()
  t.strictSame(round.onAnswer(C, object(1)), [], 'not asked')
  t.strictSame(round.onAnswer(nodeId('f'.repeat(16)), object(1)), [], 'no owner')
  round.onAnswer(A, object(1))
  round.onAnswer(A, { kind: 'failed', code: 'peer-away' })
  round.onAnswer(B, digest(1))
  t.match(round.outcome, { kind: 'answered' }, 'a repeat is not heard')
})

t.test('owners are listed once, and there are at least R', async (t) => {
  t.throws(() => new GetRound(Policy.siblings, [A, A], 1), /each owner is listed once/)
  t.throws(() => new GetRound(Policy.siblings, [A], 2), /enough owners exist/)
})
