/**
 * Gets that must cover a receipt, against what must be true of each: nothing is answered that does
 * not cover it, and nothing is unmet that an owner or an asked fallback covers.
 */
import t from 'tap'
import { Prng } from '../../../../src/base/prng.ts'
import type { Fallbacks } from '../../../../src/dynamo/quorum/fallbacks.ts'
import { type GetAsk, GetRound } from '../../../../src/dynamo/quorum/get.ts'
import { type NodeId, nodeId, Policy } from '../../../../src/dynamo/names.ts'
import type { VersionedObject } from '../../../../src/dynamo/version/object.ts'
import { isCovered, type Receipt, receiptOf } from '../../../../src/dynamo/version/receipt.ts'
import { answerOf, type Held, OBJECTS } from './copies.ts'

const NODES = ['a', 'b', 'c', 'd', 'e', 'f'].map((digit) => nodeId(digit.repeat(16)))
const FIRST = OBJECTS[0] as VersionedObject
const RECEIPT = receiptOf(FIRST) as Receipt
const covers = (object: VersionedObject | undefined): boolean =>
  object !== undefined && isCovered(RECEIPT, object.context)

interface Held3 {
  readonly owners: readonly NodeId[]
  readonly others: readonly NodeId[]
  readonly holds: ReadonlyMap<NodeId, Held>
  readonly needed: number
  readonly isStrict: boolean
}

function roundOf({ owners, others, needed, isStrict }: Held3): GetRound {
  const fallbacks: Fallbacks = { members: others, machineOf: (node) => node, canAsk: () => true }
  return new GetRound(Policy.siblings, owners, needed, isStrict ? undefined : fallbacks, covers)
}

/** Answers every question, in random order; the nodes that were asked. */
function runRound(round: GetRound, { holds }: Held3, prng: Prng): ReadonlySet<NodeId> {
  const asked = new Set<NodeId>()
  const waiting: GetAsk[] = []
  const note = (asks: readonly GetAsk[]): void => {
    for (const ask of asks) asked.add(ask.node)
    waiting.push(...asks)
  }
  note(round.begin())
  while (waiting.length > 0) {
    const [ask] = waiting.splice(prng.below(waiting.length), 1) as [GetAsk]
    note(round.onAnswer(ask.node, answerOf(holds.get(ask.node), ask.digestOnly)))
    if (prng.chance(0.1)) note(round.onLate())
  }
  return asked
}

/** What is wrong with the end of a round. */
function faultOf(round: GetRound, held: Held3, asked: ReadonlySet<NodeId>): string | undefined {
  const { owners, others, holds, isStrict, needed } = held
  const { outcome } = round
  const has = (node: NodeId): boolean => ((holds.get(node) ?? 0) & 1) === 1
  const living = owners.filter((owner) => holds.get(owner) !== undefined)
  switch (outcome.kind) {
    case 'answered':
      return covers(outcome.object) ? undefined : 'answered what does not cover the receipt'
    case 'waiting':
      return 'waits for nothing'
    case 'short':
      return !isStrict || living.length < needed ? undefined : 'short of nothing'
    case 'unmet':
      if (owners.some((owner) => !asked.has(owner))) return 'unmet, and an owner was not asked'
      if (owners.some(has)) return 'unmet, and an owner covers it'
      if (others.some((other) => asked.has(other) && has(other))) return 'unmet despite a hint'
      if (!isStrict && others.some((other) => !asked.has(other)) && asked.size < 2 * owners.length)
        return 'unmet, and few fallbacks were asked'
      return undefined
  }
}

t.test('what is answered covers the receipt, and what is unmet nobody asked covers', async (t) => {
  const ends = new Map<string, number>()
  for (let seed = 0; seed < 20_000; seed++) {
    const prng = Prng.of(seed, 'receipts')
    const size = prng.between(1, 4)
    const owners = NODES.slice(0, size)
    const others = NODES.slice(size, prng.between(size, NODES.length))
    const draw = (): Held => (prng.chance(0.15) ? undefined : prng.below(8) & prng.below(8))
    const holds = new Map(NODES.map((node) => [node, draw()]))
    const isStrict = prng.chance(0.4)
    const held = { owners, others, holds, isStrict, needed: prng.between(1, size) }
    const round = roundOf(held)
    const fault = faultOf(round, held, runRound(round, held, prng))
    if (fault !== undefined) t.fail(`seed ${seed}: ${fault}`)
    ends.set(round.outcome.kind, (ends.get(round.outcome.kind) ?? 0) + 1)
  }
  for (const kind of ['answered', 'short', 'unmet']) t.ok((ends.get(kind) ?? 0) > 500, kind)
})

const R1 = { needed: 1, isStrict: true, others: [] } as const
const [A, B, C] = NODES as [NodeId, NodeId, NodeId]

t.test('a get of one owner that lacks the write asks the others at once', async (t) => {
  const round = roundOf({ ...R1, owners: [A, B, C], holds: new Map() })
  t.same(round.begin(), [{ node: A, digestOnly: false, isFallback: false }])
  t.same(round.onAnswer(A, answerOf(2, false)), [
    { node: B, digestOnly: false, isFallback: false },
    { node: C, digestOnly: false, isFallback: false },
  ])
  round.onAnswer(B, answerOf(1, false))
  const { outcome } = round
  t.equal(outcome.kind, 'answered', 'the third is not waited for')
  if (outcome.kind === 'answered') t.same(outcome.behind, [A, B])
})

t.test('at the deadline a get that lacks the write is unmet', async (t) => {
  const round = roundOf({ ...R1, owners: [A, B, C], holds: new Map() })
  round.begin()
  round.onAnswer(A, answerOf(0, false))
  round.onDeadline()
  t.equal(round.outcome.kind, 'unmet')
})
