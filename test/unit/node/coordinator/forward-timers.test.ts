/**
 * A put that is passed on ends once, whatever fails within the call that passes it on.
 *
 * What went wrong: a call to an owner that had just gone failed at once and went on to the next
 * owner, and then the first call set its timer over the second's. The answer cancelled the one, and
 * the other answered again: a broken belief, which ended the node. Now the timer is set before the
 * call, and there is one at a time.
 */
import t from 'tap'
import { OperatingError } from '../../../../src/base/errors.ts'
import { forward } from '../../../../src/node/coordinator/forward.ts'
import type { Parts } from '../../../../src/node/parts.ts'
import { Counters } from '../../../../src/node/report.ts'
import { SimWorld } from '../../../../src/sim/world.ts'

const REPLY = { context: new Uint8Array(0), attempts: 1 }

t.test('an owner that is gone at once and one that answers end a put once', async (t) => {
  const sim = new SimWorld({ seed: 1 })
  const world = sim.start(1)
  const asked: string[] = []
  const parts = {
    world,
    config: { forwardMs: 100 },
    counters: new Counters(),
    topology: { ownersOf: () => [{ id: 'gone' }, { id: 'slow' }] },
    peers: {
      isConnected: () => true,
      call: (node: string, _kind: string, _put: unknown, onAnswer: (answer: unknown) => void) => {
        asked.push(node)
        if (node === 'gone') onAnswer(new OperatingError('peer-away', 'gone'))
        else world.clock.after(50, () => onAnswer(REPLY))
      },
    },
  } as unknown as Parts
  const ends: unknown[] = []
  const name = { bucket: new Uint8Array(1), key: new Uint8Array(1) }
  const put = { name, requestId: new Uint8Array(16) }
  const request = { put, token: { hi: 0, lo: 0 }, deadline: world.clock.now() + 500 }
  forward(parts, request as unknown as Parameters<typeof forward>[1], (end) => ends.push(end))
  await sim.run(2_000)
  t.same(asked, ['gone', 'slow'])
  t.same(ends, [{ ...REPLY, attempts: 2 }])
})
