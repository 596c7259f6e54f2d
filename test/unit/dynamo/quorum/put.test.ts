/**
 * Strict puts: every N up to four, every W, every order and mix of answers, exhaustively.
 *
 *     needed 2 of 3    held held      → reached
 *                      held failed    → waiting
 *                      failed failed  → impossible
 */
import t from 'tap'
import {
  obstaclesTo,
  PutRound,
  type PutTerms,
  type Verdict,
} from '../../../../src/dynamo/quorum/put.ts'
import { type NodeId, nodeId } from '../../../../src/dynamo/names.ts'

const [A, B, C, D, E] = ['a', 'b', 'c', 'd', 'e'].map((digit) => nodeId(digit.repeat(16))) as [
  NodeId,
  NodeId,
  NodeId,
  NodeId,
  NodeId,
]
const NODES = [A, B, C, D, E]

const own = (node: NodeId) => ({ node, forOwner: undefined })

function strict(owners: readonly NodeId[], needed: number): PutTerms {
  return { owners, needed, fallbacks: undefined, obstacleTo: () => undefined }
}

/** A strict put that the first owner coordinates. */
function newRound(owners: readonly NodeId[], needed: number): PutRound {
  const round = new PutRound(strict(owners, needed))
  round.begin(own(owners[0] as NodeId))
  return round
}

/** What the counts say, from their meaning alone. */
function meant(asked: number, needed: number, yes: number, no: number): Verdict {
  if (yes >= needed) return 'reached'
  return asked - no >= needed ? 'waiting' : 'impossible'
}

/** Every sequence of answers: each owner at most once, held or failed, in any order. */
function* sequences(members: readonly NodeId[]): Iterable<readonly (readonly [NodeId, boolean])[]> {
  yield []
  for (const member of members) {
    const others = members.filter((other) => other !== member)
    for (const rest of sequences(others)) {
      yield [[member, true], ...rest]
      yield [[member, false], ...rest]
    }
  }
}

t.test('Q1: the verdict follows from the answers, for every N to 4, W and order', async (t) => {
  let checked = 0
  for (let asked = 1; asked <= 4; asked++) {
    const owners = NODES.slice(0, asked)
    for (let needed = 1; needed <= asked; needed++) {
      for (const sequence of sequences(owners)) {
        const round = newRound(owners, needed)
        let [yes, no] = [0, 0]
        let expected = round.verdict()
        for (const [owner, isHeld] of sequence) {
          if (isHeld) round.onHeld(own(owner))
          else round.onFailed(own(owner), 'peer-away')
          if (isHeld) yes += 1
          else no += 1
          if (expected === 'waiting') expected = meant(asked, needed, yes, no)
        }
        checked += 1
        if (round.verdict() !== expected || round.held !== yes) {
          t.fail(`${needed} of ${asked}: ${JSON.stringify(sequence)} is ${round.verdict()}`)
        }
      }
    }
  }
  t.ok(checked > 2_000, `${checked} sequences`)
})

t.test('Q1: with five owners, every mix of answers has the verdict of the table', async (t) => {
  for (let needed = 1; needed <= 5; needed++) {
    for (let mix = 0; mix < 3 ** 5; mix++) {
      const round = newRound(NODES, needed)
      const counts = [0, 0, 0]
      NODES.forEach((node, i) => {
        const said = Math.floor(mix / 3 ** i) % 3
        counts[said] = (counts[said] as number) + 1
        if (said === 1) round.onHeld(own(node))
        if (said === 0) round.onFailed(own(node), 'peer-away')
      })
      const expected = meant(5, needed, counts[1] as number, counts[0] as number)
      if (round.verdict() !== expected) t.fail(`${needed} of 5 in mix ${mix}`)
    }
  }
})

t.test('Q2: an owner counts once, however often it answers', async (t) => {
  const round = newRound([A, B, C], 2)
  round.onHeld(own(A))
  round.onHeld(own(A))
  round.onFailed(own(A), 'peer-away')
  t.equal(round.held, 1, 'a repeat changes nothing, and what is durable cannot fail')
  t.equal(round.verdict(), 'waiting')
  t.strictSame(round.onHeld(own(D)), [], 'never asked')
  t.equal(round.verdict(), 'waiting')
  round.onFailed(own(B), 'connection-lost')
  t.equal(round.verdict(), 'waiting')
  round.onHeld(own(B))
  t.equal(round.verdict(), 'reached', 'it held the write all the same')
})

t.test('a verdict that was reached never changes', async (t) => {
  for (const isHeld of [true, false]) {
    const answer = (round: PutRound, node: NodeId): void => {
      if (isHeld) round.onHeld(own(node))
      else round.onFailed(own(node), 'peer-away')
    }
    const reached = newRound(NODES, 2)
    reached.onHeld(own(A))
    reached.onHeld(own(B))
    for (const node of [C, D, E]) answer(reached, node)
    t.equal(reached.verdict(), 'reached')
    const lost = newRound([A, B, C], 3)
    lost.onFailed(own(B), 'peer-away')
    for (const node of [A, C]) answer(lost, node)
    lost.onHeld(own(B))
    t.equal(lost.verdict(), 'impossible')
  }
})

t.test('a put needs at most as many machines as there are owners, each on another', async (t) => {
  const twice = new PutRound(strict([A, A], 1))
  t.throws(() => twice.begin({ node: A, forOwner: undefined }), /each owner is on another machine/)
  t.throws(() => new PutRound(strict([A], 2)), /enough owners exist/)
  t.throws(() => new PutRound(strict([A], 0)), /enough owners exist/)
})

t.test('Q1: a put begins only if W owners are ready; else each obstacle is told', async (t) => {
  const among = (ready: readonly NodeId[], needed: number): PutTerms => ({
    ...strict([A, B, C], needed),
    obstacleTo: (node) => (ready.includes(node) ? undefined : 'peer-away'),
  })
  t.equal(obstaclesTo(among([A, B], 2)), undefined)
  t.equal(obstaclesTo(among([A], 1)), undefined)
  t.same(obstaclesTo(among([A], 2)), {
    ready: 1,
    failures: [
      { node: B, code: 'peer-away' },
      { node: C, code: 'peer-away' },
    ],
  })
  t.equal(obstaclesTo(among([D, E], 1))?.failures.length, 3)
})

t.test('owners that cannot be asked are not, and their obstacles are told', async (t) => {
  const obstacleTo = (node: NodeId) => (node === B ? ('overloaded' as const) : undefined)
  const round = new PutRound({ ...strict([A, B, C], 2), obstacleTo })
  t.strictSame(round.begin(own(A)), [own(C)])
  t.same(round.failures(false), [{ node: B, code: 'overloaded' }])
})

t.test('a put tells which owners failed, once each, and at its end which are late', async (t) => {
  const round = newRound([A, B, C, D], 2)
  round.onFailed(own(B), 'disk-full')
  round.onFailed(own(B), 'peer-away')
  t.same(round.failures(false), [{ node: B, code: 'disk-full' }])
  round.onHeld(own(A))
  round.onOverloaded(own(A))
  round.onOverloaded(own(B))
  round.onOverloaded(own(D))
  t.same(round.failures(false), [{ node: B, code: 'disk-full' }], 'overloaded is not the end')
  t.same(round.failures(true), [
    { node: B, code: 'disk-full' },
    { node: C, code: 'deadline-passed' },
    { node: D, code: 'overloaded' },
  ])
})
