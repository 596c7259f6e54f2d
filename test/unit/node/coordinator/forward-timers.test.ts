/**
 * A put that is passed on ends once, whatever fails within the call that passes it on.
 *
 * What went wrong: a call to an owner that had just gone failed at once and went on to the next
 * owner, and then the first call set its timer over the second's. The answer cancelled the one, and
 * the other answered again: a broken belief, which ended the node. Now the timer is set before the
 * call, and there is one at a time.
 */
import t from 'tap'
import type { NodeId } from '../../../../src/dynamo/names.ts'
import { OperatingError } from '../../../../src/base/errors.ts'
import { u64 } from '../../../../src/base/u64.ts'
import type { RingDigest } from '../../../../src/dynamo/ring/ring.ts'
import { Forwards } from '../../../../src/node/coordinator/forward.ts'
import { Counters } from '../../../../src/node/counters.ts'
import type { KnownPut, PutResult } from '../../../../src/node/requests.ts'
import { SimWorld } from '../../../../src/sim/world.ts'

const ACHIEVED = { context: new Uint8Array(3), receipt: new Uint8Array(30), holders: [] }

t.test('an owner that is gone at once and one that answers end a put once', async (t) => {
  const sim = new SimWorld({ seed: 1 })
  const world = sim.start(1)
  const asked: string[] = []
  const { clock, trace } = world
  const forwards = new Forwards({
    clock,
    trace,
    counters: new Counters(),
    self: 'self' as NodeId,
    forwardMs: 100,
    peers: {
      obstacleTo: () => undefined,
      slownessOf: () => 0,
      handOn(node, _put, _terms, deliver) {
        asked.push(node)
        if (node === 'gone') deliver(new OperatingError('peer-away', 'gone'))
        else clock.after(50, () => deliver(ACHIEVED))
      },
    },
  })
  const ends: (PutResult | OperatingError)[] = []
  const put = { requestId: 'of one put 12345' } as unknown as KnownPut
  const terms = { ring: u64<RingDigest>(1, 2), deadline: clock.now() + 500 }
  const owners = ['gone', 'slow'] as NodeId[]
  forwards.run({ put, owners, terms, here: undefined }, (end) => ends.push(end))
  await sim.run(2_000)
  t.same(asked, ['gone', 'slow'])
  t.same(ends, [{ ...ACHIEVED, attempts: 2, answered: 0, needed: 0 }])
})
