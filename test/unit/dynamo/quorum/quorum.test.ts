/**
 * Every N up to five, every need, every order and mix of answers: small enough to be exhaustive.
 *
 *     needed 2 of 3    yes yes      → reached
 *                      yes no       → waiting
 *                      no  no       → impossible
 */
import t from 'tap'
import { obstaclesTo, PutRound } from '../../../../src/dynamo/quorum/put.ts'
import { type NodeId, nodeId } from '../../../../src/dynamo/names.ts'
import { Quorum, type Verdict } from '../../../../src/dynamo/quorum/quorum.ts'

const [A, B, C, D, E] = ['a', 'b', 'c', 'd', 'e'].map((digit) => nodeId(digit.repeat(16))) as [
  NodeId,
  NodeId,
  NodeId,
  NodeId,
  NodeId,
]
const NODES = [A, B, C, D, E]

/** What the counts say, from their meaning alone. */
function meant(asked: number, needed: number, yes: number, no: number): Verdict {
  if (yes >= needed) return 'reached'
  return asked - no >= needed ? 'waiting' : 'impossible'
}

/** Every sequence of answers: each member at most once, each yes or no, in any order. */
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
    const members = NODES.slice(0, asked)
    for (let needed = 1; needed <= asked; needed++) {
      for (const sequence of sequences(members)) {
        const quorum = new Quorum(members, needed)
        let yes = 0
        let no = 0
        for (const [member, isAgreed] of sequence) {
          quorum.count(member, isAgreed)
          if (isAgreed) yes += 1
          else no += 1
        }
        checked += 1
        if (quorum.verdict() !== meant(asked, needed, yes, no) || quorum.agreed !== yes) {
          t.fail(`${needed} of ${asked}: ${JSON.stringify(sequence)} is ${quorum.verdict()}`)
        }
      }
    }
  }
  t.ok(checked > 2_000, `${checked} sequences`)
})

t.test('Q1: with five asked, every mix of answers has the verdict of the table', async (t) => {
  for (let needed = 1; needed <= 5; needed++) {
    for (let mix = 0; mix < 3 ** 5; mix++) {
      const quorum = new Quorum(NODES, needed)
      const round = new PutRound(NODES, needed)
      const counts = [0, 0, 0]
      NODES.forEach((node, i) => {
        const said = Math.floor(mix / 3 ** i) % 3
        counts[said] = (counts[said] as number) + 1
        if (said === 2) return
        quorum.count(node, said === 1)
        if (said === 1) round.onHeld(node)
        else round.onFailed(node, 'peer-away')
      })
      const expected = meant(5, needed, counts[1] as number, counts[0] as number)
      if (quorum.verdict() !== expected) t.fail(`${needed} of 5 in mix ${mix}`)
      if (round.verdict() !== expected) t.fail(`a put: ${needed} of 5 in mix ${mix}`)
    }
  }
})

t.test('Q2: a member counts once, however often it answers', async (t) => {
  const quorum = new Quorum([A, B, C], 2)
  t.ok(quorum.count(A, true))
  t.notOk(quorum.count(A, true), 'a repeat')
  t.notOk(quorum.count(A, false), 'a change of mind')
  t.equal(quorum.agreed, 1)
  t.equal(quorum.verdict(), 'waiting')
  t.notOk(quorum.count(nodeId('f'.repeat(16)), true), 'never asked')
  t.equal(quorum.verdict(), 'waiting')
  quorum.count(B, false)
  t.notOk(quorum.count(B, true), 'a failure stays one')
  t.equal(quorum.verdict(), 'waiting')
  quorum.count(C, true)
  t.equal(quorum.verdict(), 'reached')
})

t.test('a verdict that was reached never changes', async (t) => {
  for (const late of [true, false]) {
    const quorum = new Quorum(NODES, 2)
    quorum.count(A, true)
    quorum.count(B, true)
    for (const node of [C, D, E]) quorum.count(node, late)
    t.equal(quorum.verdict(), 'reached')
    const lost = new Quorum([A, B, C], 3)
    lost.count(B, false)
    for (const node of [A, C]) lost.count(node, late)
    t.equal(lost.verdict(), 'impossible')
  }
})

t.test(
  'members are asked once, and at most as many answers are needed as members asked',
  async (t) => {
    t.throws(() => new Quorum([A, A], 1), /no member is asked twice/)
    t.throws(() => new Quorum([A], 2), /enough members are asked/)
    t.throws(() => new Quorum([A], 0), /at least one answer is needed/)
    t.throws(() => new PutRound([A, A], 1), /each owner is listed once/)
  },
)

t.test('Q1: a put begins only if W owners are ready; else each obstacle is told', async (t) => {
  const owners = [A, B, C]
  const among = (ready: readonly NodeId[]) => (node: NodeId) =>
    ready.includes(node) ? undefined : ('peer-away' as const)
  t.equal(obstaclesTo(owners, among([A, B]), 2), undefined)
  t.equal(obstaclesTo(owners, among([A]), 1), undefined)
  t.same(obstaclesTo(owners, among([A]), 2), [
    { node: B, code: 'peer-away' },
    { node: C, code: 'peer-away' },
  ])
  t.equal(obstaclesTo(owners, among([D, E]), 1)?.length, 3)
  t.same(obstaclesTo(owners, among([A, B, C]), 4), [], 'fewer owners than W, in a small cluster')
})

t.test('a put tells which owners failed, once each, and at its end which are late', async (t) => {
  const round = new PutRound([A, B, C], 2)
  round.onFailed(B, 'disk-full')
  round.onFailed(B, 'peer-away')
  t.same(round.failures(false), [{ node: B, code: 'disk-full' }])
  round.onHeld(A)
  t.same(round.failures(true), [
    { node: B, code: 'disk-full' },
    { node: C, code: 'deadline-passed' },
  ])
})
