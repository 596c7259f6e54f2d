/** `durable`, `explain` and sessions of the library, against real nodes in the simulator. */
import t from 'tap'
import type { OperatingError } from '../../../src/base/errors.ts'
import { Receipt } from '../../../src/client/receipt.ts'
import { Scene } from '../node/scene.ts'

const KEY = 'cart'

/** Three nodes, of which two are away. */
async function twoAway() {
  const scene = await Scene.open()
  const { owners } = scene.placeOf(KEY)
  const [first, second, third] = owners as [number, number, number]
  scene.cluster.kill(second)
  scene.cluster.kill(third)
  await scene.quiet()
  const client = await scene.client(2_000)
  return { scene, client, first, second, third }
}

t.test('durable waits until all owners hold the write, or says which lack it', async (t) => {
  const { scene, client, first, second, third } = await twoAway()
  const { receipt } = await scene.run(client.put(KEY, 'tea', { w: 1 }))
  const id = (machine: number): string => scene.cluster.memberOf(machine)
  t.same(await scene.run(client.durable(receipt, { copies: 1 })), [id(first)])
  const failure = await scene.run(
    client.durable(receipt, { timeout: 900 }).then(
      () => undefined,
      (error: OperatingError) => error,
    ),
  )
  t.equal(failure?.code, 'not-yet')
  t.match(failure?.details, { needed: 3, answered: 1 })
  t.same(
    failure?.details?.nodes?.map(({ node, code }) => `${node} ${code}`).sort(),
    [`${id(second)} peer-away`, `${id(third)} peer-away`].sort(),
  )
  for (const machine of [second, third]) {
    t.match(failure?.message, `n${machine} (peer-away)`, 'by the names of people')
  }

  const waiting = client.durable(Receipt.parse(receipt.toString()), { timeout: 30_000 })
  await scene.run(scene.cluster.start(second))
  await scene.run(scene.cluster.start(third))
  const known = await scene.run(client.get(KEY, { r: 3, strict: true, timeout: 20_000 }))
  t.equal(known.value, 'tea', 'read repair brings it to them')
  t.equal((await scene.run(waiting)).length, 3)
})

t.test('a failure names the nodes that did not do their part', async (t) => {
  const { scene, client, second, third } = await twoAway()
  const failure = await scene.run(
    client.delete(KEY, { replace: 'seen', strict: true, r: 2, w: 1 }).then(
      () => undefined,
      (error: OperatingError) => error,
    ),
  )
  t.match(failure?.message, /^1 of the 2 owners/)
  t.same(
    failure?.details?.nodes?.map(({ name }) => name).sort(),
    [`n${second}`, `n${third}`].sort(),
  )
})

t.test('durable refuses what makes no sense', async (t) => {
  const { scene, client } = await twoAway()
  const { receipt } = await scene.run(client.put(KEY, 'tea', { w: 1 }))
  const rejects = (options: object, code: string): Promise<unknown> =>
    t.rejects(scene.run(client.durable(receipt, options)), { code })
  await rejects({ copies: 0 }, 'quorum-wrong')
  await rejects({ copies: 4 }, 'quorum-wrong')
  await rejects({ copys: 4 }, 'config-wrong')
  await t.rejects(client.durable('text' as never), { code: 'input-wrong' })
  const foreign = new Receipt({ ...receipt.name, key: receipt.name.key.slice(1) }, receipt.sealed)
  await t.rejects(scene.run(client.durable(foreign)), { code: 'receipt-foreign' })
  t.throws(() => Receipt.parse('no receipt!'), { code: 'receipt-garbled' })
  for (const text of ['', 'AAAA', receipt.toString().slice(0, 8)]) {
    t.throws(() => Receipt.parse(text), { code: 'receipt-garbled' })
  }
})

t.test('a session reads its own write of one owner, wherever it asks', async (t) => {
  const { scene, client, first, second, third } = await twoAway()
  const session = client.session()
  await scene.run(session.bucket().put(KEY, 'tea', { w: 1 }))
  await scene.run(scene.cluster.start(second))
  await scene.run(scene.cluster.start(third))
  scene.world.pause(first)
  const without = await scene.run(client.get(KEY, { r: 1, strict: true }))
  t.notOk(without.isFound, 'without the session')
  scene.world.resume(first)
  const elsewhere = client.session(session.toString())
  const found = await scene.run(elsewhere.bucket().get(KEY, { r: 1 }))
  t.equal(found.value, 'tea', 'also where the session goes on from its text')
  t.throws(() => client.session('no session!'), { code: 'receipt-garbled' })
})

t.test('explain names members, dots and hints', async (t) => {
  const scene = await Scene.open({ nodes: 5 })
  const { owners } = scene.placeOf(KEY)
  const client = await scene.client()
  scene.cluster.kill(owners[0] as number)
  await scene.quiet()
  await scene.run(client.put(KEY, 'tea'))
  await scene.quiet()
  const { nodes, token } = await scene.run(client.explain('default', KEY))
  t.match(token, /^[0-9a-f]{16}$/)
  t.same(
    nodes.map(({ role }) => role),
    ['owner', 'owner', 'owner', 'fallback', 'fallback'],
  )
  t.equal(nodes[0]?.failure, 'peer-away')
  const copies = nodes.flatMap((node) => node.copies)
  t.equal(copies.length, 3)
  const [hint] = copies.filter(({ hintFor }) => hintFor !== undefined)
  t.equal(hint?.hintFor?.name, nodes[0]?.name)
  for (const { siblings, context } of copies) {
    t.equal(siblings[0]?.valueBytes, 3)
    t.equal(siblings[0]?.dots[0]?.coordinator.name, nodes[1]?.name)
    t.match(context, [{ coordinator: { name: nodes[1]?.name }, first: 1, last: 1 }])
  }
  const absent = await scene.run(client.explain('default', 'absent'))
  t.same(
    absent.nodes.flatMap((node) => node.copies),
    [],
  )
})
