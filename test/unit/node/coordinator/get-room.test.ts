/** A get whose answer waits for memory is not late: no other owner is asked in its place. */
import t from 'tap'
import { OperatingError } from '../../../../src/base/errors.ts'
import { u64 } from '../../../../src/base/u64.ts'
import { Gets, type GetDependencies } from '../../../../src/node/coordinator/get.ts'
import type { GetAsk } from '../../../../src/dynamo/quorum/get.ts'
import { nodeId, keyName } from '../../../../src/dynamo/names.ts'
import { copyOf } from '../../../../src/store/conformance/subject.ts'
import { WirePipeWorld } from '../../../support/wire-pipe.ts'

const OWNERS = ['1', '2', '3'].map((digit) => nodeId(digit.repeat(16)))
const READ = {
  copy: copyOf(keyName('b', 'k')),
  owners: OWNERS,
  ring: u64(0, 0),
  needed: 2,
  deadline: 10_000,
} as const

t.test('a hedge waits as long as the answer waits for memory', async (t) => {
  const world = new WirePipeWorld()
  const asked: string[] = []
  const gets = new Gets({
    clock: world.clock,
    trace: world.trace,
    self: OWNERS[0],
    replica: { read: () => new Promise(() => undefined) },
    peers: {
      obstacleTo: () => undefined,
      slownessOf: () => 0,
      isConnected: () => true,
      readCopy: ({ node }: GetAsk) => asked.push(node),
    },
    counters: { getLatencies: { lateMs: 20 }, hedges: 0 },
    hedgeMs: 50,
    repairMs: 1000,
  } as unknown as GetDependencies)
  const room = { isWaiting: true, reserve: () => undefined }
  gets.run({ ...READ, room } as never, () => undefined)
  t.same(asked, [OWNERS[1]], 'for its digest')
  world.pass(500)
  t.same(asked, [OWNERS[1]])
  room.isWaiting = false
  world.pass(60)
  t.same(asked, [OWNERS[1], OWNERS[2]])
})

t.test('no owner is asked in the place of one that gave up at the deadline', async (t) => {
  const world = new WirePipeWorld()
  const asked: string[] = []
  let giveUp: (error: OperatingError) => void = () => undefined
  const gets = new Gets({
    clock: world.clock,
    trace: world.trace,
    self: OWNERS[0],
    replica: { read: () => new Promise((_, reject) => (giveUp = reject)) },
    peers: {
      obstacleTo: () => undefined,
      slownessOf: () => 0,
      readCopy: ({ node }: GetAsk) => asked.push(node),
    },
    counters: { getLatencies: { lateMs: 20 }, hedges: 0 },
    hedgeMs: 50,
    repairMs: 1000,
  } as unknown as GetDependencies)
  const results: unknown[] = []
  const room = { isWaiting: true, reserve: () => undefined }
  gets.run({ ...READ, room } as never, (found) => results.push(found))
  world.leap(READ.deadline)
  giveUp(new OperatingError('deadline-passed', 'the deadline passed'))
  await world.untilIdle()
  t.same(asked, [OWNERS[1]], 'for its digest')
  t.match(results, [{ code: 'deadline-passed' }])
})
