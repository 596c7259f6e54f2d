/** The starts that copies name: never too few, whatever happens while they are counted. */
import * as fc from 'fast-check'
import t from 'tap'
import {
  type CopyId,
  keyName,
  OWN,
  type Place,
  type Start,
  startId,
} from '../../../../src/dynamo/names.ts'
import { FIRST_TOKEN, LAST_TOKEN } from '../../../../src/dynamo/ring/partition.ts'
import { rangeOn } from '../../../../src/dynamo/version/context.ts'
import { dotOn } from '../../../../src/dynamo/version/dot.ts'
import { decodeObject, encodeObject } from '../../../../src/dynamo/version/object-bytes.ts'
import type { VersionedObject } from '../../../../src/dynamo/version/object.ts'
import { entryOf, erasureOf } from '../../../../src/node/replica/entry.ts'
import { NamedStarts } from '../../../../src/node/replica/named-starts.ts'
import { OperatingError } from '../../../../src/base/errors.ts'
import { copyOf } from '../../../../src/store/conformance/subject.ts'
import type { ScanPage, ScanQuery } from '../../../../src/store/engine.ts'
import { MemoryEngine } from '../../../../src/store/memory/memory.ts'
import { NODE_A, NODE_B, object, sibling } from '../../dynamo/version/samples.ts'

const KEY = new Uint8Array(16)
const NO_NOTE = new Uint8Array(0)
const KEYS = 10
const STARTS = 6
/** More than any work here takes. */
const TURNS = 200

/** Gives small pages, each when it is told to, as it was when it was asked for. */
class SlowEngine extends MemoryEngine {
  readonly #waiting: (() => void)[] = []
  isSlow = true
  isRotten = false

  override async prefixes(query: ScanQuery): Promise<ScanPage> {
    if (!this.isSlow) return super.prefixes(query)
    const page = await super.prefixes({ ...query, keysMax: 2 })
    await new Promise<void>((resolve) => this.#waiting.push(resolve))
    if (this.isRotten) throw new OperatingError('record-rotten', 'a record here has rotted')
    return page
  }

  async release(): Promise<void> {
    this.#waiting.shift()?.()
    for (let turn = 0; turn < 10; turn++) await Promise.resolve()
  }
}

const startAt = (index: number): Start => startId(index.toString(16).padStart(16, '0'))

const copyAt = (index: number): CopyId => {
  const place: Place = index % 3 === 0 ? NODE_B : OWN
  return { ...copyOf(keyName('b', `k${index}`)), place }
}

/** A value whose context names these starts. */
function naming(starts: readonly number[]): VersionedObject {
  const lines = [...new Set(starts)].map((one) => ({
    node: NODE_A,
    start: startAt(one),
    opened: 1,
  }))
  const last = lines.at(-1) ?? { node: NODE_A, start: startAt(0), opened: 1 }
  return object(
    [...lines, last].map((line) => rangeOn(line, 1, 1)),
    sibling('v', dotOn(last, 1)),
  )
}

function held(engine: MemoryEngine, copy: CopyId): VersionedObject | undefined {
  const stored = engine.get(copy)
  return stored === undefined ? undefined : decodeObject(stored.object)
}

/** Writes an object that names these starts; erases it where those are none. */
function write(engine: MemoryEngine, starts: NamedStarts | undefined, act: Write): void {
  const copy = copyAt(act.key)
  const before = held(engine, copy)
  if (act.starts.length === 0 && before === undefined) return
  const after = act.starts.length === 0 ? undefined : naming(act.starts)
  const bytes = after === undefined ? undefined : (encodeObject(after) as Uint8Array)
  engine.append([bytes === undefined ? erasureOf(copy) : entryOf(copy, bytes, NO_NOTE, KEY)])
  starts?.onReplaced(copy, act.isUnknown ? undefined : before, after)
}

interface Write {
  readonly key: number
  readonly starts: readonly number[]
  /** What was there had rotted. */
  readonly isUnknown: boolean
}

function missingIn(engine: MemoryEngine, starts: NamedStarts): readonly Start[] {
  const named = new Set(starts.named)
  const missing: Start[] = []
  for (let key = 0; key < KEYS; key++) {
    const { ranges } = held(engine, copyAt(key))?.context ?? { ranges: [] }
    for (const { start } of ranges) if (!named.has(start)) missing.push(start)
  }
  return missing
}

const WRITE: fc.Arbitrary<Write> = fc.record({
  key: fc.nat(KEYS - 1),
  starts: fc.array(fc.nat(STARTS - 1), { maxLength: 3 }),
  isUnknown: fc.integer({ min: 0, max: 9 }).map((chance) => chance === 0),
})
type Act = Write | 'page' | 'drop'
const ACT: fc.Arbitrary<Act> = fc.oneof(
  { arbitrary: WRITE, weight: 8 },
  { arbitrary: fc.constant<Act>('page'), weight: 5 },
  { arbitrary: fc.constant<Act>('drop'), weight: 1 },
)

t.test(
  'never too few, whatever is written, erased and dropped while they are counted',
  async (t) => {
    await fc.assert(
      fc.asyncProperty(fc.array(WRITE, { maxLength: 15 }), fc.array(ACT), async (first, acts) => {
        const engine = new SlowEngine()
        for (const act of first) write(engine, undefined, act)
        const starts = new NamedStarts(engine)
        const seen = new Set<number>()
        const building = starts.build((copy) => seen.add(copy.token.hi))
        for (const act of acts) {
          if (act === 'page') await engine.release()
          else if (act === 'drop') {
            engine.append([{ kind: 'drop', place: OWN, from: FIRST_TOKEN, to: LAST_TOKEN }])
          } else write(engine, starts, act)
          if (starts.isBuilt) t.strictSame(missingIn(engine, starts), [])
        }
        for (let turn = 0; !starts.isBuilt && turn < TURNS; turn++) await engine.release()
        await building
        t.strictSame(missingIn(engine, starts), [])
      }),
      { numRuns: 1_500 },
    )
  },
)

t.test('they are as many as are named, where nothing is written meanwhile', async (t) => {
  await fc.assert(
    fc.asyncProperty(fc.array(WRITE), fc.array(WRITE), async (first, then) => {
      const engine = new SlowEngine()
      engine.isSlow = false
      for (const act of first) write(engine, undefined, act)
      const starts = new NamedStarts(engine)
      let copies = 0
      await starts.build(() => {
        copies += 1
      })
      for (const act of then) write(engine, starts, { ...act, isUnknown: false })
      const named = new Set<Start>()
      let count = 0
      for (let key = 0; key < KEYS; key++) {
        const { ranges } = held(engine, copyAt(key))?.context ?? { ranges: [] }
        for (const { start } of ranges) named.add(start)
        count += ranges.length > 0 ? 1 : 0
      }
      if (then.length === 0) t.equal(copies, count, 'each copy is seen once')
      t.strictSame([...starts.named].sort(), [...named].sort())
    }),
    { numRuns: 100 },
  )
})

t.test('a page that has rotted is passed over, and the rest is counted', async (t) => {
  const engine = new SlowEngine()
  for (const key of [1, 2, 4, 5]) write(engine, undefined, { key, starts: [key], isUnknown: false })
  const starts = new NamedStarts(engine)
  const building = starts.build(() => undefined)
  engine.isRotten = true
  await engine.release()
  engine.isRotten = false
  for (let turn = 0; !starts.isBuilt && turn < TURNS; turn++) await engine.release()
  await building
  t.ok(starts.isBuilt)
  t.equal(starts.size, 4)
})

t.test('what is stopped is never built', async (t) => {
  const engine = new SlowEngine()
  const starts = new NamedStarts(engine)
  const building = starts.build(() => undefined)
  starts.stop()
  for (let turn = 0; turn < 4; turn++) await engine.release()
  await building
  t.notOk(starts.isBuilt)
})

t.test(
  'a start that no copy names any more is told while the last round is not newer',
  async (t) => {
    const engine = new SlowEngine()
    engine.isSlow = false
    const starts = new NamedStarts(engine)
    await starts.build(() => undefined)
    const act = { key: 0, isUnknown: false }
    t.equal(starts.open(4, 3).isNamingKnown, false, 'what was named before is forgotten')
    write(engine, starts, { ...act, starts: [1] })
    const [start] = starts.named
    write(engine, starts, { ...act, starts: [] })
    const told = starts.open(5, 4)
    t.equal(told.isNamingKnown, true)
    t.strictSame([...told.named], [start], 'a message may name it that was sent since round 4')
    t.strictSame([...starts.open(6, 5).named], [])
  },
)
