/**
 * A key whose context has no room for another line: only an owner whose copy has a line can take a
 * put, and every node finds it.
 */
import t from 'tap'
import { utf8Text } from '../../../../src/base/bytes.ts'
import { ContextSeal, FIRST_KEY_ID } from '../../../../src/dynamo/version/context-seal.ts'
import { Context } from '../../../../src/dynamo/version/context.ts'
import { RANGES_PER_PUT_MAX, ROUND_MS_MAX } from '../../../../src/limits.ts'
import { copyOf } from '../../../../src/store/conformance/subject.ts'
import { range } from '../../dynamo/version/samples.ts'
import { nameOf, replyOf, Scene, verdictOf } from '../scene.ts'

const KEY = 'cart'

interface Full {
  readonly scene: Scene
  /** The first two owners have no line; the last has one. */
  readonly owners: readonly [number, number, number]
  readonly outsider: number
  /** Covers all that is there. */
  readonly contexts: Uint8Array[]
}

/** One put, with all that so many owners before have written. */
async function full(): Promise<Full> {
  // A round would let go of what is replaced.
  const scene = await Scene.open({ nodes: 4, roundMs: ROUND_MS_MAX })
  const place = scene.placeOf(KEY)
  const owners = place.owners as unknown as Full['owners']
  const before = Array.from({ length: RANGES_PER_PUT_MAX - 1 }, (_, i) =>
    range(i + 1, i + 1, i + 1),
  )
  const { cluster, clusterKey } = scene.cluster.configOf(owners[2])
  const key = { id: FIRST_KEY_ID, key: clusterKey as Uint8Array }
  const seal = new ContextSeal([key], cluster)
  const seen = seal.seal(copyOf(nameOf(KEY)), Context.of(before))
  const session = await scene.session(owners[2])
  const made = replyOf(await session.put(KEY, 'v', { contexts: [seen] }))
  await restart(scene, owners[0])
  await restart(scene, owners[1])
  return { scene, owners, outsider: place.others[0] as number, contexts: [made.context.slice()] }
}

async function restart(scene: Scene, machine: number): Promise<void> {
  scene.cluster.kill(machine)
  await scene.run(scene.cluster.start(machine))
  await scene.quiet()
}

t.test('an owner without a line hands the put on to the one that has a line', async (t) => {
  const { scene, owners, contexts } = await full()
  const session = await scene.session(owners[0])
  t.equal(replyOf(await session.put(KEY, 'a', { contexts })).attempts, 2, 'the second refused too')
  t.equal(scene.figure(owners[0], 'forwards_total'), 2)
  const { siblings } = replyOf(await session.get(KEY, 3))
  t.same(siblings.map(utf8Text), ['a'], 'it replaced what it was to replace')
})

t.test('a client that reaches one owner alone, which has no line, can write', async (t) => {
  const { scene, owners, outsider } = await full()
  const client = await scene.client()
  const machine = scene.cluster.clientMachines.at(-1) as number
  for (const node of [owners[1], owners[2], outsider]) scene.world.cut(machine, node)
  await scene.run(client.bucket('default').put(KEY, 'b'))
  t.equal(scene.figure(owners[0], 'forwards_total'), 2, 'of the owner that it reached')
})

t.test('a node that does not own the key finds the owner with a line', async (t) => {
  const { scene, outsider, contexts } = await full()
  const session = await scene.session(outsider)
  t.equal(verdictOf(await session.put(KEY, 'a', { contexts })), 'ok')
  t.equal(scene.figure(outsider, 'forwards_total'), 3, 'each owner was asked once')
})

t.test('where no owner with a line can be reached, the put is refused', async (t) => {
  const { scene, owners, contexts } = await full()
  scene.cluster.kill(owners[2])
  await scene.quiet()
  const session = await scene.session(owners[0])
  const refused = await session.put(KEY, 'a', { contexts })
  t.equal(verdictOf(refused), 'context-full refused')
  const holdup = `rounds that would make room wait: n${owners[2]} has been away for \\d+ s`
  t.match(refused, { message: new RegExp(holdup), isRetryable: true }, 'who holds up the rounds')
  scene.cluster.kill(owners[1])
  await scene.quiet()
  const alone = await session.put(KEY, 'a', { contexts, w: 1 })
  t.equal(verdictOf(alone), 'context-full refused', 'and not for want of another owner')
})
