/** What an engine must do with the places of a node, and with ranges that are dropped. */
import { deepEqual, equal } from 'node:assert/strict'
import { utf8Bytes, utf8Text } from '../../base/bytes.ts'
import { Prng } from '../../base/prng.ts'
import { compareU64 } from '../../base/u64.ts'
import {
  type CopyId,
  type CreationId,
  keyName,
  NEVER_CREATED,
  type NodeId,
  OWN,
  type Place,
} from '../../dynamo/names.ts'
import type { Token } from '../../native/digest.ts'
import type { Engine, Entry } from '../engine.ts'
import {
  BUCKET_ID,
  type Check,
  contents,
  copyOf,
  erasure,
  FIRST_TOKEN,
  LAST_TOKEN,
  put,
  scanAll,
  sortedMap,
} from './subject.ts'

const MEMBER = '0123456789abcdef' as NodeId
const PLACES: readonly Place[] = [OWN, MEMBER, 'fedcba9876543210' as NodeId]
const CREATED = { ...BUCKET_ID, creation: 'c0ffee0000000001' as CreationId }

const named = (key: string) => keyName('b', key)

async function textAt(engine: Engine, key: string, other: Partial<CopyId>): Promise<string> {
  const stored = await engine.get(copyOf(named(key), other))
  return stored === undefined ? '' : utf8Text(stored.object)
}

function drop(place: Place, from: Token, to: Token): Entry {
  return { kind: 'drop', place, from, to }
}

export const PLACE_CHECKS: Readonly<Record<string, Check>> = {
  'each place has its own copy of a key': async (engine) => {
    for (const place of PLACES) engine.append([put(named('a'), place, place, { place })])
    await engine.synced(engine.append([put(named('b'), 'hint', '', { place: MEMBER })]))
    for (const place of PLACES) equal(await textAt(engine, 'a', { place }), place)
    equal(await textAt(engine, 'b', { place: OWN }), '')
    const keysOf = async (place: Place) => [...(await contents(engine, place)).keys()]
    deepEqual(await keysOf(OWN), ['a'])
    deepEqual(await keysOf(MEMBER), ['a', 'b'])
    await engine.synced(engine.append([erasure(named('a'), { place: MEMBER })]))
    equal(await textAt(engine, 'a', { place: MEMBER }), '')
    equal(await textAt(engine, 'a', { place: OWN }), OWN)
  },

  'keys and bytes of each place are counted': async (engine) => {
    const counted = () => engine.places().map(({ place, keys }) => ({ place, keys }))
    deepEqual(counted(), [])
    engine.append([put(named('a'), 'x', '', { place: MEMBER })])
    const small = engine.places()[0]?.bytes as number
    engine.append([put(named('a'), 'x'.repeat(5000), '', { place: MEMBER }), put(named('a'), 'x')])
    const places = engine.places().toSorted((a, b) => (a.place < b.place ? -1 : 1))
    deepEqual(
      places.map(({ place, keys }) => ({ place, keys })),
      [
        { place: OWN, keys: 1 },
        { place: MEMBER, keys: 1 },
      ],
    )
    equal(Math.abs((places[1]?.bytes as number) - small - 4999) < 16, true, 'as the object grew')
    await engine.synced(engine.append([erasure(named('a'), { place: MEMBER })]))
    deepEqual(counted(), [{ place: OWN, keys: 1 }])
  },

  'a bucket made anew under an old name is another bucket': async (engine) => {
    engine.append([put(named('a'), 'old')])
    await engine.synced(engine.append([put(named('a'), 'new', '', { bucketId: CREATED })]))
    equal(await textAt(engine, 'a', {}), 'old')
    equal(await textAt(engine, 'a', { bucketId: CREATED }), 'new')
    const stored = await engine.get(copyOf(named('a'), { bucketId: CREATED }))
    deepEqual(stored?.bucketId, CREATED)
    for (const { creation } of [BUCKET_ID, CREATED]) {
      const bucket = { name: utf8Bytes('b'), creation }
      const range = { place: OWN, from: FIRST_TOKEN, to: LAST_TOKEN }
      const page = await engine.scan({ ...range, bucket, keysMax: 10, bytesMax: 1000 })
      const texts = page.entries.map(({ object }) => utf8Text(object))
      deepEqual(texts, [creation === NEVER_CREATED ? 'old' : 'new'])
    }
    await engine.synced(engine.append([erasure(named('a'))]))
    equal(await textAt(engine, 'a', { bucketId: CREATED }), 'new')
  },

  'a dropped range is gone from its place alone, also after a clean end': async (
    first,
    subject,
  ) => {
    const prng = Prng.of(4)
    const models = new Map(PLACES.map((place) => [place, new Map<string, string>()]))
    let engine = first
    for (let round = 0; round < 4; round++) {
      for (let i = 0; i < 120; i++) {
        const place = prng.pick(PLACES)
        const model = models.get(place) as Map<string, string>
        const key = `k${prng.below(60)}`
        if (prng.chance(0.9)) {
          engine.append([put(named(key), `${round}/${i}`, '', { place })])
          model.set(key, `${round}/${i}`)
          continue
        }
        const [from, to] = rangeOf(prng)
        // What is put in the batch before the drop goes, and what is put behind it stays.
        const behind = put(named('behind'), `${i}`, '', { place })
        engine.append([put(named('before'), 'x', '', { place }), drop(place, from, to), behind])
        model.set('before', 'x')
        for (const one of model.keys()) if (isWithin(one, from, to)) model.delete(one)
        model.set('behind', `${i}`)
      }
      await check(engine, models)
      await engine.close()
      engine = await subject.open()
      if (!engine.capabilities.isDurable) for (const model of models.values()) model.clear()
      await check(engine, models)
    }
    await engine.synced(engine.append([drop(MEMBER, FIRST_TOKEN, LAST_TOKEN)]))
    deepEqual(await scanAll(engine, 100, MEMBER), [])
    equal(
      engine.places().some(({ place }) => place === MEMBER),
      false,
    )
    return engine
  },
}

function rangeOf(prng: Prng): readonly [Token, Token] {
  const tokens = [prng.below(60), prng.below(60)].map((i) => copyOf(named(`k${i}`)).token)
  const [a, b] = tokens as [Token, Token]
  return compareU64(a, b) <= 0 ? [a, b] : [b, a]
}

function isWithin(key: string, from: Token, to: Token): boolean {
  const { token } = copyOf(named(key))
  return compareU64(token, from) >= 0 && compareU64(token, to) <= 0
}

async function check(
  engine: Engine,
  models: ReadonlyMap<Place, ReadonlyMap<string, string>>,
): Promise<void> {
  for (const [place, model] of models) {
    deepEqual(await contents(engine, place), sortedMap(model))
  }
}
