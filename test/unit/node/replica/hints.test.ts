/** Hints: their room, and what keeps one from being removed. */
import t from 'tap'
import { utf8Bytes } from '../../../../src/base/bytes.ts'
import { type CopyId, keyName, nodeId } from '../../../../src/dynamo/names.ts'
import { Context } from '../../../../src/dynamo/version/context.ts'
import { encodeObject } from '../../../../src/dynamo/version/object-bytes.ts'
import type { VersionedObject } from '../../../../src/dynamo/version/object.ts'
import { put } from '../../../../src/dynamo/version/put.ts'
import { Counters } from '../../../../src/node/counters.ts'
import { Hints } from '../../../../src/node/replica/hints.ts'
import { Replica } from '../../../../src/node/replica/replica.ts'
import { SimWorld } from '../../../../src/sim/index.ts'
import { copyOf } from '../../../../src/store/conformance/subject.ts'
import { MemoryEngine } from '../../../../src/store/memory/memory.ts'
import { request, written } from '../../dynamo/version/samples.ts'
import { replicaParts } from '../../../support/replica-parts.ts'
import { ALWAYS_OPEN } from '../../../support/open-replica.ts'

const MEMBER = nodeId('0123456789abcdef')
const NAME = keyName('b', 'k')
const HINT: CopyId = copyOf(NAME, { place: MEMBER })
const OWN_COPY = copyOf(NAME)

const OBJECT: VersionedObject = written(put(undefined, undefined, request('one'))).object
const NEWER: VersionedObject = written(put(OBJECT, undefined, request('two'))).object

interface Bench {
  readonly sim: SimWorld
  readonly replica: Replica
  readonly hints: Hints
  readonly engine: MemoryEngine
}

function bench(bytesMax = 1 << 20): Bench {
  const sim = new SimWorld({ seed: 1 })
  const { clock, entropy, trace } = sim.start(1)
  const engine = new MemoryEngine()
  const hints = new Hints(engine, clock, bytesMax)
  const replica = new Replica({
    engine,
    node: nodeId('aaaaaaaaaaaaaaaa'),
    digestKey: new Uint8Array(16),
    clock,
    entropy,
    trace,
    counters: new Counters(),
    isWhole: () => true,
    hints,
    ...replicaParts(engine, clock, new Uint8Array(16)),
    ...ALWAYS_OPEN,
    mend: () => Promise.resolve(false),
  })
  return { sim, replica, hints, engine }
}

const merge = (replica: Replica, copy: CopyId, object: VersionedObject): unknown =>
  replica.merge(copy, object, 'sent', Number.POSITIVE_INFINITY)

t.test('a hint goes once it is delivered, and the own copy stays', async (t) => {
  const { replica, hints, engine } = bench()
  merge(replica, HINT, OBJECT)
  merge(replica, OWN_COPY, OBJECT)
  t.same(
    hints.places.map(({ place, keys }) => [place, keys]),
    [[MEMBER, 1]],
  )
  const delivery = hints.begin(HINT)
  t.equal(typeof replica.removeHint(HINT, OBJECT, delivery), 'number')
  t.equal(engine.get(HINT), undefined)
  t.not(engine.get(OWN_COPY), undefined)
  t.equal(replica.removeHint(HINT, OBJECT, delivery), undefined, 'there is none any more')
})

t.test('a hint stays if its place accepted anything since the delivery began', async (t) => {
  for (const object of [OBJECT, NEWER]) {
    const { replica, hints, engine } = bench()
    merge(replica, HINT, OBJECT)
    const delivery = hints.begin(HINT)
    merge(replica, HINT, object)
    t.equal(replica.removeHint(HINT, OBJECT, delivery), undefined, 'also what changed nothing')
    t.not(engine.get(HINT), undefined)
    hints.end(HINT)
    t.equal(
      typeof replica.removeHint(HINT, OBJECT, hints.begin(HINT)),
      'number',
      'the next may remove it',
    )
  }
})

t.test('a client’s write that the place had already taken counts as accepted', async (t) => {
  const { replica, hints, engine } = bench()
  const once = { requestId: 'r'.repeat(16), isRepeat: false, seen: Context.empty }
  const write = { ...once, value: utf8Bytes('x') }
  await replica.write(HINT, write, Number.POSITIVE_INFINITY)
  const delivery = hints.begin(HINT)
  const again = await replica.write(HINT, write, Number.POSITIVE_INFINITY)
  t.equal(again.outcome.kind, 'repeated')
  t.equal(replica.removeHint(HINT, OBJECT, delivery), undefined)
  t.not(engine.get(HINT), undefined)
})

t.test('a replica that is closed reads no hints: its engine is about to close', async (t) => {
  const { replica } = bench()
  merge(replica, HINT, OBJECT)
  t.not(await replica.readHints(OWN_COPY), undefined)
  replica.close()
  await t.rejects(replica.readHints(OWN_COPY), { code: 'node-stopping' })
})

t.test('hints that are full refuse, and own copies are taken', async (t) => {
  const { replica, hints } = bench(300)
  merge(replica, HINT, OBJECT)
  t.same(hints.warnings(), [])
  const other = (i: number): CopyId => copyOf(keyName('b', `k${i}`), { place: MEMBER })
  let refused = 0
  for (let i = 0; i < 20; i++) {
    try {
      merge(replica, other(i), OBJECT)
    } catch (error) {
      t.match(error, { code: 'hints-full', details: { limit: { name: 'hint-bytes', value: 300 } } })
      refused += 1
    }
  }
  t.ok(refused > 10 && refused < 20, `${refused} refused`)
  t.match(hints.warnings(), [/^the space for hints is \d+ % full \(hint-bytes 300\)/])
  const bytes = hints.places.reduce((sum, place) => sum + place.bytes, 0)
  t.ok(bytes <= 300 + 40, `${bytes} bytes`)
  merge(replica, OWN_COPY, OBJECT)
  for (const copy of [HINT, other(0)]) {
    t.equal(typeof replica.removeHint(copy, OBJECT, hints.begin(copy)), 'number', 'removal goes on')
  }
  merge(replica, HINT, OBJECT)
})

/** Keys, seconds since when, keys delivered and bytes taken in a second. */
function told(hints: Hints): readonly (readonly number[])[] {
  return hints.reports().map(({ keys, keptMs, deliveredPerSecond, takenBytesPerSecond }) => {
    return [keys, Math.round(keptMs / 1000), deliveredPerSecond, takenBytesPerSecond]
  })
}

t.test('reports tell since when hints are kept, and how fast they come and go', async (t) => {
  const { sim, replica, hints } = bench()
  t.same(told(hints), [])
  await sim.run(1_000)
  merge(replica, HINT, OBJECT)
  const taken = encodeObject(OBJECT)!.length / 10
  await sim.run(4_000)
  for (let i = 0; i < 2; i++) hints.onDelivered(MEMBER)
  t.same(told(hints), [[1, 4, 0.2, taken]])
  await sim.run(20_000)
  t.same(told(hints), [[1, 24, 0, 0]])
  void replica.removeHint(HINT, OBJECT, hints.begin(HINT))
  t.same(told(hints), [])
  merge(replica, HINT, OBJECT)
  t.same(told(hints), [[1, 0, 0, taken]], 'without a break')
})

t.test('a member that is about to go takes no hint, and its own copies', async (t) => {
  const { replica, hints } = bench()
  hints.close()
  t.throws(() => merge(replica, HINT, OBJECT), { code: 'node-stopping' })
  t.same(hints.places, [])
  t.doesNotThrow(() => merge(replica, OWN_COPY, OBJECT))
})
