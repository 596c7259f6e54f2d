/** A disk that was set back or emptied after rounds brings nothing back, and takes nothing late. */
import t from 'tap'
import { replyOf, verdictOf } from '../scene.ts'
import { ROUND_LIMIT_MS, RoundsScene } from './rounds-scene.ts'

const KEYS = Array.from({ length: 10 }, (_, i) => `key-${i}`)
const DELETED = KEYS.slice(0, 6)
const LEFT = KEYS.length - DELETED.length
const N = 3

/** Keys are written, kept by a backup of node 1, and some are deleted and gone everywhere. */
async function deleted() {
  const scene = await RoundsScene.open()
  const session = await scene.session(2)
  await scene.putAll(session, KEYS)
  await scene.rounds()
  const backup = scene.world.disk(1).backup()
  const { object } = await scene.copyAt(1, DELETED[0] as string)
  await scene.deleteAll(session, DELETED)
  await scene.keysAre(LEFT)
  return { scene, session, backup, object }
}

async function isWholeAgain(scene: RoundsScene): Promise<void> {
  const isWhole = (): boolean => scene.cluster.node(1)?.isWhole === true
  t.ok(await scene.world.runUntil(isWhole, ROUND_LIMIT_MS), 'node 1 is whole again')
}

async function nothingIsBack(scene: RoundsScene): Promise<void> {
  await scene.rounds(2)
  await scene.keysAre(LEFT)
  const session = await scene.session(1)
  for (const key of KEYS) {
    const { siblings } = replyOf(await session.get(key, N))
    t.equal(siblings.length, DELETED.includes(key) ? 0 : 1, key)
  }
}

t.test('a disk that is set back is recognised, refused, and brings nothing back', async (t) => {
  const { scene, backup, object } = await deleted()
  scene.cluster.crash(1)
  scene.world.disk(1).restore(backup)
  scene.cluster.kill(3)
  await scene.run(scene.cluster.start(1))
  const { trace } = scene.world
  t.ok(await scene.world.runUntil(() => trace.count('rebuild-begun') === 1, ROUND_LIMIT_MS))
  await scene.quiet()
  t.notOk(scene.cluster.node(1)?.isWhole, 'it waits for node 3')
  await t.rejects(scene.copyAt(1, KEYS[9] as string), { code: 'replica-rebuilding' })
  const late = await scene.send(1, DELETED[0] as string, object)
  t.notOk(verdictOf(late) === 'ok')
  await scene.run(scene.cluster.start(3))
  await isWholeAgain(scene)
  await nothingIsBack(scene)
})

t.test('an emptied disk learns what was closed before it takes a write', async (t) => {
  const { scene, object } = await deleted()
  scene.cluster.crashAndWipe(1)
  await scene.run(scene.cluster.start(1))
  const { trace } = scene.world
  t.ok(await scene.world.runUntil(() => trace.count('rebuild-begun') === 1, ROUND_LIMIT_MS))
  const key = DELETED[0] as string
  const soon = verdictOf(await scene.send(1, key, object))
  t.ok(['write-late refused', 'replica-rebuilding refused'].includes(soon), soon)
  await scene.quiet()
  t.equal(verdictOf(await scene.send(1, key, object)), 'write-late refused')
  await isWholeAgain(scene)
  await nothingIsBack(scene)
})

t.test('a disk that is set back in the middle of a round voids it', async (t) => {
  const { scene, backup } = await deleted()
  const { trace } = scene.world
  // Where the opener is lost too, the others hear of it late.
  let opener = 1
  trace.watch('round-opened', (_, node) => (opener = node))
  t.ok(await scene.world.runUntil(() => opener !== 1, ROUND_LIMIT_MS))
  const voids = trace.count('round-void')
  scene.cluster.crash(1)
  scene.world.disk(1).restore(backup)
  await scene.run(scene.cluster.start(1))
  await scene.world.run(2_000)
  t.ok(trace.count('round-void') > voids, 'others may be void until the member takes part again')
  await isWholeAgain(scene)
  await nothingIsBack(scene)
})

t.test('a disk that lost the file of its rounds is rebuilt', async (t) => {
  const { scene } = await deleted()
  scene.cluster.crash(1)
  const disk = scene.world.disk(1)
  const files = new Map([...disk.backup()].map(([path, all]) => [path, new Map(all)]))
  for (const all of files.values()) all.delete('rounds')
  disk.restore(files)
  await scene.run(scene.cluster.start(1))
  t.equal(scene.world.trace.count('rebuild-begun'), 1)
  await isWholeAgain(scene)
  await nothingIsBack(scene)
})

t.test('a disk from before a start left all floors is emptied', async () => {
  const scene = await RoundsScene.open()
  await scene.putAll(await scene.session(2), KEYS)
  await scene.rounds()
  const backup = scene.world.disk(1).backup()
  await scene.deleteAll(await scene.session(2), KEYS)
  await scene.keysAre(0)
  // No copy names the start any more by which they were written.
  await scene.restart(2)
  await scene.rounds(4)
  scene.cluster.crash(1)
  scene.world.disk(1).restore(backup)
  await scene.run(scene.cluster.start(1))
  await isWholeAgain(scene)
  await scene.rounds(2)
  await scene.keysAre(0)
})
