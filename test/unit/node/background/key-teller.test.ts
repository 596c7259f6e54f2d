/** What explain tells of a key from its delete until it is gone, and of a context that is long. */
import t from 'tap'
import { explanationText } from '../../../../src/cli/data/explain.ts'
import type { Client, Explanation } from '../../../../src/index.ts'
import { replyOf } from '../scene.ts'
import { RoundsScene } from './rounds-scene.ts'

const KEY = 'k'
const N = 3

/** `reason: nodes, …`, in the order of the answer. */
function waitsOf({ removal }: Explanation): string[] {
  return (removal?.waits ?? []).map(({ reason, name }) => `${reason} ${name}`).sort()
}

async function explained(scene: RoundsScene, client: Client): Promise<Explanation> {
  return scene.run(client.explain('default', KEY))
}

/** The figures of dots and ranges below the floor, of each copy. */
function belowOf({ nodes }: Explanation): string[] {
  return nodes.flatMap(({ copies }) =>
    copies.map(({ siblings, context }) => {
      const dots = siblings.flatMap((sibling) => sibling.dots)
      const lists = [dots, context].map((list) => {
        return `${list.filter(({ isBelowFloor }) => isBelowFloor).length} of ${list.length}`
      })
      return lists.join(', ')
    }),
  )
}

const each = (reason: string): string[] => ['n1', 'n2', 'n3'].map((name) => `${reason} ${name}`)

t.test('a live key waits for nothing, and equal copies are told as equal', async (t) => {
  const scene = await RoundsScene.open({ roundMs: 60_000 })
  const client = await scene.client()
  await scene.run(client.put(KEY, 'tea', { w: N }))
  await scene.world.run(5_000)
  const told = await explained(scene, client)
  const { nodes, removal, areEqual, equalMs, differsMs, leaf, token } = told
  t.same([removal, areEqual, differsMs], [undefined, true, undefined])
  t.ok(equalMs !== undefined && equalMs > 0 && equalMs < 5_000, `equal ${equalMs} ms ago`)
  t.equal(leaf, token.slice(0, 5))
  const partition = told.partition
  const roots = nodes.map(({ standing }) => standing?.root)
  const root = scene.cluster.node(1)?.rootOf(N, partition)
  const digits = [root?.hi ?? 0, root?.lo ?? 0].map((half) => half.toString(16).padStart(8, '0'))
  t.same(
    roots,
    Array.from({ length: N }, () => digits.join('')),
  )
  const digests = new Set(nodes.flatMap(({ copies }) => copies.map(({ digest }) => digest)))
  t.equal(digests.size, 1)
  t.match([...digests][0], /^(?!0{16})[0-9a-f]{16}$/)
  t.same(belowOf(told), Array(N).fill('0 of 1, 0 of 1'))
  for (const { standing } of nodes) {
    t.match(standing, { round: 0, roundMs: 60_000, obstacle: undefined, isRemembered: false })
    t.ok((standing?.roundAgeMs ?? 0) >= 5_000)
    t.equal(standing?.compared.length, N - 1)
  }
})

t.test('copies that differ are told, with how long the roots differ', async (t) => {
  const scene = await RoundsScene.open({ roundMs: 60_000 })
  const client = await scene.client()
  await scene.run(client.put(KEY, 'tea', { w: N }))
  // The owner of the other copy has to be away for it to be missed, and no fallback keeps a hint.
  scene.world.cut(1, 3)
  scene.world.cut(2, 3)
  await scene.quiet()
  await scene.run(client.put(KEY, 'milk', { w: 2, replace: 'seen' }))
  scene.world.heal()
  await scene.world.run(300)
  const told = await explained(scene, client)
  t.equal(told.areEqual, false)
  const digests = told.nodes.flatMap(({ copies }) => copies.map(({ digest }) => digest))
  t.equal(new Set(digests).size, 2)
  let found = told
  for (let ms = 0; ms < 10_000 && found.differsMs === undefined; ms += 100) {
    await scene.world.run(100)
    found = await explained(scene, client)
  }
  t.equal(found.equalMs, undefined)
  t.ok((found.differsMs ?? Number.NaN) < 1_000, `for ${found.differsMs} ms`)
  t.match(explanationText('b/k', found), /; their copies in partition \d differ for \d s\n/)
  await scene.world.run(10_000)
  const later = await explained(scene, client)
  t.same([later.areEqual, later.differsMs], [true, undefined])
  t.ok((later.equalMs ?? Number.NaN) < 5_000)
})

t.test('a delete waits for a round, then for requests remembered, then it is gone', async (t) => {
  const scene = await RoundsScene.open({ rememberMs: 12_000, deadlineMs: 1_000, roundMs: 7_000 })
  const client = await scene.client()
  const session = await scene.session(1)
  await scene.putAll(session, [KEY])
  await scene.deleteAll(session, [KEY])
  await scene.world.run(100)
  const first = await explained(scene, client)
  t.equal(first.removal?.of, 'key')
  t.same(waitsOf(first), [...each('remembered'), ...each('round')])
  t.match(explanationText('b/k', first), /\n {2}n\d, n\d, n\d: a round must adopt a floor/)
  t.match(explanationText('b/k', first), /\n {2}the next round opens in about \d+ s\n$/)
  await scene.rounds()
  await scene.world.run(1_500)
  const second = await explained(scene, client)
  t.same(new Set(belowOf(second)), new Set(['1 of 1, 1 of 1']))
  const [round] = new Set(second.nodes.map(({ standing }) => standing?.round))
  t.ok((round ?? 0) >= 1)
  t.same(waitsOf(second), each('remembered'))
  t.match(explanationText('b/k', second), /: a request that may be repeated has written it/)
  await scene.keysAre(0)
  const third = await explained(scene, client)
  t.equal(third.removal, undefined)
  t.same(belowOf(third), [])
  t.match(explanationText('b/k', third), /\n\nno node holds it\n\n/)
})

t.test(
  'a delete waits for an owner that is away, and for the hint that is kept for it',
  async (t) => {
    const scene = await RoundsScene.open({ nodes: 5 })
    const client = await scene.client()
    await scene.run(client.put(KEY, 'tea', { w: N }))
    const { owners } = scene.placeOf(KEY)
    const away = owners[2] as number
    scene.cluster.kill(away)
    await scene.quiet()
    const session = await scene.session(owners[0] as number)
    await scene.deleteAll(session, [KEY])
    await scene.world.run(20_000)
    const told = await explained(scene, client)
    const [gone, ...others] = [told.nodes[2], told.nodes[0], told.nodes[1]].map((one) => one?.name)
    const keeper = told.nodes.find(({ copies }) => copies.some(({ hintFor }) => hintFor))
    t.same(
      waitsOf(told),
      [`untold ${gone}`, `hint ${keeper?.name}`, ...others.map((name) => `round ${name}`)].sort(),
    )
    t.equal(told.areEqual, undefined, 'one has not told')
    const text = explanationText('b/k', told)
    t.match(text, new RegExp(`\\n  ${gone}: has not told what it holds`))
    t.match(text, new RegExp(`\\n  ${keeper?.name}: the hint must come home`))
    t.match(
      text,
      new RegExp(
        `rounds are held up: .*${gone} has been away for \\d+ s and cannot be reached\\n$`,
      ),
    )
    t.match(text, /\nthe deleted key goes for good after:\n/)
    t.match(
      text,
      new RegExp(
        `\\n${keeper?.name} for ${gone} +\\S+ +.* s +0 of 1 below +0 of 1 below, 0 replaced`,
      ),
    )
    await scene.run(scene.cluster.start(away))
    await scene.keysAre(0)
  },
)

t.test('a long context tells why ranges stay', async (t) => {
  const scene = await RoundsScene.open({ roundMs: 600_000 })
  for (let i = 0; i < 4 * N; i++) {
    const machine = 1 + (i % N)
    const session = await scene.session(machine)
    const { context } = replyOf(await session.get(KEY))
    replyOf(await session.put(KEY, `${i}`, { contexts: i === 0 ? [] : [context] }))
    await scene.restart(machine)
    await scene.world.run(500)
  }
  const client = await scene.client()
  await scene.world.run(5_000)
  const told = await explained(scene, client)
  t.equal(told.removal?.of, 'context')
  t.same(waitsOf(told), each('round'))
  const counts = told.nodes.map(({ copies }) => copies[0]?.context.length)
  t.same(counts, Array(N).fill(4 * N))
  const replaced = told.nodes[0]?.copies[0]?.context.filter(({ isReplaced }) => isReplaced)
  t.equal(replaced?.length, 4 * N - 1)
  const text = explanationText('b/k', told)
  t.match(text, /\nreplaced ranges of the context go after:\n/)
  t.match(text, new RegExp(` 0 of ${4 * N} below, ${4 * N - 1} replaced `))
  scene.cluster.kill(3)
  await scene.quiet()
  const away = await explained(scene, client)
  t.same(waitsOf(away), ['round n1', 'round n2', 'untold n3'])
})
