/** Buckets: siblings, contexts, updates, scans, codecs. */
import t from 'tap'
import { utf8Bytes, utf8Text } from '../../../src/base/bytes.ts'
import { bytes, json, text } from '../../../src/client/codec.ts'
import { SealedContext } from '../../../src/client/sealed-context.ts'
import { parseSeed, settingsOf } from '../../../src/client/options.ts'
import type { Get, Put, Scan, ScanReply } from '../../../src/wire/message/client.ts'
import type { RequestKind } from '../../../src/wire/message/table.ts'
import { foundReply, Stage, WRITTEN } from './scripted.ts'

async function collect<T>(items: AsyncIterable<T>): Promise<T[]> {
  const collected: T[] = []
  for await (const item of items) collected.push(item)
  return collected
}

/** Answers every get with `values` and every put with a context of its own. */
async function holding(...values: string[]): Promise<{ stage: Stage; puts: Put[]; gets: Get[] }> {
  const stage = new Stage()
  const puts: Put[] = []
  const gets: Get[] = []
  const reply = (kind: RequestKind, request: never): never => {
    if (kind === 'get') {
      gets.push(request)
      return foundReply(...values) as never
    }
    puts.push(request)
    return { ...WRITTEN, context: utf8Bytes('written') } as never
  }
  for (const node of stage.nodes) node.reply = reply
  return { stage, puts, gets }
}

t.test('one sibling is the value, none is undefined, several throw', async (t) => {
  const one = await (await (await holding('tea')).stage.connect()).get('k')
  t.equal(one.value, 'tea')
  t.ok(one.isFound)
  const none = await (await (await holding()).stage.connect()).get('k')
  t.equal(none.value, undefined)
  t.notOk(none.isFound)
  const two = await (await (await holding('tea', 'milk')).stage.connect()).get('k')
  t.same(two.siblings, ['tea', 'milk'])
  t.throws(() => two.value, { code: 'value-unreadable', message: /2 siblings.*update/ })
})

t.test('an update puts the result of merge, with the context of the siblings', async (t) => {
  const { stage, puts } = await holding('tea', 'milk')
  const client = await stage.connect()
  const value = await client.update('k', (siblings) => siblings.toSorted().join('+'))
  t.equal(value, 'milk+tea')
  t.equal(puts.length, 1)
  t.equal(utf8Text(puts[0]?.value as Uint8Array), 'milk+tea')
  t.same(puts[0]?.contexts.map(utf8Text), ['ctx'])
  t.equal(puts[0]?.replace, 'given')
})

t.test(
  'an update to undefined deletes a key that exists and writes nothing otherwise',
  async (t) => {
    const there = await holding('tea')
    await (await there.stage.connect()).update('k', () => undefined)
    t.equal(there.puts.length, 1)
    t.equal(there.puts[0]?.value, undefined)
    const empty = await holding()
    await (await empty.stage.connect()).update('k', () => undefined)
    t.equal(empty.puts.length, 0)
  },
)

t.test("an update whose merge throws writes nothing and throws merge's error", async (t) => {
  const { stage, puts } = await holding('tea')
  const client = await stage.connect()
  const failure = new Error('no')
  await t.rejects(
    client.update('k', () => Promise.reject(failure)),
    failure,
  )
  t.equal(puts.length, 0)
})

t.test('a context written as text is parsed again, and other text is refused', async (t) => {
  const context = new SealedContext(Uint8Array.from([0, 255, 62, 63]))
  t.same(SealedContext.parse(String(context)).sealed, context.sealed)
  t.equal(JSON.stringify({ context }), `{"context":"${String(context)}"}`)
  for (const wrong of ['a b', 'ä', 'AAAAA', '"']) {
    t.throws(() => SealedContext.parse(wrong), { code: 'context-garbled' })
  }
})

t.test('codecs decode what they encoded', async (t) => {
  t.equal(text.decode(text.encode('täß\u0000')), 'täß\u0000')
  t.same(bytes.decode(bytes.encode(Uint8Array.from([0, 255]))), Uint8Array.from([0, 255]))
  t.same(json().decode(json().encode({ a: [1, null] })), { a: [1, null] })
  t.same(json(Number).decode(utf8Bytes('"7"')), 7)
})

t.test('codecs refuse values that they cannot represent', async (t) => {
  const client = await (await holding('x')).stage.connect()
  await t.rejects(client.put('k', 7 as never), { code: 'input-wrong' })
  const asBytes = client.bucket('b', { codec: bytes })
  await t.rejects(asBytes.put('k', 'text' as never), { code: 'input-wrong' })
  const asJson = client.bucket('b', { codec: json() })
  await t.rejects(asJson.put('k', undefined), { code: 'input-wrong' })
  const circle: unknown[] = []
  circle.push(circle)
  await t.rejects(asJson.put('k', circle), { code: 'input-wrong' })
  await t.rejects(asJson.get('k'), { code: 'value-unreadable' })
  t.throws(() => text.decode(Uint8Array.from([0xff])), { code: 'value-unreadable' })
})

t.test('a name or text with a surrogate that has no pair is refused', async (t) => {
  const client = await (await holding('x')).stage.connect()
  const lone = 'i\ud83d'
  t.throws(() => client.bucket(lone), { code: 'bucket-wrong' })
  await t.rejects(client.get(lone), { code: 'key-wrong' })
  await t.rejects(client.put(lone, 'x'), { code: 'key-wrong' })
  await t.rejects(client.put('k', lone), { code: 'input-wrong' })
  const asJson = client.bucket('b', { codec: json() })
  t.equal(json<string>().decode(json().encode(lone)), lone, 'JSON has a way to write it')
  await t.resolves(asJson.put('k', lone))
})

t.test('a short value does not keep the network chunk that it came in', async (t) => {
  const chunk = new Uint8Array(65_536)
  const stage = new Stage()
  for (const node of stage.nodes) {
    node.reply = () => ({
      ...foundReply(),
      siblings: [chunk.subarray(7, 9)],
      context: chunk.subarray(9, 20),
      receipt: chunk.subarray(20, 50),
    })
  }
  const bucket = (await stage.connect()).bucket('b', { codec: bytes })
  const { siblings, context, receipt } = await bucket.get('k')
  t.equal(siblings[0]?.buffer.byteLength, 2)
  t.equal(context.sealed.buffer.byteLength, 11)
  t.equal(receipt?.sealed.buffer.byteLength, 30)
})

/** Three pages of two keys each; the cursor is the number of the page. */
function pages(request: Scan): ScanReply {
  const page = request.cursor[0] ?? 0
  const entries = [0, 1].map((i) => ({
    key: utf8Bytes(`k${page}${i}`),
    siblings: request.withValues ? [utf8Bytes(`v${page}${i}`)] : [],
    context: utf8Bytes('ctx'),
    hasMore: false,
  }))
  return { entries, cursor: page === 2 ? new Uint8Array(0) : Uint8Array.from([page + 1]) }
}

async function scanning(): Promise<{ stage: Stage; scans: Scan[] }> {
  const stage = new Stage()
  const scans: Scan[] = []
  for (const node of stage.nodes) {
    node.reply = (kind, request) => {
      if (kind !== 'scan') return undefined
      scans.push(request)
      return pages(request)
    }
  }
  return { stage, scans }
}

t.test('keys and entries return all pages', async (t) => {
  const { stage, scans } = await scanning()
  const client = await stage.connect()
  t.same(await collect(client.keys()), ['k00', 'k01', 'k10', 'k11', 'k20', 'k21'])
  t.equal(scans.length, 3)
  t.ok(scans.every((scan) => !scan.withValues))
  const entries = await collect(client.entries())
  t.same(entries.map((entry) => `${entry.key}=${entry.value}`).slice(2, 4), ['k10=v10', 'k11=v11'])
  t.equal(String(entries[0]?.context), String(new SealedContext(utf8Bytes('ctx'))))
})

t.test(
  'a scan continues from the cursor of one that was left, and repeats its last page',
  async (t) => {
    const { stage } = await scanning()
    const client = await stage.connect()
    const scan = client.keys()
    const seen: string[] = []
    for await (const key of scan) {
      seen.push(key)
      if (key === 'k10') break
    }
    t.same(seen, ['k00', 'k01', 'k10'])
    const rest = client.keys({ cursor: scan.cursor })
    t.same(await collect(rest), ['k10', 'k11', 'k20', 'k21'])
    t.equal(rest.cursor, undefined)
    t.throws(() => client.keys({ cursor: '?' }), { code: 'cursor-wrong' })
  },
)

t.test('a key that is not UTF-8 is an error as text and is returned as bytes', async (t) => {
  const stage = new Stage()
  const key = Uint8Array.from([0xff])
  for (const node of stage.nodes) {
    node.reply = () => ({
      entries: [{ key, siblings: [], context: key }],
      cursor: new Uint8Array(0),
    })
  }
  const bucket = (await stage.connect()).bucket('b')
  await t.rejects(collect(bucket.keys()), { code: 'value-unreadable' })
  t.same(await collect(bucket.keyBytes()), [key])
})

t.test('invalid seeds and options are refused', async (t) => {
  t.same(parseSeed('example.org'), { host: 'example.org', port: 7400 })
  t.same(parseSeed('127.0.0.1:1'), { host: '127.0.0.1', port: 1 })
  t.same(parseSeed('[::1]:7401'), { host: '::1', port: 7401 })
  t.same(parseSeed('[::1]'), { host: '::1', port: 7400 })
  for (const wrong of ['', ':7400', 'a:0', 'a:65536', '::1', 'kv://a', 'a b', 'a:7400/x']) {
    t.throws(() => parseSeed(wrong), { code: 'config-wrong' }, wrong)
  }
  t.throws(() => settingsOf({ seeds: [] }), { code: 'config-wrong' })
  t.throws(() => settingsOf({ seeds: ['a'], timeout: 0 }), { code: 'config-wrong' })
  const untyped: readonly unknown[] = [
    { seeds: [7] },
    { seeds: [null] },
    { seeds: [{ host: 'a' }] },
    { seeds: [{ host: 'a', port: 99_999 }] },
    { seeds: ['a'], callsMax: 1.5 },
    { seeds: ['a'], token: 7 },
    { seeds: ['a'], cluster: 7 },
  ]
  for (const wrong of untyped) {
    t.throws(() => settingsOf(wrong as never), { code: 'config-wrong' }, JSON.stringify(wrong))
  }
  t.throws(() => settingsOf({ seeds: ['a'], callsMax: Number.NaN }), { code: 'config-wrong' })
})
