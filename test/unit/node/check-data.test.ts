/** `everwrite check`: a data directory is verified, and nothing in it changes. */
import t from 'tap'
import { exitCodeOf } from '../../../src/cli/outcome.ts'
import { checkData, checkRebuild } from '../../../src/node/check-data.ts'
import { Scene } from './scene.ts'

const KEYS = 60

/** A node with a few segments, stopped. */
async function stopped(): Promise<Scene> {
  const scene = await Scene.open({ nodes: 1, segmentBytes: 2_048 })
  const bucket = (await scene.client()).bucket()
  for (let i = 0; i < KEYS; i++) await scene.run(bucket.put(`key-${i}`, 'x'.repeat(100)))
  await scene.run(scene.cluster.stop(1))
  return scene
}

t.test('a sound directory is sound, and stays as it is', async (t) => {
  const scene = await stopped()
  const world = scene.world.start(1)
  const before = scene.world.disk(1).backup()
  const found = await scene.run(checkData(scene.cluster.configOf(1), world))
  t.match(found, { keys: KEYS, damages: [], unsyncedRecords: 0, tornBytes: 0 })
  t.ok(found.segments > 3)
  t.same(scene.world.disk(1).backup(), before)
})

t.test('what is missing is told; so is data that is not there, or another engine', async (t) => {
  const scene = await stopped()
  const world = scene.world.start(1)
  const config = scene.cluster.configOf(1)
  const directory = await scene.run(world.disk.directory('/data'))
  await scene.run(directory.remove('00000002.seg'))
  const { damages, keys } = await scene.run(checkData(config, world))
  t.same(damages, ['00000002.seg is missing.'])
  t.ok(keys < KEYS)
  const lock = await scene.run(directory.lock())
  await t.rejects(scene.run(checkData(config, world)), { code: 'data-locked' })
  await scene.run(lock.unlock())
  const elsewhere = { ...config, directory: '/elsewhere' }
  await t.rejects(scene.run(checkData(elsewhere, world)), { code: 'data-missing' })
  const memory = { ...config, engine: 'memory' as const }
  await t.rejects(scene.run(checkData(memory, world)), { code: 'config-wrong' })
})

t.test('a directory that has all of its node is not to be rebuilt: exit 2', async (t) => {
  const scene = await Scene.open()
  const config = scene.cluster.configOf(1)
  const check = async (): Promise<unknown> => {
    const { disk } = scene.world.start(1)
    const refused = await scene.run(checkRebuild(config, disk)).catch((error: unknown) => error)
    scene.world.kill(1)
    return refused
  }
  await scene.quiet()
  scene.cluster.kill(1)
  const refused = await check()
  const message = '--rebuild (or the setting rebuild) is for an empty directory'
  t.match(refused, { code: 'config-wrong', message })
  t.equal(exitCodeOf(refused), 2)
  const { disk } = scene.world.start(1)
  await scene.run(checkRebuild({ ...config, mayRebuild: false }, disk))
  scene.world.kill(1)

  await scene.run(scene.cluster.start(1))
  scene.cluster.crashAndWipe(1)
  t.equal(await check(), undefined, 'it is empty')
  await scene.run(scene.cluster.start(1))
  scene.cluster.kill(1)
  t.equal(await check(), undefined, 'the rebuild goes on')
  await scene.run(scene.cluster.start(1))
  const { trace } = scene.world
  t.ok(await scene.world.runUntil(() => trace.count('rebuild-ended') > 0, 60_000))
  await scene.quiet()
  scene.cluster.kill(1)
  t.equal(await check(), undefined, 'what starts the node again may still say so')
})
