/** A simulated cluster whose requests are slow: background work yields, and never stops. */
import t from 'tap'
import { SHARE_MIN } from '../../../../src/dynamo/background-share.ts'
import type { Client } from '../../../../src/index.ts'
import { Scene } from '../scene.ts'

const KEYS = 6_000
const WRITERS = 30
const MACHINES = [1, 2, 3, 4] as const
const AWAY = 4
/** Of the disks: a sync takes 6 to 36 ms. */
const SLOW_FACTOR = 40
const SLOW_MS = 2_000
const TARGET_MS = 20
const NO_TARGET_MS = 60_000

interface Run {
  /** Hints, while requests were slow. */
  readonly delivered: number
  readonly shares: readonly number[]
  readonly sharesAfter: readonly number[]
  readonly left: number
}

/** A member comes back to hints while all disks are slow and clients write all the time. */
async function deliverBeside(latencyTargetMs: number): Promise<Run> {
  const scene = await Scene.open({ nodes: MACHINES.length, latencyTargetMs })
  const { world, cluster } = scene
  const client = await scene.client()
  cluster.kill(AWAY)
  await scene.quiet()
  const bucket = client.bucket()
  const writers = Array.from({ length: WRITERS }, async (_, writer) => {
    for (let i = writer; i < KEYS; i += WRITERS) await bucket.put(`key-${i}`, 'a value')
  })
  await scene.run(Promise.all(writers))
  const running = writeUntil(client)
  for (const machine of MACHINES) world.disk(machine).slow(SLOW_FACTOR)
  await world.run(2_000)
  await scene.run(cluster.start(AWAY))
  const before = scene.total('hints_delivered_total')
  await world.run(SLOW_MS)
  const delivered = scene.total('hints_delivered_total') - before
  const shares = [1, 2, 3].map((machine) => scene.figure(machine, 'background_share'))
  for (const machine of MACHINES) world.disk(machine).slow(1)
  running.end()
  await scene.run(running.ended)
  await world.run(3_000)
  const sharesAfter = MACHINES.map((machine) => scene.figure(machine, 'background_share'))
  await world.run(60_000)
  return { delivered, shares, sharesAfter, left: scene.total('hints') }
}

/** Some clients write, one put after another. */
function writeUntil(client: Client) {
  const load = { isOver: false }
  const write = async (writer: number): Promise<void> => {
    for (let i = 0; !load.isOver; i++) {
      await client
        .bucket()
        .put(`load-${writer}-${i % 8}`, 'a value')
        .catch(() => undefined)
    }
  }
  const ended = Promise.all(Array.from({ length: 8 }, (_, writer) => write(writer)))
  return {
    ended,
    end: () => {
      load.isOver = true
    },
  }
}

t.test('O6: background work yields to slow requests, goes on, and comes back', async (t) => {
  const yielding = await deliverBeside(TARGET_MS)
  t.strictSame(yielding.shares, [SHARE_MIN, SHARE_MIN, SHARE_MIN])
  const regardless = await deliverBeside(NO_TARGET_MS)
  t.strictSame(regardless.shares, [1, 1, 1])
  const part = yielding.delivered / regardless.delivered
  const told = `${yielding.delivered} hints beside slow requests, else ${regardless.delivered}`
  t.ok(part >= SHARE_MIN && part < 0.95, told)
  t.strictSame(yielding.sharesAfter, [1, 1, 1, 1])
  t.equal(yielding.left, 0)
  t.equal(regardless.left, 0)
})
