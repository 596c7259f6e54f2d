/** Bulk transfers between logs: passes that go on, over files that have rotted or are gone. */
import t from 'tap'
import { utf8Bytes, utf8Text } from '../../../../src/base/bytes.ts'
import type { LogPoint } from '../../../../src/dynamo/handoff/log-point.ts'
import { keyName, OWN } from '../../../../src/dynamo/names.ts'
import {
  BUCKET_ID,
  FIRST_TOKEN,
  LAST_TOKEN,
  put,
} from '../../../../src/store/conformance/subject.ts'
import type { Engine, TransferPage, TransferQuery } from '../../../../src/store/engine.ts'
import { keep, Lab } from '../lab.ts'

const SEGMENT_BYTES = 2048
const KEYS = 40
const WHOLE = { from: undefined, end: undefined, bytesMax: 1 << 20, isWanted: () => true }

const textOf = (key: number): string => `text ${key} `.padEnd(100, '.')

async function filled(lab: Lab, segmentBytes: number = SEGMENT_BYTES): Promise<Engine> {
  const { engine } = await lab.open({ segmentBytes })
  for (let key = 0; key < KEYS; key++) await keep(engine, `k${key}`, textOf(key))
  return engine
}

async function read(engine: Engine, query: Partial<TransferQuery> = {}): Promise<TransferPage> {
  const page = await engine.transfers?.read({ ...WHOLE, ...query })
  if (page === undefined) throw new Error('the log has transfers')
  return page
}

function keysIn(engine: Engine, { records }: TransferPage): readonly string[] {
  const found = engine.transfers?.open(records)
  if (found === undefined) throw new Error('a page is sound')
  return Array.from({ length: found.count }, (_, i) => utf8Text(found.copyAt(i).name.key))
}

async function passOf(
  engine: Engine,
  query: Partial<TransferQuery> = {},
): Promise<{ readonly keys: readonly string[]; readonly rotten: number; readonly pages: number }> {
  const keys: string[] = []
  let [rotten, pages] = [0, 0]
  let { from, end }: Partial<TransferQuery> = query
  for (;;) {
    const page = await read(engine, { ...query, from, end })
    keys.push(...keysIn(engine, page))
    rotten += page.rotten
    pages += 1
    if (page.next === undefined) return { keys, rotten, pages }
    from = page.next
    end = page.end
  }
}

/** In the order in which they were written. */
const ALL: readonly string[] = Array.from({ length: KEYS }, (_, i) => `k${i}`)

t.test('a pass goes on in another process, where it was', async (t) => {
  const lab = new Lab(1)
  await lab.done(
    (async () => {
      let engine = await filled(lab)
      const first = await read(engine, { bytesMax: 1_000 })
      const before = keysIn(engine, first)
      t.ok(before.length > 2 && before.length < KEYS)
      await engine.close()
      engine = (await lab.open({ segmentBytes: SEGMENT_BYTES })).engine
      const from = first.next as LogPoint
      const { keys, rotten } = await passOf(engine, { from, end: first.end, bytesMax: 1_000 })
      // No record said that the last one was durable: the start has copied it behind the end.
      t.same([...before, ...keys], ALL.slice(0, -1))
      t.equal(rotten, 0)
      await engine.close()
    })(),
  )
})

t.test('a pass ends where it was to end, and at what is durable', async (t) => {
  const lab = new Lab(1)
  await lab.done(
    (async () => {
      const engine = await filled(lab)
      const first = await read(engine, { bytesMax: 1_000 })
      engine.append([put(keyName('b', 'not durable'), 'x')])
      t.same((await read(engine)).next, undefined)
      t.same((await passOf(engine)).keys, ALL)
      await keep(engine, 'later', 'x')
      t.same((await passOf(engine)).keys, [...ALL, 'not durable', 'later'])
      const { keys } = await passOf(engine, { from: first.next, end: first.end })
      t.notOk(keys.includes('later'))
      await engine.close()
    })(),
  )
})

t.test('what has rotted is passed over and told, and costs nothing else', async (t) => {
  const lab = new Lab(1)
  await lab.done(
    (async () => {
      let engine = await filled(lab)
      await engine.close()
      const [first = ''] = await lab.segments()
      const bytes = await lab.read(first)
      // In the value of the second record, and in the header of the fifth.
      const records = recordsIn(bytes)
      bytes[(records[1] as number) + 150]! ^= 1
      bytes[(records[4] as number) + 10]! ^= 1
      await lab.write(first, bytes)
      engine = (await lab.open({ segmentBytes: SEGMENT_BYTES })).engine
      const { keys, rotten } = await passOf(engine, { bytesMax: 700 })
      t.ok(rotten >= 2)
      t.same(
        keys,
        ALL.filter((key) => key !== 'k1' && key !== 'k4'),
      )
      await engine.close()
    })(),
  )
})

for (const call of ['open', 'read'] as const) {
  t.test(`a segment whose disk fails to ${call} is passed over and told`, async (t) => {
    // Few files may be open, so that a segment is opened again.
    const lab = new Lab(1, { openFilesMax: 8 })
    await lab.done(
      (async () => {
        const engine = await filled(lab, 400)
        const whole = await passOf(engine)
        t.same([whole.keys, whole.rotten], [ALL, 0])
        lab.disk.arm({ call })
        const { keys, rotten } = await passOf(engine)
        t.equal(rotten, 1)
        t.ok(keys.length > 0 && keys.length < ALL.length)
        t.same((await passOf(engine)).keys, ALL, 'the next pass has all')
        await engine.close()
      })(),
    )
  })
}

t.test('a segment that is gone costs what it had', async (t) => {
  const lab = new Lab(1)
  await lab.done(
    (async () => {
      let engine = await filled(lab)
      const whole = await passOf(engine)
      const page = await read(engine, { bytesMax: 1_000 })
      await engine.close()
      const names = await lab.segments()
      t.ok(names.length > 3)
      await (await lab.directory()).remove(names[1] as string)
      engine = (await lab.open({ segmentBytes: SEGMENT_BYTES })).engine
      const { keys } = await passOf(engine, { from: page.next, end: page.end, bytesMax: 1_000 })
      t.ok(keys.length > 0 && keys.length < whole.keys.length)
      t.ok(keys.every((key) => whole.keys.includes(key)))
      t.same((await passOf(engine, { from: { segment: 9_999, offset: 32 } })).keys, [])
      await engine.close()
    })(),
  )
})

t.test('a point within a record, or behind a segment, does no harm', async (t) => {
  const lab = new Lab(1)
  await lab.done(
    (async () => {
      const engine = await filled(lab)
      for (const offset of [33, 40, 100, 2_040, 5_000, 1 << 30]) {
        const { keys } = await passOf(engine, { from: { segment: 1, offset } })
        t.ok(
          keys.every((key) => ALL.includes(key)),
          `${offset}`,
        )
        t.ok(keys.length < KEYS)
      }
      await engine.close()
    })(),
  )
})

t.test('a long record is left out, and does not end the pass', async (t) => {
  const lab = new Lab(1)
  await lab.done(
    (async () => {
      const engine = await filled(lab)
      await keep(engine, 'long', 'x'.repeat(5_000))
      await keep(engine, 'behind', 'x')
      t.same((await passOf(engine, { bytesMax: 1_000 })).keys, [...ALL, 'behind'])
      await engine.close()
    })(),
  )
})

/** Where the records of a segment begin. */
function recordsIn(bytes: Uint8Array): readonly number[] {
  const starts: number[] = []
  for (let at = 32; at + 4 < bytes.length; at += 8) {
    if (utf8Text(bytes.subarray(at, at + 4)) === 'EWr1') starts.push(at)
  }
  return starts
}

t.test('copies of several buckets that come in one page are found in theirs', async (t) => {
  const [giver, taker] = [new Lab(1), new Lab(2)]
  const names = Array.from({ length: 12 }, (_, i) => {
    return keyName(['b', 'b', 'c', 'bb', 'c'][i % 5] as string, `k${i}`)
  })
  const records = await giver.done(
    (async () => {
      const { engine } = await giver.open({ segmentBytes: 65_536 })
      await engine.synced(engine.append(names.map((name) => put(name, 'x'))))
      return (await read(engine)).records
    })(),
  )
  await taker.done(
    (async () => {
      const { engine } = await taker.open({ segmentBytes: 65_536 })
      const moved = engine.transfers?.open(records)
      if (moved === undefined) throw new Error('a page is sound')
      t.equal(moved.policyAt(0), BUCKET_ID.policy)
      engine.transfers?.append(
        moved,
        names.map((_, i) => i),
      )
      for (const bucket of ['b', 'c', 'bb']) {
        const name = { name: utf8Bytes(bucket), creation: BUCKET_ID.creation }
        const bounds = { from: FIRST_TOKEN, to: LAST_TOKEN, keysMax: 100, bytesMax: 10_000 }
        const { entries } = await engine.scan({ place: OWN, bucket: name, ...bounds })
        const wanted = names.filter((one) => utf8Text(one.bucket) === bucket)
        t.equal(entries.length, wanted.length, bucket)
      }
    })(),
  )
})
