/** Copies that a bulk transfer brings, over two real logs: what is taken of them, and how. */
import t from 'tap'
import { joinBytes, utf8Bytes } from '../../../../src/base/bytes.ts'
import { OperatingError } from '../../../../src/base/errors.ts'
import {
  type CopyId,
  keyName,
  nodeId,
  Policy,
  type Start,
  startId,
} from '../../../../src/dynamo/names.ts'
import { TREE_LEAF_BITS } from '../../../../src/dynamo/repair/branches.ts'
import { ENDED } from '../../../../src/dynamo/repair/floor.ts'
import { NO_ROUND, type RoundFloor } from '../../../../src/dynamo/repair/round.ts'
import { Context, rangeOn } from '../../../../src/dynamo/version/context.ts'
import { decodeObject, encodeObject } from '../../../../src/dynamo/version/object-bytes.ts'
import type { Sibling, VersionedObject } from '../../../../src/dynamo/version/object.ts'
import { requestIdOf } from '../../../../src/dynamo/version/request-id.ts'
import { type Digest, sipHash64, type Token } from '../../../../src/native/digest.ts'
import { Counters } from '../../../../src/node/counters.ts'
import { entryOf } from '../../../../src/node/replica/entry.ts'
import { Hints } from '../../../../src/node/replica/hints.ts'
import { type Asked, MovedCopies } from '../../../../src/node/replica/moved-copies.ts'
import { Replica } from '../../../../src/node/replica/replica.ts'
import { SimWorld } from '../../../../src/sim/index.ts'
import { copyOf, DIGEST_KEY } from '../../../../src/store/conformance/subject.ts'
import type { Engine } from '../../../../src/store/engine.ts'
import { openLog } from '../../../../src/store/log/open-log.ts'
import { ALWAYS_OPEN } from '../../../support/open-replica.ts'
import { type ReplicaParts, replicaParts } from '../../../support/replica-parts.ts'

const [SELF, GIVER] = ['a', 'b'].map((digit) => nodeId(digit.repeat(16))) as [
  ReturnType<typeof nodeId>,
  ReturnType<typeof nodeId>,
]
const STARTS = ['1', '2'].map((digit) => startId(digit.repeat(16)))
const BYTES_MAX = 1 << 20

const named = (key: string): CopyId => copyOf(keyName('b', key))

/** An object of siblings with these dots, each of its own start; `replaced`: dots of the first. */
function objectOf(
  siblings: readonly { readonly start: Start; readonly counter: number; readonly text?: string }[],
  replaced: readonly number[] = [],
): VersionedObject {
  const dots = siblings.map(({ start, counter }) => {
    return { node: GIVER, start, opened: 1, counter }
  })
  const others = replaced.map((counter) => ({ ...(dots[0] as (typeof dots)[0]), counter }))
  const context = Context.of(
    [...dots, ...others].map((dot) => rangeOn(dot, dot.counter, dot.counter)),
  )
  const made = siblings.map(({ text }, i): Sibling => {
    const dot = dots[i] as (typeof dots)[0]
    const requestId = requestIdOf(utf8Bytes(dot.start.slice(0, 8) + `${dot.counter}`.padStart(8)))
    const value = text === undefined ? undefined : utf8Bytes(text)
    return { requestId, dots: [dot], time: 0, value }
  })
  return { context, siblings: made }
}

const one = (counter: number, text?: string, start = STARTS[0] as Start): VersionedObject =>
  objectOf([{ start, counter, ...(text === undefined ? {} : { text }) }])

async function logOf(sim: SimWorld, node: number): Promise<Engine> {
  const { disk, clock, trace } = sim.start(node)
  const directory = await disk.directory('/data')
  const options = { directory, clock, trace, digestKey: DIGEST_KEY, segmentBytes: 1 << 16 }
  return (await openLog(options)).engine
}

class Bench {
  readonly replica: Replica
  readonly engine: Engine
  readonly giver: Engine
  readonly parts: ReplicaParts
  readonly counters = new Counters()
  readonly lies: VersionedObject[] = []
  floor: RoundFloor = NO_ROUND
  readonly #copies: MovedCopies

  private constructor(sim: SimWorld, engine: Engine, giver: Engine, node: number) {
    const { clock, trace, entropy } = sim.start(node)
    this.engine = engine
    this.giver = giver
    const parts = (this.parts = replicaParts(engine, clock, DIGEST_KEY))
    const { counters } = this
    const own = { engine, clock, trace, entropy, counters, node: SELF, digestKey: DIGEST_KEY }
    const hints = new Hints(engine, clock, 1 << 20)
    const mend = (): Promise<boolean> => Promise.resolve(false)
    const replica = { ...own, ...parts, ...ALWAYS_OPEN, hints, mend, isWhole: () => true }
    this.replica = new Replica(replica)
    Object.defineProperty(parts.floors, 'adopted', { get: () => this.floor })
    this.#copies = new MovedCopies({
      replica: this.replica,
      transfers: engine.transfers as NonNullable<Engine['transfers']>,
      trees: parts.trees,
      floors: parts.floors,
      counters,
      lieIn: (_, object) => this.#lieIn(object),
    })
  }

  /** On nodes of the simulator from `first` on. */
  static async make(sim: SimWorld, first: number): Promise<Bench> {
    const [engine, giver] = [await logOf(sim, first), await logOf(sim, first + 1)]
    const bench = new Bench(sim, engine, giver, first + 2)
    await bench.parts.trees.build()
    await bench.parts.starts.build(() => undefined)
    return bench
  }

  #lieIn(object: VersionedObject): OperatingError | undefined {
    const isOwn = object.context.ranges.some(({ start }) => start === this.replica.start)
    if (isOwn) this.lies.push(object)
    return isOwn ? new OperatingError('peer-lies', 'the test says so') : undefined
  }

  give(key: string, object: VersionedObject): void {
    const bytes = encodeObject(object) as Uint8Array
    this.giver.append([entryOf(named(key), bytes, utf8Bytes('note'), DIGEST_KEY)])
  }

  /** What is here of a key, by an exchange with another owner. */
  async hold(key: string, object: VersionedObject): Promise<void> {
    await this.replica.exchange(named(key), object, NO_ROUND)
  }

  async page(): Promise<Uint8Array> {
    const { giver } = this
    await giver.synced(giver.append([entryOf(named('last'), LAST, utf8Bytes(''), DIGEST_KEY)]))
    const query = { from: undefined, end: undefined, bytesMax: BYTES_MAX, isWanted: () => true }
    const page = await giver.transfers?.read(query)
    t.equal(page?.next, undefined)
    return page?.records ?? new Uint8Array(0)
  }

  take(page: Uint8Array, asked: Partial<Pick<Asked, 'n' | 'isAsked' | 'isWanted'>> = {}) {
    const records = this.engine.transfers?.open(page)
    if (records === undefined) throw new Error('a page is sound')
    const all = { from: GIVER, n: 3, isAsked: () => true, isWanted: () => true, ...asked }
    return this.#copies.take({ records, first: 0, end: records.count }, all)
  }

  async siblingsOf(key: string): Promise<readonly string[]> {
    const copy = await this.replica.readOwn(named(key))
    const object = copy && decodeObject(copy.object)
    return (object?.siblings ?? []).map(textOf)
  }
}

const textOf = ({ value }: Sibling): string => (value ? Buffer.from(value).toString() : '-')

const LAST = encodeObject(one(9_999, 'last')) as Uint8Array

async function run(body: (bench: Bench, other: Bench) => Promise<void>): Promise<void> {
  const sim = new SimWorld({ seed: 1 })
  const whole = async (): Promise<void> => body(await Bench.make(sim, 1), await Bench.make(sim, 5))
  await sim.complete(whole(), 60_000)
}

const named3 = [...STARTS] as [Start, Start]

t.test('copies are as an exchange would have brought them, in log, trees and starts', async (t) => {
  const objects: readonly [string, VersionedObject][] = [
    ['value', one(1, 'one')],
    ['again', objectOf([{ start: named3[0], counter: 5, text: 'five' }], [1, 2])],
    ['deleted', one(6)],
    ['siblings', objectOf(named3.map((start, i) => ({ start, counter: 7 + i, text: `${i}` })))],
    ['other start', one(8, 'eight', named3[1])],
  ]
  await run(async (bulk, single) => {
    for (const [key, object] of objects) {
      bulk.give(key, object)
      await single.hold(key, object)
    }
    const last = decodeObject(LAST) as VersionedObject
    await single.hold('last', last)
    t.equal(await bulk.take(await bulk.page()), undefined)
    t.equal(bulk.counters.transferredCopies, objects.length + 1)
    for (const [key] of objects) t.same(await bulk.siblingsOf(key), await single.siblingsOf(key))
    for (const bench of [bulk, single])
      t.equal((await bench.engine.get(named('value')))?.note.length, 0)
    for (const bits of [0, 8, TREE_LEAF_BITS]) {
      const leaf = named('siblings').token.hi >>> (32 - bits)
      const branch = bits === 0 ? 0 : leaf
      t.same(bulk.parts.trees.sum(3, bits, branch), single.parts.trees.sum(3, bits, branch))
    }
    t.same(new Set(bulk.parts.starts.named), new Set(single.parts.starts.named))
    t.equal(bulk.replica.writer.deleted.size, 1, 'a deleted key waits for a round')
    // As many copies name them: none is left when all have gone.
    for (const [key] of [...objects, ['last']] as [string][]) {
      await bulk.replica.change(named(key), () => undefined)
    }
    t.same([...bulk.parts.starts.named], [])
    t.same(bulk.parts.trees.sum(3, 0, 0), { hi: 0, lo: 0 })
  })
})

t.test('what is here is merged with what comes, and is not set back', async (t) => {
  await run(async (bench) => {
    const newer = objectOf([{ start: named3[0], counter: 2, text: 'newer' }], [1])
    await bench.hold('newer here', newer)
    await bench.hold('other here', one(4, 'here', named3[1]))
    await bench.hold('same', one(5, 'same'))
    bench.give('newer here', one(1, 'older'))
    bench.give('other here', one(3, 'there'))
    bench.give('same', one(5, 'same'))
    const { appends } = bench.engine.report()
    t.equal(await bench.take(await bench.page()), undefined)
    t.same(await bench.siblingsOf('newer here'), ['newer'])
    t.same(await bench.siblingsOf('other here'), ['there', 'here'])
    t.same(await bench.siblingsOf('same'), ['same'])
    t.equal((bench.engine.report().appends ?? 0) - (appends ?? 0), 2, 'a merge, and the last key')
    t.equal(bench.engine.report().keys, 4)
  })
})

t.test('where the last write wins the later copy stays, alone', async (t) => {
  await run(async (bench) => {
    const later = (counter: number, text: string, start: Start): VersionedObject => {
      const { context, siblings } = one(counter, text, start)
      return { context, siblings: siblings.map((sibling) => ({ ...sibling, time: counter })) }
    }
    const id: CopyId['bucketId'] = {
      creation: '00000000000000aa' as CopyId['bucketId']['creation'],
      policy: Policy.lastWriteWins,
      n: 3,
    }
    const inBucket = (key: string): CopyId => ({ ...named(key), bucketId: id })
    const give = (key: string, object: VersionedObject): void => {
      const bytes = encodeObject(object) as Uint8Array
      bench.giver.append([entryOf(inBucket(key), bytes, utf8Bytes(''), DIGEST_KEY)])
    }
    await bench.replica.exchange(inBucket('held'), later(3, 'here', named3[1]), NO_ROUND)
    give('held', later(2, 'there', named3[0]))
    give('new', later(4, 'new', named3[0]))
    give('both', objectOf(named3.map((start, i) => ({ start, counter: 7 + i, text: `${i}` }))))
    t.equal(await bench.take(await bench.page()), undefined)
    const textsOf = async (key: string): Promise<readonly string[]> => {
      const copy = await bench.replica.readOwn(inBucket(key))
      return (copy && decodeObject(copy.object))?.siblings.map(textOf) ?? []
    }
    t.same(await textsOf('held'), ['here'])
    t.same(await textsOf('new'), ['new'])
    t.equal((await textsOf('both')).length, 1)
    t.equal(bench.counters.losers, 1)
  })
})

t.test('a key that a step works on waits for it', async (t) => {
  await run(async (bench) => {
    bench.give('busy', one(3, 'there'))
    const page = await bench.page()
    let isBusy = true
    const { replica } = bench
    Object.defineProperty(replica, 'hasSteps', { get: () => true })
    Object.defineProperty(replica, 'isBusy', { value: () => isBusy })
    const merged: unknown[] = []
    const exchange = replica.exchange.bind(replica)
    replica.exchange = (copy, ...rest) => {
      merged.push(copy.name)
      isBusy = false
      return exchange(copy, ...rest)
    }
    t.equal(await bench.take(page), undefined)
    t.equal(merged.length, 2, 'all go through the steps of their keys')
    t.same(await bench.siblingsOf('busy'), ['there'])
  })
})

t.test('what moves while keys before it are merged is not taken any more', async (t) => {
  await run(async (bench) => {
    for (const key of ['a', 'b']) {
      await bench.hold(key, one(4, 'here', named3[1]))
      bench.give(key, one(3, 'there'))
    }
    const page = await bench.page()
    let isWanted = true
    const { replica } = bench
    const exchange = replica.exchange.bind(replica)
    replica.exchange = (...merged) => {
      isWanted = false
      return exchange(...merged)
    }
    t.equal(await bench.take(page, { isWanted: () => isWanted }), undefined)
    const found = [await bench.siblingsOf('a'), await bench.siblingsOf('b')]
    t.same(found, [['there', 'here'], ['here']])
  })
})

t.test('one key twice in a page is there once, as the merge of both', async (t) => {
  await run(async (bench) => {
    bench.give('twice', one(1, 'older'))
    const first = await bench.page()
    bench.give('twice', objectOf([{ start: named3[0], counter: 2, text: 'newer' }], [1]))
    const second = await bench.page()
    t.equal(await bench.take(joinBytes([first, second])), undefined)
    t.same(await bench.siblingsOf('twice'), ['newer'])
    t.equal(bench.engine.report().keys, 2)
  })
})

t.test('what a round has let go is not taken again', async (t) => {
  await run(async (bench) => {
    const floor = new Map([[named3[0], ENDED]])
    bench.floor = { ...NO_ROUND, number: 3, floor }
    bench.give('gone', one(1))
    bench.give('there', one(2, 'value'))
    bench.give('deleted later', one(3, undefined, named3[1]))
    t.equal(await bench.take(await bench.page()), undefined)
    t.same(await bench.siblingsOf('gone'), [])
    t.same(await bench.siblingsOf('there'), ['value'], 'its own round is that of the giver')
    t.same(await bench.siblingsOf('deleted later'), ['-'])
  })
})

t.test('what was not asked for is garbled, and nothing of it is taken', async (t) => {
  await run(async (bench) => {
    bench.give('wanted', one(1, 'value'))
    bench.give('not', one(2, 'value'))
    const page = await bench.page()
    const { token } = named('not')
    const isAsked = (asked: Token): boolean => asked.hi !== token.hi
    t.equal(await bench.take(page, { isAsked }), 'message-garbled')
    t.equal(await bench.take(page, { n: 2 }), 'message-garbled')
    t.equal(bench.engine.report().keys, 0)
  })
})

t.test('a record without an object in it is garbled', async (t) => {
  await run(async (bench) => {
    bench.giver.append([
      { ...entryOf(named('x'), LAST, utf8Bytes(''), DIGEST_KEY), ...digestless(LAST.slice(1)) },
    ])
    t.equal(await bench.take(await bench.page()), 'message-garbled')
  })
})

t.test("a dot that this node has not given is a giver's lie", async (t) => {
  for (const replaced of [[], [1]]) {
    await run(async (bench) => {
      bench.give('before', one(1, 'value'))
      const dot = { start: bench.replica.start, counter: 3, text: 'lie' }
      bench.give('lie', objectOf([dot], replaced))
      t.equal(await bench.take(await bench.page()), 'peer-lies')
      t.equal(bench.lies.length, 1)
      t.same(await bench.siblingsOf('lie'), [])
    })
  }
})

t.test('while a part of the trees is read again, copies are noticed one by one', async (t) => {
  await run(async (bench) => {
    bench.give('a', one(1, 'value'))
    const page = await bench.page()
    Object.defineProperty(bench.parts.trees, 'isQuiet', { get: () => false })
    t.equal(await bench.take(page), undefined)
    t.same(await bench.siblingsOf('a'), ['value'])
    t.not(bench.parts.trees.sum(3, 0, 0).hi, 0)
  })
})

function digestless(object: Uint8Array) {
  return { object, prefixBytes: 0, digestStart: object.length, digest: emptyDigest }
}

const emptyDigest = sipHash64<Digest>(DIGEST_KEY, new Uint8Array(0))
