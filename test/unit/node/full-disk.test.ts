/** A cluster whose disks are all full. */
import t from 'tap'
import type { OperatingError } from '../../../src/base/errors.ts'
import { Scene } from './scene.ts'

t.test('S8: on full disks a cluster reads and deletes, also after a restart', async (t) => {
  const scene = await Scene.open({ segmentBytes: 4096, seed: 2 })
  const client = await scene.client(1_000)
  const bucket = client.bucket('default')
  const keys = Array.from({ length: 8 }, (_, i) => `k${i}`)
  for (const key of keys) await scene.run(bucket.put(key, 'x'.repeat(100)))
  await scene.quiet()
  for (const machine of scene.cluster.machines) {
    const disk = scene.world.disk(machine)
    disk.limit(disk.usedBytes)
  }
  // The first that fails is in doubt where its coordinator alone had room.
  const failures: OperatingError[] = []
  const fill = async (i: number): Promise<void> => {
    await scene
      .run(bucket.put(`more${i}`, 'x'.repeat(100)))
      .catch((error: unknown) => failures.push(error as OperatingError))
  }
  for (let i = 0; i < 400 && failures.at(-1)?.certainty !== 'refused'; i++) await fill(i)
  t.match(failures.at(-1), { code: 'disk-full', certainty: 'refused' })
  for (const machine of scene.cluster.machines) {
    t.match(scene.cluster.node(machine)?.status().alarms, [/has no room for .* 0 bytes are free/])
  }
  await scene.run(bucket.delete('k0', { replace: 'seen' }))
  for (const machine of scene.cluster.machines) scene.cluster.kill(machine)
  await scene.run(Promise.all(scene.cluster.machines.map((one) => scene.cluster.start(one))))
  await scene.quiet()
  await scene.run(bucket.delete('k1', { replace: 'seen' }))
  const found = await scene.run(Promise.all(keys.map(async (key) => bucket.get(key))))
  t.same(
    found.map(({ siblings }) => siblings.length),
    [0, 0, 1, 1, 1, 1, 1, 1],
  )
  for (const machine of scene.cluster.machines) scene.world.disk(machine).limit()
  await scene.quiet()
  await scene.run(bucket.put('again', 'x'))
  for (const machine of scene.cluster.machines) {
    t.same(scene.cluster.node(machine)?.status().alarms, [])
  }
})
