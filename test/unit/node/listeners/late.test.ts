/** A node that was stopped for a while, and a scan that waits beyond its deadline. */
import t from 'tap'
import { OperatingError } from '../../../../src/base/errors.ts'
import { ClientRequests } from '../../../../src/node/listeners/client-requests.ts'
import type { IncomingCall } from '../../../../src/wire/session.ts'
import { REQUESTS } from '../../../support/wire-requests.ts'
import { isReply, nameOf, Scene } from '../scene.ts'

const CALLS = 20

t.test('a node that was stopped for a while takes what came meanwhile', async (t) => {
  const scene = await Scene.open({ nodes: 3 })
  const session = await scene.session(1)
  await session.put('key', 'a')
  scene.world.pause(1)
  const get = {
    name: nameOf('key'),
    r: 1,
    deadlineMs: 5_000,
    strict: true,
    monotonic: false,
    receipts: [],
  }
  const asked = Array.from({ length: CALLS }, () => session.begin('get', get))
  await scene.world.run(1_000)
  scene.world.resume(1)
  const answers = await scene.run(Promise.all(asked))
  t.equal(answers.filter(isReply).length, CALLS)
  t.equal(scene.figure(1, 'overloaded_loop_total'), 0)
  t.ok(scene.figure(1, 'loop_delay_ms_p99') > 900, 'its loop was late all the same')
})

t.test('a scan that waited for memory beyond its deadline is answered, and not run', async (t) => {
  const late = new OperatingError('deadline-passed', 'the deadline passed')
  const coordinator = { scan: () => t.fail('it was run') }
  const requests = new ClientRequests(
    coordinator as never,
    {} as never,
    () => t.fail() as never,
    {} as never,
    {} as never,
  )
  const failure = await new Promise((fail) => {
    const room = { isWaiting: false, reserve: () => Promise.reject(late) }
    const call = { kind: 'scan', request: REQUESTS.scan, deadline: 1, room, fail }
    requests.onCall(call as unknown as IncomingCall)
  })
  t.equal(failure, late)
})
