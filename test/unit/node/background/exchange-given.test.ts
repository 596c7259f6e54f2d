/**
 * An exchange in which the other side gives places away: all that it carries is taken.
 *
 * A seed of the simulator lost a key: a leaver had missed the end of a round, and the filler, which
 * had owned nothing there, took the leaver's writes below its own floor for dead.
 */
import t from 'tap'
import type { Deliver } from '../../../../src/base/deliver.ts'
import { utf8Bytes } from '../../../../src/base/bytes.ts'
import { u64 } from '../../../../src/base/u64.ts'
import { nodeId, OWN } from '../../../../src/dynamo/names.ts'
import { leafOf } from '../../../../src/dynamo/repair/branches.ts'
import { NO_ROUND, type RoundFloor } from '../../../../src/dynamo/repair/round.ts'
import { Context } from '../../../../src/dynamo/version/context.ts'
import { encodeObject } from '../../../../src/dynamo/version/object-bytes.ts'
import { type Digest, tokenOf } from '../../../../src/native/digest.ts'
import {
  Exchange,
  type ExchangeDependencies,
  type Scope,
} from '../../../../src/node/background/exchange.ts'
import type { RoundsAnswer } from '../../../../src/node/cluster/peer-calls.ts'
import { SimWorld } from '../../../../src/sim/index.ts'
import { BUCKET_ID } from '../../../../src/store/conformance/subject.ts'
import { NODE_B } from '../../../support/wire-frames.ts'

const NAME = { bucket: utf8Bytes('b'), key: utf8Bytes('k') }
const TOKEN = tokenOf(NAME.bucket, NAME.key)
const AHEAD: RoundFloor = { ...NO_ROUND, number: 5 }

/** The round by which the other side's copy was judged here. */
async function judgedBy(scope: Scope | undefined, isWhole: boolean): Promise<number | undefined> {
  const sim = new SimWorld({ seed: 1 })
  const { clock } = sim.start(1)
  let round: number | undefined
  const entry = {
    place: OWN,
    bucketId: BUCKET_ID,
    token: TOKEN,
    name: NAME,
    digest: u64<Digest>(1, 2),
  }
  let compared = 0
  const peers = {
    compareTrees(
      _: unknown,
      { sums, bits }: { sums: { branch: number }[]; bits: number },
      __: unknown,
      deliver: Deliver<unknown>,
    ) {
      compared += 1
      const mine = leafOf(TOKEN) >>> (20 - bits)
      deliver(sums.map(({ branch }) => branch).filter((branch) => branch === mine))
    },
    leafKeys: (_: unknown, __: unknown, ___: unknown, deliver: Deliver<unknown>) =>
      deliver({ entries: [entry], next: undefined }),
    objects: (_: unknown, __: unknown, ___: unknown, deliver: Deliver<unknown>) =>
      deliver({ round: 3, objects: [encodeObject({ context: Context.empty, siblings: [] })] }),
    lieIn: () => undefined,
  }
  const replica = {
    objectsAwaited: 0,
    ownDigest: () => undefined,
    exchange: (_: unknown, __: unknown, theirs: RoundFloor) => {
      round = theirs.number
      return true
    },
    leafKeys: () => Promise.resolve({ entries: [], next: undefined }),
    whenSynced: (_: unknown, done: (error: undefined) => void) => done(undefined),
  }
  const topology = {
    ring: { bits: 0 },
    ns: [3],
    sharedPartitions: () => [0],
    digestOfBranches: () => u64(0, 0),
    digestOfKeys: () => u64(0, 0),
  }
  const work = { rest: () => Promise.resolve(), pause: () => undefined, resume: () => undefined }
  const node = {
    ...{ clock, peers, replica, topology, counters: { leavesDiffered: 0, keysRepaired: 0 } },
    trees: { sum: () => u64(0, 0), correct: () => undefined },
    floors: { adopted: AHEAD },
    equalities: { compared: () => undefined },
    pacing: { work: () => work },
  } as unknown as ExchangeDependencies
  const state = { adopted: { ...NO_ROUND, number: 3 }, isWhole } as RoundsAnswer
  const exchange = new Exchange(node, nodeId(NODE_B), state, () => false, scope)
  await sim.complete(exchange.run(3), 60_000)
  t.ok(compared > 0)
  return round
}

t.test('what a whole leaver carries is judged as of one round', async (t) => {
  const scope = { n: 3, partitions: [0], isClosed: true }
  t.equal(await judgedBy(scope, true), 5, 'nothing that is missing here is dead')
  t.equal(await judgedBy({ ...scope, isClosed: false }, true), 5)
  t.equal(await judgedBy(scope, false), 3, 'an older disk may have what was deleted')
  t.equal(await judgedBy(undefined, true), 3, 'an owner yields to one that is ahead')
})
