/** A leaver that loses its disk after it has handed a place over, where few have heard of that. */
import t from 'tap'
import { MOVING_N, partitionsWhere } from '../../dynamo/ring/moving.ts'
import { StagedLists } from '../../../../src/dynamo/ring/staged-lists.ts'
import { encodeObject } from '../../../../src/dynamo/version/object-bytes.ts'
import { BUCKET_ID } from '../../../../src/store/conformance/subject.ts'
import { utf8Bytes } from '../../../../src/base/bytes.ts'
import { tokenOf } from '../../../../src/native/digest.ts'
import { DEFAULT_BUCKET, OWN } from '../../../../src/dynamo/names.ts'
import { dot, object, range, sibling } from '../../dynamo/version/samples.ts'
import { nameOf, Scene, verdictOf } from '../scene.ts'
import { ChangeOf, nodeOf, operatorAt } from './operations-scene.ts'

const SPARE = { nodes: 4, weights: [1, 1, 1, 0], exchangeMs: 1_000 } as const
const OBJECT = encodeObject(object([range(1, 1, 1)], sibling('x', dot(1, 1)))) as Uint8Array

function cut(scene: Scene, ones: readonly number[], others: readonly number[]): void {
  for (const one of ones) {
    for (const other of others) {
      scene.world.network.cutOneWay(one, other)
      scene.world.network.cutOneWay(other, one)
    }
  }
}

t.test('it acknowledges nothing for the place that it had given away', async (t) => {
  const scene = await Scene.open(SPARE)
  const { cluster, world } = scene
  const four = await operatorAt(scene, 4)
  await scene.run(four.operator.pause(true, { at: four.at }))
  await four.change(ChangeOf.weight, 'n4', { weight: 1 })
  await four.commit()
  await world.run(3_000)
  cut(scene, [1, 4], [2, 3])
  await scene.run(four.operator.pause(false, { at: four.at }))
  await world.run(10_000)
  const [self, filler] = [1, 4].map((machine) => cluster.memberOf(machine))
  const { stages } = nodeOf(scene, 4).rings.view
  const behind = nodeOf(scene, 2).rings.view.stages
  const given = partitionsWhere(behind, (one) => one.leaver === self && one.filler === filler)
  const moved = given.filter((one) => stages.of(one, MOVING_N).done > 0)
  t.ok(moved.length > 0, 'n4 alone knows that it owns them')
  const partitionOf = (one: string): number => {
    return stages.table.ring.partitionOf(tokenOf(utf8Bytes(DEFAULT_BUCKET), utf8Bytes(one)))
  }
  const keys = Array.from({ length: 1_000 }, (_, i) => `key${i}`)
  const key = keys.find((one) => moved.includes(partitionOf(one))) as string
  cluster.crashAndWipe(1)
  world.network.healAll()
  cut(scene, [4], [1, 2, 3])
  await scene.run(cluster.start(1))
  await world.run(30_000)
  const ring = new StagedLists(behind).ofPartition(partitionOf(key), MOVING_N).digest
  const copy = { name: nameOf(key), bucketId: BUCKET_ID, place: OWN, object: OBJECT }
  const write = { ...copy, ring, deadlineMs: 1_000 }
  const verdict = verdictOf(await scene.run(scene.asPeer(1, 'peerWrite', write, 2)))
  t.not(verdict, 'ok', 'a read of n4 and another one would miss it')
})
