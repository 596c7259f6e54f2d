/** A handshake whose acceptor takes time to decide, as it may ask others whether an id is taken. */
import t from 'tap'
import { HANDSHAKE_MS_MAX } from '../../../src/limits.ts'
import { acceptSession } from '../../../src/wire/handshake.ts'
import { CONTROL_KINDS } from '../../../src/wire/message/session.ts'
import { REQUEST_KINDS } from '../../../src/wire/message/table.ts'
import { proofOf } from '../../../src/wire/proof.ts'
import { AS_PEER, hello, identity, outcomeOf, PEER_KEY, proof } from '../../support/handshakes.ts'
import { frameOf, helloBytes, PEER_B, RawEnd, RecordedEvents } from '../../support/wire-frames.ts'
import { WirePipeWorld, wirePipe } from '../../support/wire-pipe.ts'

t.test('a side that decides takes no frame, and its time is bounded too', async (t) => {
  for (const [end, code] of [
    ['frame', 'handshake-expected'],
    ['nothing', 'handshake-late'],
  ] as const) {
    const world = new WirePipeWorld()
    const [near, far] = wirePipe(world)
    const raw = new RawEnd(near)
    let decide: (refusal: undefined) => void = () => undefined
    const accept = {
      ...PEER_B,
      admit: () => new Promise<undefined>((resolve) => (decide = resolve)),
    }
    const outcome = outcomeOf(acceptSession(far, world, accept, new RecordedEvents()))
    near.write(hello(AS_PEER))
    await world.untilIdle()
    const { body } = raw.take()[0] as { body: Uint8Array }
    near.write(proof(proofOf('connector', PEER_KEY, helloBytes(AS_PEER), body)))
    near.write(identity({}))
    await world.untilIdle()
    t.same(
      raw.take().map(({ kind }) => kind),
      [],
    )
    if (end === 'frame') near.write(frameOf(REQUEST_KINDS.peerRead, 1))
    else world.pass(HANDSHAKE_MS_MAX)
    await world.untilIdle()
    decide(undefined)
    await world.untilIdle()
    t.equal(await outcome, code)
    t.same(
      raw.take().map(({ kind }) => kind),
      [CONTROL_KINDS.goodbye],
      'and no ready after it',
    )
  }
})
