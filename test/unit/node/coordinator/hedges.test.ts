/** Hedges of gets are within a budget; asking in place of an owner that is away is no hedge. */
import t from 'tap'
import { u64 } from '../../../../src/base/u64.ts'
import type { CopyAnswer } from '../../../../src/dynamo/quorum/answers.ts'
import { type NodeId, nodeId, keyName } from '../../../../src/dynamo/names.ts'
import { HEDGES_FREE_MAX, READS_PER_HEDGE } from '../../../../src/limits.ts'
import type { GetAsk } from '../../../../src/dynamo/quorum/get.ts'
import { Gets, type GetDependencies } from '../../../../src/node/coordinator/get.ts'
import { Counters } from '../../../../src/node/counters.ts'
import { copyOf } from '../../../../src/store/conformance/subject.ts'
import { WirePipeWorld } from '../../../support/wire-pipe.ts'

const HEDGE_MS = 50
const OWNERS: readonly NodeId[] = ['1', '2', '3', '4'].map((digit) => nodeId(digit.repeat(16)))
const [SELF, SECOND, THIRD, FOURTH] = OWNERS as [NodeId, NodeId, NodeId, NodeId]

/** The budget with 12 gets, which ask for 24 copies. */
const HEDGES_SPENT: number = HEDGES_FREE_MAX + 1

/** A node whose own copy, and the other owners, answer nothing. */
class Coordinator {
  readonly world = new WirePipeWorld()
  readonly counters = new Counters()
  /** Owners that were asked, in order. */
  readonly asked: NodeId[] = []
  readonly away = new Set<NodeId>()
  /** The answer that an owner gives at once. */
  readonly answers = new Map<NodeId, CopyAnswer>()
  #gets: Gets

  constructor() {
    const readCopy = (...args: readonly unknown[]): void => {
      const [{ node }, , , deliver] = args as [GetAsk, 0, 0, (answer: CopyAnswer) => void]
      this.asked.push(node)
      const answer = this.answers.get(node)
      if (answer !== undefined) deliver(answer)
    }
    this.#gets = new Gets({
      clock: this.world.clock,
      trace: this.world.trace,
      self: SELF,
      replica: { read: () => new Promise(() => undefined) },
      // An owner is known to be away only after it was asked.
      peers: {
        obstacleTo: () => undefined,
        slownessOf: () => 0,
        isConnected: (node: NodeId) => node !== SELF && !this.away.has(node),
        readCopy,
      },
      counters: this.counters,
      hedgeMs: HEDGE_MS,
      repairMs: 1_000,
    } as unknown as GetDependencies)
  }

  /** Begins gets that ask two of the first `owners`. */
  begin(count: number, owners = 3): void {
    for (let i = 0; i < count; i++) {
      const read = {
        copy: copyOf(keyName('b', 'k')),
        owners: OWNERS.slice(0, owners),
        ring: u64(0, 0),
        needed: 2,
        deadline: this.world.clock.now() + 60_000,
      }
      this.#gets.run(read as never, () => undefined)
    }
  }

  /** How often an owner was asked. */
  timesOf(node: NodeId): number {
    return this.asked.filter((one) => one === node).length
  }
}

t.test('an idle node hedges ten gets in 10 s, and one more for 20 copies asked for', async (t) => {
  for (const [gets, hedges] of [
    [9, 9],
    [30, HEDGES_FREE_MAX + 3],
    [200, HEDGES_FREE_MAX + 20],
  ] as const) {
    const node = new Coordinator()
    node.begin(gets)
    node.world.pass(HEDGE_MS - 1)
    t.equal(node.timesOf(THIRD), 0)
    node.world.pass(1)
    t.equal(node.timesOf(THIRD), hedges, `of ${gets} gets`)
    t.equal(node.counters.hedges, hedges)
    t.equal(node.counters.hedgesWithheld, gets - hedges)
    node.world.pass(1_000)
    t.equal(node.timesOf(THIRD), hedges, 'nor later')
    t.equal(node.counters.hedgesWithheld, gets - hedges, 'each get counts once')
  }
})

t.test('the budget is that of the last 10 s', async (t) => {
  const node = new Coordinator()
  node.begin(5 * READS_PER_HEDGE)
  node.world.pass(HEDGE_MS)
  t.equal(node.counters.hedges, HEDGES_FREE_MAX + 10)
  node.world.pass(10_400 - HEDGE_MS)
  node.begin(30)
  // At 10,450 ms, the hedges made at 50 ms still count, and the gets made at 0 ms do not.
  node.world.pass(HEDGE_MS)
  t.equal(node.counters.hedges, HEDGES_FREE_MAX + 10)
  node.world.pass(HEDGE_MS)
  t.equal(node.counters.hedges, HEDGES_FREE_MAX + 10 + HEDGES_FREE_MAX + 3, 'at 10,500 ms')
})

t.test('an owner that failed is made up for by the next without budget', async (t) => {
  const node = spent()
  const before = node.timesOf(THIRD)
  node.answers.set(SECOND, { kind: 'failed', code: 'record-rotten' })
  node.begin(50)
  t.equal(node.timesOf(THIRD) - before, 50)
  t.equal(node.counters.hedges, HEDGES_SPENT)
})

t.test('so is one that is known to be away since it was asked, once', async (t) => {
  const node = spent()
  const before = node.timesOf(THIRD)
  node.begin(3, 4)
  node.world.pass(HEDGE_MS - 1)
  node.away.add(SECOND)
  t.equal(node.timesOf(THIRD), before)
  node.world.pass(1)
  t.equal(node.timesOf(THIRD) - before, 4, 'by three gets, and by that whose hedge was withheld')
  node.world.pass(2 * HEDGE_MS)
  t.equal(node.timesOf(FOURTH), 0, 'the third owner is late and not away')
  t.equal(node.counters.hedges, HEDGES_SPENT)
})

t.test('a get without a hedge looks again whether an owner is away', async (t) => {
  const node = new Coordinator()
  node.begin(HEDGES_SPENT + 2)
  node.world.pass(HEDGE_MS)
  const before = node.timesOf(THIRD)
  node.away.add(SECOND)
  node.world.pass(HEDGE_MS - 1)
  t.equal(node.timesOf(THIRD), before)
  node.world.pass(1)
  t.equal(node.timesOf(THIRD) - before, 2, 'by both')
  t.equal(node.counters.hedges, HEDGES_SPENT)
})

t.test('one that is slow, and not away, is waited for', async (t) => {
  const node = spent()
  const before = node.timesOf(THIRD)
  node.world.pass(10_000 - HEDGE_MS)
  t.equal(node.timesOf(THIRD), before)
  t.equal(node.away.size, 0)
})

t.test('an owner that has answered is not made up for when it goes away', async (t) => {
  const node = spent()
  const before = node.timesOf(THIRD)
  node.answers.set(SECOND, { kind: 'digest', digest: u64(5, 6) })
  node.begin(3, 3)
  node.answers.clear()
  node.away.add(SECOND)
  node.world.pass(HEDGE_MS)
  t.equal(node.timesOf(THIRD) - before, 1, 'by the get whose hedge was withheld')
})

/** A coordinator whose gets have spent its budget: one of them lacks a hedge. */
function spent(): Coordinator {
  const node = new Coordinator()
  node.begin(HEDGES_SPENT + 1)
  node.world.pass(HEDGE_MS)
  return node
}
