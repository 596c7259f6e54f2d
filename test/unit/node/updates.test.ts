/** Clients that read, change and write: how many siblings are left, and that no change is lost. */
import t from 'tap'
import type { Client } from '../../../src/client/client.ts'
import { Scene } from './scene.ts'

const KEY = 'cart'
const ROUNDS = 100

/** A set of words as a value; siblings are united. */
function union(siblings: readonly string[]): Set<string> {
  return new Set(siblings.flatMap((value) => value.split(' ')).filter((word) => word !== ''))
}

async function add(client: Client, word: string): Promise<number> {
  const answer = await client.get(KEY)
  const words = union(answer.siblings).add(word)
  await client.put(KEY, [...words].join(' '), { context: answer.context })
  return answer.siblings.length
}

t.test(
  'D1, D2: two clients that interleave a hundred rounds leave at most two siblings',
  async (t) => {
    const scene = await Scene.open()
    const clients = [await scene.client(), await scene.client()]
    let most = 0
    for (let round = 0; round < ROUNDS; round++) {
      const adding = clients.map((client, i) => add(client, `${i}-${round}`))
      for (const seen of await scene.run(Promise.all(adding))) most = Math.max(most, seen)
    }
    await scene.quiet()
    const { siblings } = await scene.run(clients[0]!.get(KEY, { r: 3 }))
    t.ok(siblings.length <= 2, `${siblings.length} in the end`)
    t.ok(most <= 2, `${most} at most`)
    t.equal(union(siblings).size, 2 * ROUNDS, 'and all changes are there')
  },
)

t.test('D6: writers with one context leave a sibling each, until a client merges', async (t) => {
  const scene = await Scene.open()
  const clients: Client[] = []
  for (let i = 0; i < 4; i++) clients.push(await scene.client())
  const [first] = clients
  await scene.run(first!.put(KEY, 'base'))
  const { context } = await scene.run(first!.get(KEY))
  const puts = clients.map((client, i) => client.put(KEY, `v${i}`, { context }))
  await scene.run(Promise.all(puts))
  const seen = await scene.run(first!.get(KEY, { r: 3 }))
  t.strictSame([...seen.siblings].sort(), ['v0', 'v1', 'v2', 'v3'])
  await scene.run(first!.update(KEY, (siblings) => [...union(siblings)].join(' ')))
  t.equal((await scene.run(first!.get(KEY, { r: 3 }))).siblings.length, 1)
})

t.test('D5: a chain over nodes that come and go leaves one sibling', async (t) => {
  const scene = await Scene.open()
  const client = await scene.client()
  let { context } = await scene.run(client.put(KEY, 'v', { w: 3 }))
  for (let round = 0; round < 12; round++) {
    const machine = 1 + (round % 3)
    scene.cluster.kill(machine)
    await scene.run(scene.cluster.start(machine))
    await scene.quiet()
    const written = await scene.run(client.put(KEY, `v${round}`, { context, w: 3 }))
    context = written.context
    t.equal(written.attempts, 1)
  }
  const { siblings } = await scene.run(client.get(KEY, { r: 3 }))
  t.strictSame(siblings, ['v11'])
})

for (const isDelete of [false, true]) {
  const how = isDelete ? 'deleted' : 'replaced'
  t.test(`a put that another owner took stays ${how} when the first owner wakes`, async (t) => {
    const scene = await Scene.open()
    const client = await scene.client()
    const [first] = scene.placeOf(KEY).owners as [number]
    // The client dials the owner, and is connected to it before it hangs.
    await scene.run(client.get(KEY))
    await scene.world.run(500)
    scene.world.pause(first)
    t.equal((await scene.run(client.put(KEY, 'early'))).attempts, 2)
    const { context } = await scene.run(client.get(KEY))
    if (isDelete) await scene.run(client.delete(KEY, { context }))
    else await scene.run(client.put(KEY, 'late', { context }))
    scene.world.resume(first)
    await scene.quiet()
    const { siblings } = await scene.run(client.get(KEY, { r: 3 }))
    t.strictSame(siblings, isDelete ? [] : ['late'])
  })
}

t.test('S1: what was acknowledged is there after every way to end', async (t) => {
  const scene = await Scene.open()
  const client = await scene.client()
  const ends = ['stop', 'kill', 'crash'] as const
  for (const [i, how] of ends.entries()) {
    await scene.run(client.put(`key ${how}`, how))
    for (const machine of scene.cluster.machines) {
      if (how === 'stop') await scene.run(scene.cluster.stop(machine))
      else scene.cluster[how](machine)
    }
    await scene.cluster.startAll()
    for (const earlier of ends.slice(0, i + 1)) {
      const { siblings } = await scene.run(client.get(`key ${earlier}`))
      t.strictSame(siblings, [earlier], `${earlier} after all ended by ${how}`)
    }
  }
})

t.test('S15: an emptied node is filled from the others', async (t) => {
  const scene = await Scene.open()
  const client = await scene.client()
  for (let i = 0; i < 20; i++) await scene.run(client.put(`key ${i}`, `${i}`, { w: 3 }))
  scene.cluster.crashAndWipe(2)
  await scene.run(scene.cluster.start(2))
  t.ok(await scene.world.runUntil(() => scene.figure(2, 'keys') === 20, 60_000))
  for (let i = 0; i < 20; i++) {
    const { siblings } = await scene.run(client.get(`key ${i}`, { r: 3 }))
    t.strictSame(siblings, [`${i}`])
  }
})
