/** A member comes back to many hints: they bring what it missed, and exchanges what they do not. */
import t from 'tap'
import { Scene } from '../scene.ts'

const KEYS = 4_000
const WRITERS = 40
const MACHINES = [1, 2, 3, 4] as const
const AWAY = 4
/** Of the disks: a sync takes 6 to 36 ms, and so hints take longer than exchanges are apart. */
const SLOW_FACTOR = 40
const EXCHANGE_MS = 400
/** Some turns of exchanges. */
const TURNS_MS = 3_000

t.test('exchanges wait for hints, and go on once they are at home', async (t) => {
  const scene = await Scene.open({ nodes: MACHINES.length, exchangeMs: EXCHANGE_MS })
  const { world, cluster } = scene
  const client = await scene.client()
  const bucket = client.bucket()
  cluster.kill(AWAY)
  await scene.quiet()
  const writers = Array.from({ length: WRITERS }, async (_, writer) => {
    for (let i = writer; i < KEYS; i += WRITERS) await bucket.put(`key-${i}`, 'a value')
  })
  await scene.run(Promise.all(writers))
  const kept = scene.total('hints')
  t.ok(kept > KEYS / 2, `${kept} hints`)
  for (const machine of MACHINES) world.disk(machine).slow(SLOW_FACTOR)
  await scene.run(cluster.start(AWAY))
  const isHome = (): boolean => scene.total('hints') === 0
  t.ok(await world.runUntil(isHome, 60_000), 'all hints come home')
  const received = scene.figure(AWAY, 'hints_received_total')
  t.ok(received >= kept && received < 1.01 * kept, `${received} of ${kept}, some of them twice`)
  t.equal(scene.total('exchange_repairs_total'), 0)
  const before = scene.figure(AWAY, 'exchanges_total')
  await world.run(TURNS_MS)
  t.ok(scene.figure(AWAY, 'exchanges_total') >= before + 3, 'with each of the others')
})
