/** An owner that is overloaded after the coordinator's append is sent the write again. */
import t from 'tap'
import { u64 } from '../../../../src/base/u64.ts'
import { OperatingError } from '../../../../src/base/errors.ts'
import { keyName, type NodeId } from '../../../../src/dynamo/names.ts'
import { Durability } from '../../../../src/dynamo/buckets/bucket-record.ts'
import { BUCKET_ID, copyOf } from '../../../../src/store/conformance/subject.ts'
import type { RingDigest } from '../../../../src/dynamo/ring/ring.ts'
import { Context } from '../../../../src/dynamo/version/context.ts'
import type { PeerCalls } from '../../../../src/node/cluster/peer-calls.ts'
import { Counters } from '../../../../src/node/counters.ts'
import { type Done, Puts, type Write } from '../../../../src/node/coordinator/put.ts'
import { OVERLOAD_RETRY_MS } from '../../../../src/limits.ts'
import type { Replica } from '../../../../src/node/replica/replica.ts'
import { SimWorld } from '../../../../src/sim/world.ts'

const [SELF, OTHER] = ['self', 'other'] as [NodeId, NodeId]
const DEADLINE_MS = 500

/** The results of one put at W = 2 whose other owner refuses the first `refusals` sends. */
async function resultsOf(refusals: number): Promise<{ ends: unknown[]; sends: number }> {
  const sim = new SimWorld({ seed: 1 })
  const { clock, trace } = sim.start(1)
  const written = { kind: 'replaced' }
  const local = { outcome: written, object: new Uint8Array(1), sequence: 1 }
  const replica = {
    write: () => local,
    whenSynced: (_: number, done: (error: undefined) => void) => done(undefined),
  } as unknown as Replica
  let sends = 0
  const writeCopy: PeerCalls['writeCopy'] = (...[, , , , deliver]) => {
    sends += 1
    const isRefused = sends <= refusals
    deliver(isRefused ? new OperatingError('overloaded', 'too many calls') : undefined)
  }
  const peers = { obstacleTo: () => undefined, writeCopy } as unknown as PeerCalls
  const ends: unknown[] = []
  const write = {
    put: { ...copyOf(keyName('b', 'k')), requestId: 'of one put 12345' },
    placement: {
      owners: [SELF, OTHER],
      ring: u64<RingDigest>(1, 2),
      bucket: { id: BUCKET_ID, durability: Durability.always },
      others: [],
      machineOf: String,
    },
    needed: 2,
    seen: Context.empty,
    deadline: clock.now() + DEADLINE_MS,
  } as unknown as Write
  const counters = new Counters()
  const roundHoldup = (): undefined => undefined
  const puts = new Puts({ clock, trace, self: SELF, replica, peers, counters, roundHoldup })
  puts.run(write, (end) => ends.push(end))
  await sim.run(2 * DEADLINE_MS)
  return { ends, sends }
}

t.test('a put whose other owner is overloaded for a while is done', async (t) => {
  const { ends, sends } = await resultsOf(3)
  t.equal(sends, 4)
  t.equal(ends.length, 1)
  t.equal((ends[0] as Done).holders.length, 2)
})

t.test('a put whose other owner stays overloaded is in doubt at its deadline', async (t) => {
  const { ends, sends } = await resultsOf(Number.POSITIVE_INFINITY)
  const nodes = [{ node: OTHER, code: 'overloaded' }]
  const details = { needed: 2, answered: 1, nodes }
  t.match(ends, [{ code: 'write-in-doubt', certainty: 'in-doubt', details }])
  t.equal(ends.length, 1)
  t.ok(sends <= DEADLINE_MS / OVERLOAD_RETRY_MS + 1, `${sends} sends`)
})
