/** The keys of a node: from its configuration at first, then from its data directory. */
import t from 'tap'
import { KeyRing } from '../../../../src/dynamo/membership/key-ring.ts'
import { digestKeyOf, HeldKeys, readKeptKeys } from '../../../../src/node/cluster/held-keys.ts'
import { SimWorld } from '../../../../src/sim/index.ts'
import { writeKeyRing } from '../../../../src/store/keys.ts'
import type { Directory } from '../../../../src/world/disk.ts'

const cluster = 'shop'
const clusterKey = new Uint8Array(16).fill(1)
const FIRST = KeyRing.first(clusterKey, digestKeyOf({ cluster, clusterKey }))

async function inDirectory(work: (directory: Directory) => Promise<void>): Promise<void> {
  const sim = new SimWorld({ seed: 1 })
  await sim.complete(sim.start(1).disk.directory('/data').then(work))
}

t.test('the configured key begins the ring, which the directory keeps then', async (t) => {
  await inDirectory(async (directory) => {
    const begun = await readKeptKeys({ cluster, clusterKey }, directory)
    t.same([begun.held.ring, begun.isWritten], [FIRST, false])
    const rotated = FIRST.rotated(7, new Uint8Array(16).fill(7))
    await writeKeyRing(directory, rotated.signedBy(rotated.newest).withoutOldest())
    for (const configured of [clusterKey, undefined]) {
      const kept = await readKeptKeys({ cluster, clusterKey: configured }, directory)
      t.same([kept.isWritten, kept.held.ring.signer.id], [true, 7], 'also where it was dropped')
    }
  })
  const { held, directory } = await readKeptKeys({ cluster, clusterKey }, undefined)
  t.same([held.ring, directory], [FIRST, undefined], 'an engine in memory')
})

t.test('another configured key is refused, and told to no one', async (t) => {
  await inDirectory(async (directory) => {
    await writeKeyRing(directory, FIRST)
    for (const config of [
      { cluster, clusterKey: new Uint8Array(16).fill(0x5e) },
      { cluster: 'other', clusterKey },
    ]) {
      const error = await readKeptKeys(config, directory).catch((thrown: unknown) => thrown)
      t.match(error, { code: 'key-file-wrong', message: /is not the one that the cluster of/ })
      t.notMatch((error as Error).message, /5e5e|0101/)
    }
  })
})

t.test('a node that joined and lost its keys says so', async (t) => {
  await inDirectory(async (directory) => {
    const reading = readKeptKeys({ cluster, clusterKey: undefined }, directory)
    await t.rejects(reading, { code: 'data-rotten', message: /^the file keys .* is missing/ })
  })
})

t.test('who follows the keys is told of others, the one that signs first', async (t) => {
  const held = new HeldKeys(FIRST)
  const told: (readonly number[])[] = []
  held.follow((keys) => told.push(keys.map(({ id }) => id)))
  const rotated = FIRST.rotated(7, new Uint8Array(16).fill(7))
  held.use(rotated)
  held.use(rotated.signedBy(rotated.newest))
  t.same(told, [
    [1, 7],
    [7, 1],
  ])
  t.same(held.offered, [7, 1])
  t.same(held.keyOf(1), clusterKey)
  t.equal(held.keyOf(9), undefined)
})
