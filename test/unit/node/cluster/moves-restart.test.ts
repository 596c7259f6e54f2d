/**
 * A leaver loses its power in the middle of a move. Until it has read what the tail of its log has,
 * it must not count as equal to a filler that lacks it: the move would end, and acknowledged puts
 * would be at too few owners.
 */
import t from 'tap'
import { utf8Bytes } from '../../../../src/base/bytes.ts'
import { leafOf } from '../../../../src/dynamo/repair/branches.ts'
import { tokenOf } from '../../../../src/native/digest.ts'
import { Scene } from '../scene.ts'
import { ChangeOf, nodeOf, operatorAt } from './operations-scene.ts'

const PAIRS = 20
const PARTITIONS = 16
/** Each of the reads that a start makes takes some hundred milliseconds. */
const SLOWNESS = 400

t.test('a leaver that restarts hands over what the tail of its log has', async (t) => {
  const weights = [1, 1, 1, 0]
  const scene = await Scene.open({
    ...{ nodes: 4, partitions: PARTITIONS, weights },
    exchangeMs: 3_600_000,
    disk: { residentChance: 0 },
  })
  const { cluster, world } = scene
  const cut = (machine: number, others: readonly number[]): void => {
    for (const other of others) world.cut(machine, other)
  }
  const four = await operatorAt(scene, 4)
  const pause = (pauses: boolean) => scene.run(four.operator.pause(pauses, { at: four.at }))
  await pause(true)
  await four.change(ChangeOf.weight, 'n4', { weight: 1 })
  await four.commit()
  await world.run(3_000)
  const stages = () => nodeOf(scene, 4).rings.view.stages
  const one = cluster.memberOf(1)
  const moves = (partition: number): boolean => stages().of(partition, 3).leaver === one
  const left = (): boolean => Array.from({ length: PARTITIONS }, (_, i) => i).some(moves)

  // Keys of places that move, two in each of some leaves: the first are there before the move.
  const byLeaf = new Map<number, string>()
  const pairs: (readonly [string, string])[] = []
  for (let i = 0; pairs.length < PAIRS; i++) {
    const key = `k${i}`
    const token = tokenOf(utf8Bytes('default'), utf8Bytes(key))
    if (!moves(stages().table.ring.partitionOf(token))) continue
    const other = byLeaf.get(leafOf(token))
    if (other === undefined) byLeaf.set(leafOf(token), key)
    else pairs.push([other, key])
  }
  const bucket = (await scene.client()).bucket('default')
  for (const [key] of pairs) await scene.run(bucket.put(key, 'old', { w: 3 }))
  await scene.quiet()

  // The bulk transfer from the leaver comes to its end, then the move waits.
  cut(4, [2, 3])
  await world.run(3_000)
  await pause(false)
  const hasCome = (): boolean => world.trace.count('transfer-ended') > 0
  t.ok(await world.runUntil(hasCome, 20_000), 'the transfer has ended')
  await pause(true)
  t.ok(left(), 'places are to be moved still')

  // Two owners acknowledge what neither the third one nor the filler has; then their power goes.
  cluster.kill(3)
  cut(4, [1, 2])
  await world.run(8_000)
  const strict = { w: 2, strict: true }
  await scene.run(Promise.all(pairs.map(([, key]) => bucket.put(key, 'acknowledged', strict))))
  cluster.crash(1)
  cluster.crash(2)
  await world.run(100)
  world.disk(1).slow(SLOWNESS)
  world.heal()
  const started = cluster.start(1)
  await pause(false)
  await scene.run(started)
  t.ok(await world.runUntil(() => !left(), 60_000), 'all places have moved')
  world.disk(1).slow(1)

  // The owners now are the filler, the third one and the second, which stays away.
  cluster.kill(1)
  await scene.run(cluster.start(3))
  await world.run(20_000)
  const reader = (await scene.client()).bucket('default')
  for (const [, key] of pairs) {
    const { siblings } = await scene.run(reader.get(key, { r: 2, strict: true }))
    if (!siblings.includes('acknowledged')) t.fail(`${key} is missing at two owners`)
  }
})
