/**
 * What every engine must do: `conformance(t, name, make)` runs it all on yours.
 *
 * `make` gives a place for one engine. The suite opens it, uses it through the contract alone
 * (`src/store/engine.ts`), closes it, and opens it again.
 */
import { u64 } from '../../../src/base/u64.ts'
import type { Test } from 'tap'
import { utf8Bytes, utf8Text } from '../../../src/base/bytes.ts'
import { Prng } from '../../../src/base/prng.ts'
import { type KeyName, keyName } from '../../../src/dynamo/names.ts'
import { type Token, tokenOf } from '../../../src/native/digest.ts'
import type { DigestPage, Engine, Entry, ScanPage } from '../../../src/store/engine.ts'
import { contents, digestOf, erasure, LAST_TOKEN, put, scanAll, textOf } from './lab.ts'

export interface Subject {
  /** Empty the first time; later as it was when it was closed, where the engine is durable. */
  open(): Promise<Engine>
  /** Lets pass whatever time the promise needs. */
  done<Value>(promise: Promise<Value>): Promise<Value>
  end(): Promise<void>
}

type Body = (t: Test, engine: Engine, subject: Subject) => Promise<void>

const FIRST: Token = u64(0, 0)
const named = (key: string): KeyName => keyName('b', key)

function withToken(entry: Entry, token: Token): Entry {
  return { ...entry, token }
}

const BODIES: Readonly<Record<string, Body>> = {
  'what was never put is not there': async (t, engine) => {
    const name = named('nobody')
    const token = tokenOf(name.bucket, name.key)
    t.equal(await engine.get(token, name), undefined)
    t.equal(await engine.digest(token, name), undefined)
    t.same(await scanAll(engine), [])
  },

  'an append is visible at once, with its note and digest': async (t, engine) => {
    const name = named('a')
    const entry = put(name, 'object', 'note')
    const sequence = engine.append([entry])
    const stored = await engine.get(entry.token, name)
    t.equal(utf8Text(stored?.object ?? new Uint8Array()), 'object')
    t.equal(utf8Text(stored?.note ?? new Uint8Array()), 'note')
    t.same(await engine.digest(entry.token, name), stored?.digest)
    await engine.synced(sequence)
    t.same(await engine.get(entry.token, name), stored, 'the same when it is durable')
  },

  'the newest append of a key is the one that is there': async (t, engine) => {
    for (let i = 0; i < 20; i++) {
      engine.append([put(named('a'), `value ${i}`)])
      t.equal(await textOf(engine, 'a'), `value ${i}`)
    }
    t.equal((await scanAll(engine)).length, 1)
    t.equal(engine.report().keys, 1)
  },

  'equal objects have equal digests, others do not': async (t, engine) => {
    engine.append([put(named('a'), 'same'), put(named('b'), 'same', 'n'), put(named('c'), 'other')])
    const [a, b, c] = await Promise.all(
      ['a', 'b', 'c'].map(async (key) => {
        const name = named(key)
        return engine.digest(tokenOf(name.bucket, name.key), name)
      }),
    )
    t.same(a, b)
    t.notSame(a, c)
  },

  'an erased key is gone, and can be put again': async (t, engine) => {
    engine.append([put(named('a'), '1'), put(named('b'), '2')])
    await engine.synced(engine.append([erasure(named('a')), erasure(named('never'))]))
    t.equal(await textOf(engine, 'a'), undefined)
    t.same([...(await contents(engine))], [['b', '2']])
    engine.append([put(named('a'), '3')])
    t.equal(await textOf(engine, 'a'), '3')
  },

  'within one batch the last entry of a key counts': async (t, engine) => {
    engine.append([put(named('a'), '1'), erasure(named('a')), put(named('a'), '2')])
    engine.append([put(named('b'), '1'), erasure(named('b'))])
    t.same([...(await contents(engine))], [['a', '2']])
  },

  'names and objects of every size are kept': async (t, engine) => {
    const prng = Prng.of(1)
    const names: KeyName[] = [
      { bucket: new Uint8Array(0), key: new Uint8Array(0) },
      { bucket: prng.fill(new Uint8Array(255)), key: prng.fill(new Uint8Array(4096)) },
      { bucket: utf8Bytes('a'), key: utf8Bytes('bc') },
      { bucket: utf8Bytes('ab'), key: utf8Bytes('c') },
    ]
    const sizes = [0, 1, 4095, 70_000, 1_500_000]
    const entries = sizes.flatMap((size) =>
      names.map((name, i): Entry => {
        const key = Uint8Array.from([...name.key.subarray(0, 4094), i, size % 251])
        const token = tokenOf(name.bucket, key)
        const object = prng.fill(new Uint8Array(size))
        const note = prng.fill(new Uint8Array(64 - i))
        return {
          kind: 'object',
          token,
          name: { bucket: name.bucket, key },
          note,
          object,
          digest: digestOf(object),
        }
      }),
    )
    const check = async (): Promise<void> => {
      for (const entry of entries) {
        const stored = await engine.get(entry.token, entry.name)
        if (entry.kind !== 'object' || stored === undefined)
          return void t.fail('an object is there')
        t.equal(Buffer.compare(stored.object, entry.object), 0)
        t.equal(Buffer.compare(stored.note, entry.note), 0)
      }
    }
    let last = 0
    for (const entry of entries) last = engine.append([entry])
    await check()
    await engine.synced(last)
    await check()
  },

  'two keys of one token are two keys': async (t, engine) => {
    const token: Token = u64(7, 7)
    const text = async (key: string): Promise<string | undefined> => {
      const stored = await engine.get(token, named(key))
      return stored === undefined ? undefined : utf8Text(stored.object)
    }
    for (let i = 0; i < 30; i++) engine.append([withToken(put(named(`k${i}`), `${i}`), token)])
    engine.append([withToken(put(named('k3'), 'new'), token)])
    await engine.synced(engine.append([withToken(erasure(named('k4')), token)]))
    t.equal(await text('k3'), 'new')
    t.equal(await text('k4'), undefined)
    t.equal(await text('k29'), '29')
    t.equal(await text('k30'), undefined)
    const page = await engine.scan({ from: token, to: token, keysMax: 1, bytesMax: 1 })
    t.equal(page.entries.length, 29, 'one page has all keys of a token')
    t.equal(page.next, undefined)
  },

  'what is given and what is handed out are copies': async (t, engine) => {
    const entry = put(named('a'), 'object', 'note')
    const { token } = entry
    const name = { bucket: entry.name.bucket.slice(), key: entry.name.key.slice() }
    await engine.synced(engine.append([entry]))
    entry.object.fill(0)
    entry.note.fill(0)
    entry.name.key.fill(0)
    for (let i = 0; i < 2; i++) {
      const stored = await engine.get(token, name)
      t.equal(utf8Text(stored?.object ?? new Uint8Array()), 'object')
      t.equal(utf8Text(stored?.note ?? new Uint8Array()), 'note')
      stored?.object.fill(1)
      stored?.note.fill(1)
    }
    const found = await scanAll(engine)
    t.equal(utf8Text(found[0]?.object ?? new Uint8Array()), 'object')
  },

  'synced resolves for every sequence, in whatever order it is asked': async (t, engine) => {
    const sequences = Array.from({ length: 50 }, (_, i) => engine.append([put(named(`${i}`), 'x')]))
    const order: number[] = []
    const waits = sequences
      .toReversed()
      .map((sequence) => engine.synced(sequence).then(() => void order.push(sequence)))
    await Promise.all(waits)
    t.equal(order.length, 50)
    t.ok(sequences.every((sequence, i) => i === 0 || sequence > (sequences[i - 1] as number)))
    await engine.synced(sequences[0] as number)
  },

  'a scan walks a range in token order, a page at a time': async (t, engine) => {
    const keys = Array.from({ length: 300 }, (_, i) => `k${i}`)
    for (const key of keys) engine.append([put(named(key), key)])
    engine.append([put(keyName('other', 'x'), 'y')])
    for (const keysMax of [1, 7, 1000]) {
      const entries = await scanAll(engine, keysMax)
      t.equal(entries.length, 301)
      t.ok(entries.every((entry, i) => i === 0 || isBefore(entries[i - 1]?.token, entry.token)))
    }
    const all = await scanAll(engine)
    const [from, to] = [all[50]?.token, all[60]?.token] as [Token, Token]
    const page = await engine.scan({ from, to, keysMax: 100, bytesMax: 1 << 20 })
    t.equal(page.entries.length, 11, 'both ends are in the range')
    t.equal(page.next, undefined)
    const short = await engine.scan({ from, to, keysMax: 100, bytesMax: 1 })
    t.equal(short.entries.length, 1, 'a page ends when it has its bytes')
    t.not(short.next, undefined)
    let found = 0
    let next: Token | undefined = FIRST
    while (next !== undefined) {
      const bucket = utf8Bytes('other')
      const query = { from: next, to: LAST_TOKEN, bucket, keysMax: 10, bytesMax: 1 << 20 }
      const one: ScanPage = await engine.scan(query)
      found += one.entries.length
      next = one.next
    }
    t.equal(found, 1, 'of one bucket')
  },

  'digests walk the same range without values': async (t, engine) => {
    for (let i = 0; i < 90; i++) engine.append([put(named(`k${i}`), `text ${i % 7}`)])
    engine.append([erasure(named('k3'))])
    const wanted = (await scanAll(engine)).map(({ token, name, digest }) => {
      return { token, name, digest }
    })
    for (const keysMax of [1, 10, 1000]) {
      const found: DigestPage['entries'][number][] = []
      let from: Token | undefined = FIRST
      while (from !== undefined) {
        const query = { from, to: LAST_TOKEN, keysMax, bytesMax: 1 << 20 }
        const page: DigestPage = await engine.digests(query)
        t.ok(page.entries.length <= keysMax)
        found.push(...page.entries)
        from = page.next
      }
      t.same(found, wanted)
    }
  },

  'a random history is the history of a Map, also after a clean end': async (t, first, subject) => {
    const prng = Prng.of(2)
    const model = new Map<string, string>()
    let engine = first
    for (let round = 0; round < 4; round++) {
      for (let i = 0; i < 150; i++) {
        const key = `k${prng.below(40)}`
        const text = `${round}/${i}`.padEnd(prng.below(200))
        const isErased = prng.chance(0.25)
        engine.append([isErased ? erasure(named(key)) : put(named(key), text)])
        if (isErased) model.delete(key)
        else model.set(key, text)
        if (prng.chance(0.1)) {
          const other = `k${prng.below(40)}`
          t.equal(await textOf(engine, other), model.get(other))
        }
      }
      t.same(
        [...(await contents(engine))],
        [...model].sort(([a], [b]) => (a < b ? -1 : 1)),
      )
      await engine.close()
      engine = await subject.open()
      if (!engine.capabilities.isDurable) model.clear()
      t.same(
        [...(await contents(engine))],
        [...model].sort(([a], [b]) => (a < b ? -1 : 1)),
      )
    }
    await engine.close()
  },
}

function isBefore(a: Token | undefined, b: Token): boolean {
  return a === undefined || a.hi < b.hi || (a.hi === b.hi && a.lo < b.lo)
}

const CLOSES_ITSELF = 'a random history is the history of a Map, also after a clean end'

export function conformance(t: Test, name: string, make: () => Promise<Subject>): void {
  for (const [claim, body] of Object.entries(BODIES)) {
    void t.test(`${name}: ${claim}`, async (t) => {
      const subject = await make()
      const run = async (): Promise<void> => {
        const engine = await subject.open()
        await body(t, engine, subject)
        if (claim !== CLOSES_ITSELF) await engine.close()
      }
      await subject.done(run())
      await subject.end()
    })
  }
}
