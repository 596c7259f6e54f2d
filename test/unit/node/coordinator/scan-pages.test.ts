/** Pages of scans: what ends one, what a listing moves, and which cursors are believed. */
import t from 'tap'
import { utf8Bytes, utf8Text } from '../../../../src/base/bytes.ts'
import { u64 } from '../../../../src/base/u64.ts'
import { SCAN_PAGE_BYTES_MAX } from '../../../../src/limits.ts'
import type { Token } from '../../../../src/native/digest.ts'
import type { ScanReply } from '../../../../src/wire/message/client.ts'
import { type NodeSession, replyOf, Scene, verdictOf } from '../scene.ts'
import { BUCKET_ID } from '../../../../src/store/conformance/subject.ts'

const BUCKET = utf8Bytes('default')
const START = new Uint8Array(0)
const MIB = 1024 * 1024
const QUERY = { bucket: BUCKET, keysMax: 0, r: 0, deadlineMs: 0 }

async function fill(session: NodeSession, sizes: readonly number[]): Promise<string[]> {
  const names = sizes.map((_, i) => `key ${i}`)
  for (const [i, size] of sizes.entries()) {
    const value = new Uint8Array(size).fill(65 + i)
    replyOf(await session.put(names[i] as string, '', { value, w: 3 }))
  }
  return names.sort()
}

async function pagesOf(session: NodeSession, withValues: boolean): Promise<ScanReply[]> {
  const pages: ScanReply[] = []
  let cursor: Uint8Array = START
  do {
    const page = replyOf(await session.ask('scan', { ...QUERY, cursor, withValues }))
    pages.push(page)
    cursor = page.cursor.slice()
  } while (cursor.length > 0)
  return pages
}

const keysOf = (pages: readonly ScanReply[]): string[] =>
  pages.flatMap(({ entries }) => entries.map(({ key }) => utf8Text(key))).sort()

t.test('S16: a listing moves no values: keys of 4 MiB values come on one page', async (t) => {
  const scene = await Scene.open()
  const session = await scene.session(1)
  const names = await fill(session, [4 * MIB, 4 * MIB, 4 * MIB, 10])
  const pages = await pagesOf(session, false)
  t.equal(pages.length, 1)
  t.strictSame(keysOf(pages), names)
  const { lists } = scene.cluster
  const all = Array.from({ length: lists.ring.partitionCount }, (_, i) => [i, 3] as const)
  const ring = lists.digestOf(all)
  const [from, to] = [u64<Token>(0, 0), u64<Token>(0xffff_ffff, 0xffff_ffff)]
  const range = { from, to, ring, bucket: BUCKET, ...BUCKET_ID, keysMax: 100, deadlineMs: 1000 }
  const asked = scene.asPeer(2, 'peerRange', { ...range, withValues: false })
  const copies = replyOf(await scene.run(asked))
  t.equal(copies.entries.length, 4)
  t.ok(copies.entries.every(({ object, isOutline }) => isOutline && object.length < 200))
})

t.test('a listing leaves out deleted keys, and those that a newer copy deletes', async (t) => {
  const scene = await Scene.open()
  const session = await scene.session(1)
  await fill(session, [10, 20, 30])
  scene.cluster.kill(3)
  await scene.quiet()
  const got = replyOf(await session.get('key 1'))
  replyOf(await session.put('key 1', undefined, { contexts: [got.context], w: 2 }))
  await scene.run(scene.cluster.start(3))
  await scene.quiet()
  const other = await scene.session(3)
  t.strictSame(keysOf(await pagesOf(other, false)), ['key 0', 'key 2'])
})

t.test('a page ends before the entry that would pass 1 MiB; a larger one is alone', async (t) => {
  const scene = await Scene.open()
  const session = await scene.session(1)
  const names = await fill(session, [400_000, 400_000, 400_000, 700_000, 2 * MIB, 100, 100])
  const pages = await pagesOf(session, true)
  t.strictSame(keysOf(pages), names)
  for (const { entries } of pages) {
    const sizes = entries.flatMap(({ siblings }) => siblings.map(({ length }) => length))
    const bytes = sizes.reduce((sum, size) => sum + size, 0)
    if (sizes.length > 1 && bytes > SCAN_PAGE_BYTES_MAX) t.fail(`${sizes.join(' + ')} on a page`)
  }
})

t.test('a cursor that no page of this bucket gave is refused', async (t) => {
  const scene = await Scene.open()
  const session = await scene.session(1)
  await fill(session, [1, 1, 1])
  const page = replyOf(
    await session.ask('scan', { ...QUERY, keysMax: 1, cursor: START, withValues: false }),
  )
  const good = page.cursor.slice()
  t.equal(page.entries.length, 1)
  const ask = async (cursor: Uint8Array, bucket = BUCKET, at = session): Promise<string> =>
    verdictOf(await at.ask('scan', { ...QUERY, bucket, cursor, withValues: false }))
  t.equal(await ask(good), 'ok')
  t.equal(await ask(good, BUCKET, await scene.session(2)), 'ok', 'another node goes on')
  const made = (change: (bytes: Uint8Array) => void): Uint8Array => {
    const bytes = good.slice()
    change(bytes)
    return bytes
  }
  const wrong = 'cursor-wrong refused'
  t.equal(await ask(made((bytes) => bytes.fill(0, 1, 9))), wrong, 'another token')
  t.equal(await ask(made((bytes) => void (bytes[0] = 2))), wrong, 'another format')
  t.equal(await ask(good.subarray(0, 16)), wrong, 'cut')
  t.equal(await ask(new Uint8Array(8)), wrong, 'eight zeros')
  t.equal(await ask(good, utf8Bytes('other')), wrong, 'of another bucket')
})
