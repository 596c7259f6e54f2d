/**
 * What every engine must do: the promises of `engine.ts`, one claim after another.
 *
 * The tests of our own engines check all claims, and `everwrite test-engine` checks them on an
 * engine of yours, over a simulated disk:
 *
 *     for (const { claim, check } of CLAIMS) {
 *       const failure = await failureOf(check, newSubject())
 *       console.log(failure === undefined ? 'ok' : failure.message, claim)
 *     }
 *
 * Each claim gets a subject of its own, with nothing in it. What the claims cannot see: how fast
 * the engine is, and what it does with rot. Power cuts and failing disks are checked where the
 * subject has `faults` and the engine is durable.
 */
import { deepEqual, equal, notDeepEqual, notEqual, ok, rejects } from 'node:assert/strict'
import { equalBytes, utf8Bytes, utf8Text } from '../../base/bytes.ts'
import { Prng } from '../../base/prng.ts'
import { compareU64, u64 } from '../../base/u64.ts'
import { type KeyName, keyName, NEVER_CREATED, OWN as place } from '../../dynamo/names.ts'
import type { Token } from '../../native/digest.ts'
import type { DigestPage, ScanPage } from '../engine.ts'
import { FAULT_CHECKS } from './fault-checks.ts'
import { PLACE_CHECKS } from './place-checks.ts'
import { TRANSFER_CHECKS } from './transfer-checks.ts'
import {
  BUCKET_ID,
  type Check,
  contents,
  copyOf,
  digestOf,
  erasure,
  FIRST_TOKEN,
  LAST_TOKEN,
  type ObjectEntry,
  PREFIX_BYTES,
  put,
  scanAll,
  sortedMap,
  type Subject,
  textOf,
} from './subject.ts'

export interface Claim {
  readonly claim: string
  readonly check: Check
}

const named = (key: string): KeyName => keyName('b', key)

const CHECKS: Readonly<Record<string, Check>> = {
  'a key that was never put is not there': async (engine) => {
    const copy = copyOf(named('missing'))
    equal(await engine.get(copy), undefined)
    equal(await engine.digest(copy), undefined)
    deepEqual(await scanAll(engine), [])
  },

  'an append is visible at once, with its note and digest': async (engine) => {
    const name = named('a')
    const entry = put(name, 'object', 'note')
    const sequence = engine.append([entry])
    const stored = await engine.get(entry)
    equal(utf8Text(stored?.object ?? new Uint8Array()), 'object')
    equal(utf8Text(stored?.note ?? new Uint8Array()), 'note')
    deepEqual(stored?.bucketId, BUCKET_ID)
    deepEqual(await engine.digest(entry), stored?.digest)
    await engine.synced(sequence)
    deepEqual(await engine.get(entry), stored, 'the same when it is durable')
  },

  'the newest append of a key is what is read': async (engine) => {
    for (let i = 0; i < 20; i++) {
      engine.append([put(named('a'), `value ${i}`)])
      equal(await textOf(engine, 'a'), `value ${i}`)
    }
    equal((await scanAll(engine)).length, 1)
    equal(engine.report().keys, 1)
  },

  'equal objects have equal digests, others do not': async (engine) => {
    engine.append([put(named('a'), 'same'), put(named('b'), 'same', 'n'), put(named('c'), 'other')])
    const [a, b, c] = await Promise.all(
      ['a', 'b', 'c'].map(async (key) => {
        return engine.digest(copyOf(named(key)))
      }),
    )
    deepEqual(a, b)
    notDeepEqual(a, c)
  },

  'an erased key is gone, and can be put again': async (engine) => {
    engine.append([put(named('a'), '1'), put(named('b'), '2')])
    await engine.synced(engine.append([erasure(named('a')), erasure(named('never'))]))
    equal(await textOf(engine, 'a'), undefined)
    deepEqual([...(await contents(engine))], [['b', '2']])
    engine.append([put(named('a'), '3')])
    equal(await textOf(engine, 'a'), '3')
  },

  'what may use the space kept for deletes is appended like anything else': async (engine) => {
    engine.append([put(named('a'), 'long'), put(named('b'), 'long')])
    const reserve = { mayUseReserve: true }
    engine.append([put(named('a'), '1')], reserve)
    await engine.synced(engine.append([erasure(named('b'))], reserve))
    deepEqual([...(await contents(engine))], [['a', '1']])
  },

  'within one batch the last entry of a key counts': async (engine) => {
    engine.append([put(named('a'), '1'), erasure(named('a')), put(named('a'), '2')])
    engine.append([put(named('b'), '1'), erasure(named('b'))])
    deepEqual([...(await contents(engine))], [['a', '2']])
  },

  'names and objects of every size are kept': async (engine) => {
    const prng = Prng.of(1)
    const names: KeyName[] = [
      { bucket: new Uint8Array(0), key: new Uint8Array(0) },
      { bucket: prng.fill(new Uint8Array(255)), key: prng.fill(new Uint8Array(4096)) },
      { bucket: utf8Bytes('a'), key: utf8Bytes('bc') },
      { bucket: utf8Bytes('ab'), key: utf8Bytes('c') },
    ]
    const sizes = [0, 1, 4095, 70_000, 1_500_000]
    const entries = sizes.flatMap((size) =>
      names.map((name, i): ObjectEntry => {
        const key = Uint8Array.from([...name.key.subarray(0, 4094), i, size % 251])
        const object = prng.fill(new Uint8Array(size))
        const note = prng.fill(new Uint8Array(64 - i))
        return {
          kind: 'object',
          ...copyOf({ bucket: name.bucket, key }),
          note,
          object,
          prefixBytes: size >> 1,
          ...digestOf(object),
        }
      }),
    )
    const check = async (): Promise<void> => {
      for (const entry of entries) {
        const stored = await engine.get(entry)
        ok(stored !== undefined, 'an object is there')
        ok(equalBytes(stored.object, entry.object), 'with its bytes')
        ok(equalBytes(stored.note, entry.note), 'and its note')
      }
    }
    let last = 0
    for (const entry of entries) last = engine.append([entry])
    await check()
    await engine.synced(last)
    await check()
  },

  'two keys of one token are two keys': async (engine) => {
    const token: Token = u64(7, 7)
    const text = async (key: string): Promise<string | undefined> => {
      const stored = await engine.get(copyOf(named(key), { token }))
      return stored === undefined ? undefined : utf8Text(stored.object)
    }
    for (let i = 0; i < 30; i++) engine.append([put(named(`k${i}`), `${i}`, '', { token })])
    engine.append([put(named('k3'), 'new', '', { token })])
    await engine.synced(engine.append([erasure(named('k4'), { token })]))
    equal(await text('k3'), 'new')
    equal(await text('k4'), undefined)
    equal(await text('k29'), '29')
    equal(await text('k30'), undefined)
    const page = await engine.scan({ place, from: token, to: token, keysMax: 1, bytesMax: 1 })
    equal(page.entries.length, 29, 'one page has all keys of a token')
    equal(page.next, undefined)
  },

  'bytes given and bytes returned may be changed by the caller': async (engine) => {
    const entry = put(named('a'), 'object', 'note')
    const name = { bucket: entry.name.bucket.slice(), key: entry.name.key.slice() }
    await engine.synced(engine.append([entry]))
    entry.object.fill(0)
    entry.note.fill(0)
    entry.name.key.fill(0)
    for (let i = 0; i < 2; i++) {
      const stored = await engine.get(copyOf(name))
      equal(utf8Text(stored?.object ?? new Uint8Array()), 'object')
      equal(utf8Text(stored?.note ?? new Uint8Array()), 'note')
      stored?.object.fill(1)
      stored?.note.fill(1)
    }
    const found = await scanAll(engine)
    equal(utf8Text(found[0]?.object ?? new Uint8Array()), 'object')
  },

  'synced resolves for every sequence, in whatever order it is asked': async (engine) => {
    const sequences = Array.from({ length: 50 }, (_, i) => engine.append([put(named(`${i}`), 'x')]))
    const order: number[] = []
    const waits = sequences
      .toReversed()
      .map((sequence) => engine.synced(sequence).then(() => void order.push(sequence)))
    await Promise.all(waits)
    equal(order.length, 50)
    ok(sequences.every((sequence, i) => i === 0 || sequence > (sequences[i - 1] as number)))
    await engine.synced(sequences[0] as number)
  },

  'a scan walks a range in token order, a page at a time': async (engine) => {
    const keys = Array.from({ length: 300 }, (_, i) => `k${i}`)
    for (const key of keys) engine.append([put(named(key), key)])
    engine.append([put(keyName('other', 'x'), 'y')])
    for (const keysMax of [1, 7, 1000]) {
      const entries = await scanAll(engine, keysMax)
      equal(entries.length, 301)
      ok(entries.every(({ token }, i) => i === 0 || isBefore(entries[i - 1]?.token, token)))
    }
    const all = await scanAll(engine)
    const [from, to] = [all[50]?.token, all[60]?.token] as [Token, Token]
    const page = await engine.scan({ place, from, to, keysMax: 100, bytesMax: 1 << 20 })
    equal(page.entries.length, 11, 'both ends are in the range')
    equal(page.next, undefined)
    const short = await engine.scan({ place, from, to, keysMax: 100, bytesMax: 1 })
    equal(short.entries.length, 1, 'a page has the keys of its first token, whatever they take')
    notEqual(short.next, undefined)
    const bytesMax = sizeOf(all[50]) + sizeOf(all[51])
    for (const [bytes, length] of [
      [bytesMax, 2],
      [bytesMax - 1, 1],
    ] as const) {
      const two = await engine.scan({ place, from, to, keysMax: 100, bytesMax: bytes })
      equal(two.entries.length, length, 'and ends before the token that would pass its bytes')
    }
    let found = 0
    let next: Token | undefined = FIRST_TOKEN
    while (next !== undefined) {
      const bucket = { name: utf8Bytes('other'), creation: NEVER_CREATED }
      const query = { place, from: next, to: LAST_TOKEN, bucket, keysMax: 10, bytesMax: 1 << 20 }
      const one: ScanPage = await engine.scan(query)
      found += one.entries.length
      next = one.next
    }
    equal(found, 1, 'of one bucket')
  },

  'prefixes walk the same range with the beginning of each object': async (engine) => {
    for (let i = 0; i < 90; i++) engine.append([put(named(`k${i}`), `text ${i}`, 'note')])
    engine.append([put(named('long'), 'x'.repeat(100_000)), put(named('short'), 'x')])
    await engine.synced(engine.append([erasure(named('k3'))]))
    const wanted = (await scanAll(engine)).map((entry) => {
      return { ...entry, object: entry.object.slice(0, PREFIX_BYTES) }
    })
    const found: ScanPage['entries'][number][] = []
    let from: Token | undefined = FIRST_TOKEN
    while (from !== undefined) {
      const query = { place, from, to: LAST_TOKEN, keysMax: 10, bytesMax: 1 << 20 }
      const page: ScanPage = await engine.prefixes(query)
      found.push(...page.entries)
      from = page.next
    }
    deepEqual(found, wanted)
  },

  'digests walk the same range without values': async (engine) => {
    for (let i = 0; i < 90; i++) engine.append([put(named(`k${i}`), `text ${i % 7}`)])
    engine.append([erasure(named('k3'))])
    const idAndDigest = ({
      place,
      bucketId,
      token,
      name,
      digest,
    }: DigestPage['entries'][number]) => {
      return { place, bucketId, token, name, digest }
    }
    const wanted = (await scanAll(engine)).map(idAndDigest)
    for (const keysMax of [1, 10, 1000]) {
      const found: DigestPage['entries'][number][] = []
      let from: Token | undefined = FIRST_TOKEN
      while (from !== undefined) {
        const query = { place, from, to: LAST_TOKEN, keysMax, bytesMax: 1 << 20 }
        const page: DigestPage = await engine.digests(query)
        ok(page.entries.length <= keysMax)
        found.push(...page.entries)
        from = page.next
      }
      deepEqual(found.map(idAndDigest), wanted)
    }
  },

  'a random history is the history of a Map, also after a clean end': async (first, subject) => {
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
          equal(await textOf(engine, other), model.get(other))
        }
      }
      deepEqual(await contents(engine), sortedMap(model))
      await engine.close()
      engine = await subject.open()
      if (!engine.capabilities.isDurable) model.clear()
      deepEqual(await contents(engine), sortedMap(model))
    }
    return engine
  },

  'a directory in use is refused': async (engine, subject) => {
    if (!engine.capabilities.isDurable) return
    await rejects(subject.open(), { code: 'data-locked' })
    await engine.synced(engine.append([put(named('a'), '1')]))
    await engine.close()
    const next = await subject.open()
    equal(await textOf(next, 'a'), '1')
    return next
  },
}

function sizeOf(entry: ScanPage['entries'][number] | undefined): number {
  if (entry === undefined) return 0
  const { name, object } = entry
  return name.bucket.length + name.key.length + object.length
}

function isBefore(a: Token | undefined, b: Token): boolean {
  return a === undefined || compareU64(a, b) < 0
}

export const CLAIMS: readonly Claim[] = Object.entries({
  ...CHECKS,
  ...PLACE_CHECKS,
  ...TRANSFER_CHECKS,
  ...FAULT_CHECKS,
}).map(([claim, check]) => ({ claim, check }))

/** Checks one claim on a new engine. What is wrong, or undefined. */
export async function failureOf(check: Check, subject: Subject): Promise<Error | undefined> {
  const run = async (): Promise<void> => {
    const engine = await subject.open()
    const last = await check(engine, subject)
    await (last ?? engine).close()
  }
  try {
    await subject.complete(run())
    return undefined
  } catch (error) {
    return error instanceof Error ? error : new Error(String(error))
  }
}
