/** What is left on the network when a client was closed or could not connect: nothing. */
import t from 'tap'
import { connectTo } from '../../../src/client/client.ts'
import { SimWorld } from '../../../src/sim/index.ts'
import type { Connection } from '../../../src/world/network.ts'

const PORT = 7400
/** Far below the 5,000 ms that a handshake or a goodbye may take. */
const SOON_MS = 100

/** A client's machine 0 and a listener on machine 1 that takes connections and sends nothing. */
async function listening(): Promise<SimWorld> {
  const sim = new SimWorld({ seed: 1 })
  const address = { host: sim.hostOf(1), port: PORT }
  await sim.complete(sim.start(1).network.listen(address, mute))
  return sim
}

function mute(connection: Connection): void {
  connection.listen({ onData: () => {}, onSent: () => {}, onClose: () => {} })
}

t.test('a failed connect ends its handshake', async (t) => {
  const sim = await listening()
  const seeds = [`${sim.hostOf(1)}:${PORT}`]
  const connecting = connectTo({ seeds, connectTimeout: 500 }, sim.start(0))
  await t.rejects(sim.complete(connecting, 600), { code: 'not-connected' })
  await sim.run(SOON_MS)
  t.equal(sim.network.connections, 0)
})

t.test('an aborted connect ends at once, in each of its phases', async (t) => {
  for (const phase of ['before', 'connect', 'handshake'] as const) {
    const sim = await listening()
    const world = sim.start(0)
    const abort = new AbortController()
    if (phase === 'before') abort.abort('enough')
    if (phase === 'connect') sim.cut(0, 1)
    const seeds = [`${sim.hostOf(1)}:${PORT}`]
    const connecting = connectTo({ seeds, signal: abort.signal }, world)
    connecting.catch(() => {})
    await sim.run(SOON_MS)
    t.equal(sim.network.connections, phase === 'handshake' ? 1 : 0)
    abort.abort('enough')
    const failure = { code: 'aborted', certainty: 'refused', cause: 'enough' }
    await t.rejects(sim.complete(unwrapped(connecting), SOON_MS), failure, phase)
    sim.heal()
    await sim.run(SOON_MS)
    t.equal(sim.network.connections, 0, phase)
  }
})

/** Throws the failure itself where a call was made, not the error of the call around it. */
async function unwrapped(promise: Promise<unknown>): Promise<unknown> {
  return promise.catch((error: unknown) => {
    const { cause } = error as Error
    throw cause instanceof Error ? cause : error
  })
}
