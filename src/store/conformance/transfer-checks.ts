/** What an engine must do that moves copies in bulk: checked where it has `transfers`. */
import { deepEqual, equal, ok } from 'node:assert/strict'
import { utf8Text } from '../../base/bytes.ts'
import type { LogPoint } from '../../dynamo/handoff/log-point.ts'
import { keyName, type NodeId } from '../../dynamo/names.ts'
import type { Token } from '../../native/digest.ts'
import type { Engine, MovedRecords, TransferQuery, Transfers } from '../engine.ts'
import {
  BUCKET_ID,
  type Check,
  contents,
  copyOf,
  erasure,
  FIRST_TOKEN,
  LAST_TOKEN,
  put,
  sortedMap,
  textOf,
} from './subject.ts'

const MEMBER = '0123456789abcdef' as NodeId
const OTHER_N = { ...BUCKET_ID, n: 1 }
const BYTES_MAX = 2_000
const PAGES_MAX = 1_000
const named = (key: string) => keyName('b', key)

type IsWanted = TransferQuery['isWanted']
const ofBuckets: IsWanted = (_, n) => n === BUCKET_ID.n

/** All pages of a pass, opened by the engine itself. */
async function passOf(
  transfers: Transfers,
  isWanted: IsWanted = ofBuckets,
  onPage: () => void = () => undefined,
): Promise<readonly MovedRecords[]> {
  const pages: MovedRecords[] = []
  let from: LogPoint | undefined
  let end: LogPoint | undefined
  for (let i = 0; i < PAGES_MAX; i++) {
    const page = await transfers.read({ from, end, bytesMax: BYTES_MAX, isWanted })
    ok(page.records.length <= BYTES_MAX, 'a page is within its bound')
    const records = transfers.open(page.records)
    ok(records !== undefined, 'a page is of sound records')
    pages.push(records)
    if (page.next === undefined) return pages
    from = page.next
    end = page.end
    onPage()
  }
  throw new Error('a pass comes to its end')
}

function textsOf(pages: readonly MovedRecords[]): ReadonlyMap<string, string> {
  const found: [string, string][] = []
  for (const records of pages) {
    for (let i = 0; i < records.count; i++) {
      const { key } = records.copyAt(i).name
      found.push([utf8Text(key), utf8Text(records.objectAt(i))])
    }
  }
  equal(new Set(found.map(([key]) => key)).size, found.length, 'a copy comes once')
  return sortedMap(found)
}

/** Fills an engine with copies of every kind. */
async function fill(engine: Engine): Promise<void> {
  for (let i = 0; i < 60; i++) engine.append([put(named(`k${i}`), `old ${i}`)])
  for (let i = 0; i < 60; i += 2) engine.append([put(named(`k${i}`), `new ${i}`, 'note')])
  engine.append([erasure(named('k1')), erasure(named('k2'))])
  engine.append([put(named('hint'), 'for another', '', { place: MEMBER })])
  engine.append([put(named('other'), 'of another N', '', { bucketId: OTHER_N })])
  const { token } = copyOf(named('k3'))
  await engine.synced(engine.append([{ kind: 'drop', place: MEMBER, from: token, to: token }]))
}

/** The check, where the engine has transfers. */
function where(check: (transfers: Transfers, engine: Engine) => Promise<void>): Check {
  return async (engine) => {
    if (engine.transfers !== undefined) await check(engine.transfers, engine)
  }
}

export const TRANSFER_CHECKS: Readonly<Record<string, Check>> = {
  'a pass has each durable own copy once, as it is, and no other': where(
    async (transfers, engine) => {
      await fill(engine)
      const wanted = new Map(await contents(engine))
      wanted.delete('other')
      deepEqual(textsOf(await passOf(transfers)), sortedMap(wanted))
      const other = await passOf(transfers, (_, n) => n === OTHER_N.n)
      deepEqual([...textsOf(other)], [['other', 'of another N']])
    },
  ),

  'a pass is of the tokens that are wanted': where(async (transfers, engine) => {
    await fill(engine)
    const { token } = copyOf(named('k7'))
    const isWanted = (one: Token): boolean => one.hi === token.hi && one.lo === token.lo
    deepEqual([...textsOf(await passOf(transfers, isWanted))], [['k7', 'old 7']])
  }),

  'a copy that is replaced or erased before its page is read does not come': where(
    async (transfers, engine) => {
      for (let i = 0; i < 100; i++) engine.append([put(named(`k${i}`), `old ${i}`.padEnd(200))])
      await engine.synced(engine.append([put(named('last'), 'x')]))
      let pages = 0
      const onPage = (): void => {
        pages += 1
        if (pages > 1) return
        for (let i = 0; i < 100; i += 2) engine.append([put(named(`k${i}`), `new ${i}`)])
        for (let i = 1; i < 100; i += 4) engine.append([erasure(named(`k${i}`))])
      }
      const found = await passOf(transfers, ofBuckets, onPage)
      ok(pages > 2)
      // Those of the first page are older.
      const first = textsOf(found.slice(0, 1))
      const now = await contents(engine)
      for (const [key, text] of textsOf(found.slice(1))) equal(now.get(key), text)
      ok(first.size < 50)
    },
  ),

  'records are appended as they came, without notes, and are there after a clean end': async (
    engine,
    subject,
  ) => {
    const { transfers } = engine
    if (transfers === undefined) return undefined
    await fill(engine)
    const wanted = new Map(await contents(engine))
    const digests = await digestsOf(engine, wanted.keys())
    const pages = await passOf(transfers)
    await engine.synced(
      engine.append([
        { kind: 'drop', place: copyOf(named('a')).place, from: FIRST_TOKEN, to: LAST_TOKEN },
      ]),
    )
    equal((await contents(engine)).size, 0)
    wanted.delete('other')
    for (const records of pages) appendAll(transfers, records)
    deepEqual(await contents(engine), sortedMap(wanted))
    deepEqual(await digestsOf(engine, wanted.keys()), digests.slice(0, wanted.size))
    equal((await engine.get(copyOf(named('k4'))))?.note.length, 0)
    equal(engine.report().keys - 1 <= wanted.size, true)
    await engine.synced(engine.append([put(named('behind'), 'x')]))
    await engine.close()
    const next = await subject.open()
    if (!next.capabilities.isDurable) return next
    equal(await textOf(next, 'k4'), 'new 4')
    deepEqual(await contents(next), sortedMap([...wanted, ['behind', 'x']]))
    return next
  },

  'a key with a copy is not absent, and a changed page is refused': where(
    async (transfers, engine) => {
      await fill(engine)
      const { records } = await transfers.read({
        ...{ from: undefined, end: undefined, bytesMax: BYTES_MAX, isWanted: ofBuckets },
      })
      const opened = transfers.open(records)
      equal(opened && transfers.absent(opened, 0, 1)(0), false)
      equal(transfers.open(records.slice(0, records.length - 8)), undefined, 'cut')
      for (let at = 0; at < 200; at++) {
        const changed = records.slice()
        changed[at]! ^= 1
        const found = transfers.open(changed)
        // No checksum covers the zeros that fill a record up.
        if (found !== undefined) equal(utf8Text(found.objectAt(0)), utf8Text(opened!.objectAt(0)))
      }
      equal(transfers.open(new Uint8Array(0))?.count, 0)
    },
  ),
}

function appendAll(transfers: Transfers, records: MovedRecords): void {
  const indexes = Array.from({ length: records.count }, (_, i) => i)
  ok(indexes.every(transfers.absent(records, 0, records.count)))
  transfers.append(records, indexes)
  ok(!indexes.some(transfers.absent(records, 0, records.count)))
}

async function digestsOf(engine: Engine, keys: Iterable<string>): Promise<readonly unknown[]> {
  const digests: unknown[] = []
  for (const key of keys) digests.push(await engine.digest(copyOf(named(key))))
  return digests
}
