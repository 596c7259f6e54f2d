/**
 * A put that its node coordinates itself, after an owner that was asked has not answered.
 *
 * What went wrong, found by the simulator: the node itself did not count as asked. Its own refusal
 * counted as the answer of the first owner; and where time was up before its own put had ended, no
 * node counted as asked. Both puts were told as refused, and were applied.
 */
import t from 'tap'
import { type ErrorCode, OperatingError } from '../../../../src/base/errors.ts'
import { u64 } from '../../../../src/base/u64.ts'
import type { NodeId } from '../../../../src/dynamo/names.ts'
import type { RingDigest } from '../../../../src/dynamo/ring/ring.ts'
import { type CoordinateHere, Forwards } from '../../../../src/node/coordinator/forward.ts'
import { Counters } from '../../../../src/node/counters.ts'
import type { KnownPut, PutResult } from '../../../../src/node/requests.ts'
import { SimWorld } from '../../../../src/sim/world.ts'

interface Case {
  /** What this node says of the put; undefined: nothing. */
  readonly here: ErrorCode | undefined
  /** Whether the first owner can be asked, which never answers; the second refuses. */
  readonly isAsked: boolean
}

async function endOf({ here, isAsked }: Case): Promise<string> {
  const sim = new SimWorld({ seed: 1 })
  const { clock, trace } = sim.start(1)
  const forwards = new Forwards({
    clock,
    trace,
    counters: new Counters(),
    self: 'self' as NodeId,
    forwardMs: 100,
    peers: {
      obstacleTo: () => (isAsked ? undefined : 'peer-away'),
      slownessOf: () => 0,
      handOn(node, _put, _terms, deliver) {
        if (node === 'second') deliver(new OperatingError('overloaded', 'not now'))
      },
    },
  })
  const ends: (PutResult | OperatingError)[] = []
  const put = { requestId: 'of one put 12345' } as unknown as KnownPut
  const terms = { ring: u64<RingDigest>(1, 2), deadline: clock.now() + 500 }
  const owners = ['first', 'second'] as NodeId[]
  const coordinate: CoordinateHere = (_put, _forOwner, deliver) => {
    if (here !== undefined) deliver(new OperatingError(here, 'not here'))
  }
  forwards.run({ put, owners, terms, here: coordinate }, (end) => ends.push(end))
  await sim.run(2_000)
  t.equal(ends.length, 1, 'one end')
  const [end] = ends
  return end instanceof OperatingError ? `${end.code} ${end.certainty}` : 'ok'
}

t.test('an owner that was asked may have taken it, whatever this node says', async (t) => {
  for (const here of ['disk-full', 'deadline-passed', 'siblings-full'] as const) {
    t.equal(await endOf({ here, isAsked: true }), 'write-in-doubt in-doubt')
  }
})

t.test('this node may have taken it, where it has not said so in time', async (t) => {
  t.equal(await endOf({ here: undefined, isAsked: false }), 'write-in-doubt in-doubt')
})

t.test('where no owner could be asked, a refusal of this node is one', async (t) => {
  for (const here of ['disk-full', 'siblings-full'] as const) {
    t.equal(await endOf({ here, isAsked: false }), `${here} refused`)
  }
})
