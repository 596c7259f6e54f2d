/** Answers of a member that fit no question are refused as garbled. */
import t from 'tap'
import type { Deliver } from '../../../../src/base/deliver.ts'
import { u64 } from '../../../../src/base/u64.ts'
import { Durability } from '../../../../src/dynamo/buckets/bucket-record.ts'
import { type CopyId, keyName, nodeId } from '../../../../src/dynamo/names.ts'
import type { RingDigest } from '../../../../src/dynamo/ring/ring.ts'
import { PeerCalls } from '../../../../src/node/cluster/peer-calls.ts'
import type { Token } from '../../../../src/native/digest.ts'
import type { PeerLies } from '../../../../src/node/cluster/peer-lies.ts'
import type { Peers } from '../../../../src/node/cluster/peers.ts'
import { SimWorld } from '../../../../src/sim/index.ts'
import { copyOf } from '../../../../src/store/conformance/subject.ts'

const OTHER = nodeId('b'.repeat(16))
const TERMS = { ring: u64<RingDigest>(0, 1), deadline: 1e6 }
const COPIES = ['a', 'b'].map((key) => copyOf(keyName('b', key)))

/** Calls to a member that answers so. */
function callsTo(answer: unknown, asked: unknown[] = []): PeerCalls {
  const call = (_: unknown, __: unknown, request: unknown, deliver: Deliver<unknown>): void => {
    asked.push(request)
    deliver(answer)
  }
  const { clock } = new SimWorld({ seed: 1 }).start(1)
  return new PeerCalls({ call } as unknown as Peers, clock, {} as PeerLies)
}

t.test('a write counts once it is synced, where it does not say otherwise', async (t) => {
  const asked: unknown[] = []
  const [copy] = COPIES as [CopyId]
  for (const terms of [TERMS, { ...TERMS, durability: Durability.interval }]) {
    callsTo({}, asked).writeCopy(OTHER, copy, new Uint8Array(1), terms, () => undefined)
  }
  const { always, interval } = Durability
  t.match(asked, [{ durability: always }, { durability: interval }])
})

t.test('no object, and more objects than were asked for, are no answer', async (t) => {
  for (const count of [0, 1, 2, 3]) {
    const answer = { round: 1, objects: Array.from({ length: count }, () => undefined) }
    callsTo(answer).objects(OTHER, COPIES, TERMS, (told) => {
      if (count === 1 || count === 2) t.equal(told, answer)
      else t.match(told, { code: 'message-garbled' }, `${count} objects`)
    })
  }
})

t.test('branches and keys that were not asked for are no answer', async (t) => {
  const sums = [3, 4].map((branch) => ({ branch, sum: u64<never>(0, 0) }))
  for (const [differing, isRight] of [
    [[], true],
    [[4, 3], true],
    [[5], false],
    [[3, 3], false],
    [[3, 4, 5], false],
  ] as const) {
    callsTo({ differing }).compareTrees(OTHER, { n: 3, bits: 4, sums }, TERMS, (told) => {
      if (isRight) t.equal(told, differing)
      else t.match(told, { code: 'message-garbled' }, differing.join())
    })
  }
  const entry = (leaf: number) => ({ ...COPIES[0], token: u64<Token>(leaf * 2 ** 12, 0) })
  const leaves = { n: 3, leaves: [7], from: undefined }
  for (const [at, isRight] of [
    [[7, 7], true],
    [[7, 8], false],
  ] as const) {
    callsTo({ entries: at.map(entry), next: undefined }).leafKeys(OTHER, leaves, TERMS, (told) => {
      if (isRight) t.match(told, { entries: { length: 2 } })
      else t.match(told, { code: 'message-garbled' })
    })
  }
})

t.test('an answer about other ranges than were asked for is none', async (t) => {
  const keys = COPIES.map(({ name, bucketId }) => {
    return { key: { name, bucketId }, digest: u64<never>(0, 0), ranges: [] }
  })
  for (const count of [1, 2, 3]) {
    const answer = { round: 1, areAlike: Array.from({ length: count }, () => true), durable: 0 }
    callsTo(answer).ranges(OTHER, { round: 1, agreed: new Map(), keys }, TERMS, (told) => {
      if (count === 2) t.equal(told, answer)
      else t.match(told, { code: 'message-garbled' }, `${count} answers`)
    })
  }
})
