/** Scans through real nodes: every live key once, page by page, with nodes down. */
import t from 'tap'
import { utf8Bytes } from '../../../../src/base/bytes.ts'
import type { Client } from '../../../../src/client/client.ts'
import { replyOf, Scene, verdictOf } from '../scene.ts'

const BUCKET = utf8Bytes('default')
const FROM_START = new Uint8Array(0)

async function fill(scene: Scene, client: Client, count: number): Promise<string[]> {
  const names = Array.from({ length: count }, (_, i) => `key ${i}`)
  for (let i = 0; i < count; i += 50) {
    const puts = names.slice(i, i + 50).map((name) => client.put(name, `of ${name}`, { w: 2 }))
    await scene.run(Promise.all(puts))
  }
  return names.sort()
}

async function keysOf(scene: Scene, client: Client, r?: number): Promise<string[]> {
  const walk = async (): Promise<string[]> => {
    const found: string[] = []
    for await (const key of client.keys({ r })) found.push(key)
    return found
  }
  return (await scene.run(walk())).sort()
}

t.test('T8: a scan meets each live key exactly once, over pages', async (t) => {
  for (const nodes of [3, 5]) {
    const scene = await Scene.open({ nodes })
    const client = await scene.client()
    const names = await fill(scene, client, 300)
    t.strictSame(await keysOf(scene, client), names, `${nodes} nodes`)
    const session = await scene.session(1)
    let cursor: Uint8Array = FROM_START
    let pages = 0
    const met: string[] = []
    do {
      const request = { bucket: BUCKET, cursor, keysMax: 7, withValues: true, r: 0, deadlineMs: 0 }
      const page = await session.ask('scan', request)
      if (page instanceof Error) throw page
      for (const { key, siblings } of page.entries) {
        met.push(new TextDecoder().decode(key))
        if (siblings.length !== 1) t.fail('one sibling each')
      }
      if (page.entries.length > 7) t.fail('a page is as long as asked')
      cursor = page.cursor.slice()
      pages += 1
    } while (cursor.length > 0)
    t.strictSame(met.sort(), names)
    t.ok(pages >= 300 / 7)
  }
})

t.test('T8: a scan goes on with a node down, and leaves out what was deleted', async (t) => {
  const scene = await Scene.open({ nodes: 5 })
  const client = await scene.client()
  const names = await fill(scene, client, 120)
  const deleted = names.filter((_, i) => i % 3 === 0)
  for (const name of deleted) await scene.run(client.delete(name, { replace: 'seen' }))
  scene.cluster.kill(2)
  await scene.quiet()
  const live = names.filter((name) => !deleted.includes(name))
  t.strictSame(await keysOf(scene, client), live)
  await scene.run(scene.cluster.start(2))
  await scene.quiet()
  t.strictSame(await keysOf(scene, client), live, 'nor do they come back with it')
})

t.test('a key that is put again while a scan is under way is met once', async (t) => {
  const scene = await Scene.open()
  const client = await scene.client()
  const names = await fill(scene, client, 100)
  const walk = async (): Promise<string[]> => {
    const found: string[] = []
    for await (const key of client.keys()) {
      found.push(key)
      if (found.length % 10 === 0) {
        for (const name of names.slice(0, 20)) await client.put(name, 'again', { replace: 'seen' })
      }
    }
    return found
  }
  t.strictSame((await scene.run(walk())).sort(), names)
})

t.test('a bucket is scanned alone, and an empty one to its end', async (t) => {
  const scene = await Scene.open()
  const client = await scene.client()
  await fill(scene, client, 20)
  await scene.run(client.bucket('other').put('mine', 'x'))
  const walk = async (bucket: string): Promise<string[]> => {
    const found: string[] = []
    for await (const key of client.bucket(bucket).keys()) found.push(key)
    return found
  }
  t.strictSame(await scene.run(walk('other')), ['mine'])
  t.strictSame(await scene.run(walk('empty')), [])
})

const SEGMENT = '00000001.seg'
/** In the first record's object: behind the heads of segment and record, the names and the note. */
const OBJECT_PLACE = 32 + 92 + 'default'.length + 'cart'.length + 15 + 8

t.test('S5: an owner whose copy has rotted did not look, and the scan mends it', async (t) => {
  const scene = await Scene.open()
  scene.cluster.kill(2)
  await scene.quiet()
  const session = await scene.session(1)
  replyOf(await session.put('cart', 'a'))
  await scene.run(scene.cluster.stop(1))
  scene.world.disk(1).rot('/data', SEGMENT, OBJECT_PLACE)
  for (const node of [1, 2]) await scene.run(scene.cluster.start(node))
  await scene.quiet()
  for (const node of [1, 2]) {
    const scan = { bucket: BUCKET, cursor: FROM_START, keysMax: 0, withValues: true, r: 0 }
    const { entries } = replyOf(
      await (await scene.session(node)).ask('scan', { ...scan, deadlineMs: 0 }),
    )
    t.equal(entries.length, 1, `node ${node} asks node 3`)
  }
  await scene.quiet()
  t.equal(scene.world.trace.count('copy-mended'), 1)
  scene.cluster.kill(3)
  await scene.quiet()
  t.same(await keysOf(scene, await scene.client()), ['cart'])
})

t.test('S5: a scan of all owners mends what keeps it from an answer', async (t) => {
  const scene = await Scene.open()
  const client = await scene.client()
  await scene.run(client.put('cart', 'a', { w: 3 }))
  await scene.run(scene.cluster.stop(2))
  scene.world.disk(2).rot('/data', SEGMENT, OBJECT_PLACE)
  await scene.run(scene.cluster.start(2))
  await scene.quiet()
  t.same(await keysOf(scene, client, 3), ['cart'])
  t.equal(scene.world.trace.count('copy-mended'), 1)
})

t.test('S5: a scan fails where too few owners can read their copies', async (t) => {
  const scene = await Scene.open({ seed: 3, quorums: { n: 1, r: 1, w: 1 } })
  const session = await scene.session(1)
  const [owner] = scene.placeOf('cart').owners as [number]
  replyOf(await session.put('cart', 'a'))
  await scene.run(scene.cluster.stop(owner))
  scene.world.disk(owner).rot('/data', SEGMENT, OBJECT_PLACE)
  await scene.run(scene.cluster.start(owner))
  await scene.quiet()
  await t.rejects(keysOf(scene, await scene.client()), { code: 'record-rotten' })
})

t.test('Q1: a scan with too few owners, a wrong R or a wrong cursor is refused', async (t) => {
  const scene = await Scene.open()
  const client = await scene.client()
  await fill(scene, client, 10)
  const session = await scene.session(1)
  const request = { bucket: BUCKET, cursor: FROM_START, keysMax: 0, withValues: false }
  const ask = async (more: object): Promise<string> =>
    verdictOf(await session.ask('scan', { ...request, r: 0, deadlineMs: 0, ...more }))
  t.equal(await ask({ r: 4 }), 'quorum-wrong refused')
  t.equal(await ask({ cursor: new Uint8Array(3) }), 'cursor-wrong refused')
  for (const other of [2, 3]) scene.world.cut(1, other)
  t.equal(await ask({ deadlineMs: 300 }), 'deadline-passed refused')
  scene.world.heal()
  for (const other of [2, 3]) scene.cluster.kill(other)
  await scene.quiet()
  t.equal(await ask({}), 'replicas-short refused')
  t.equal(await ask({ r: 1 }), 'ok')
})
