/**
 * What versions cost a put, a replica and a read: merge, put, encode, decode, seal and open.
 *
 * The rival of dotted contexts is what they replace: a version vector in a Map from node to
 * counter, joined by maxima. It costs about as much and loses writes (`npm run prove -- versions`).
 */
import { type NodeId, nodeIdOf, type Start, startIdOf, Policy } from '../src/dynamo/names.ts'
import { Context, rangeOn } from '../src/dynamo/version/context.ts'
import { ContextSeal } from '../src/dynamo/version/context-seal.ts'
import { merge } from '../src/dynamo/version/merge.ts'
import { decodeObject, encodeObject } from '../src/dynamo/version/object-bytes.ts'
import type { Sibling, VersionedObject } from '../src/dynamo/version/object.ts'
import { put } from '../src/dynamo/version/put.ts'
import { Prng } from '../src/base/prng.ts'
import { measure, sizeFrom, type Task } from './harness.ts'
import { copyOf } from '../src/store/conformance/subject.ts'

const size = sizeFrom(process.argv)
const prng = Prng.of(41, 'version bench')

const LINES = Array.from({ length: 6 }, () => ({
  node: nodeIdOf(prng.fill(new Uint8Array(8))),
  start: startIdOf(prng.fill(new Uint8Array(8))),
  opened: 1 + prng.below(1000),
})).sort((a, b) => (a.node < b.node ? -1 : 1))

/** `siblings` values of 100 bytes under a context of `ranges` ranges. */
function objectOf(ranges: number, siblings: number): VersionedObject {
  const context = Context.of(
    LINES.slice(0, ranges).map((line) => rangeOn(line, line.opened, line.opened + 50)),
  )
  const of = (i: number): Sibling => {
    const { node, start, opened } = LINES[i % ranges] as (typeof LINES)[number]
    const dots = [{ node, start, opened, counter: opened + Math.floor(i / ranges) }]
    const requestId = String(i).padEnd(16, '.')
    return { requestId, dots, time: 0, value: prng.fill(new Uint8Array(100)) }
  }
  return { context, siblings: Array.from({ length: siblings }, (_, i) => of(i)) }
}

const one = objectOf(3, 1)
const encoded = encodeObject(one)!
const many = objectOf(6, 6)
const next = put(one, undefined, {
  policy: Policy.siblings,
  node: LINES[0]?.node as NodeId,
  start: LINES[5]?.start as Start,
  counter: 5000,
  requestId: 'the next request',
  isRepeat: false,
  time: 0,
  value: new Uint8Array(100),
  seen: one.context,
})
if (next.kind !== 'written') throw new Error(next.kind)
const newer = next.object
const beside = put(one, undefined, {
  policy: Policy.siblings,
  node: LINES[1]?.node as NodeId,
  start: LINES[4]?.start as Start,
  counter: 6000,
  requestId: 'another request.',
  isRepeat: false,
  time: 0,
  value: new Uint8Array(100),
  seen: one.context,
})
if (beside.kind !== 'written') throw new Error(beside.kind)
const other = beside.object

const vectorOf = ({ context }: VersionedObject): Map<string, number> =>
  new Map(context.ranges.map(({ node, start, last }) => [node + start, last]))
const [vectorA, vectorB] = [vectorOf(newer), vectorOf(other)]

function joinVectors(a: ReadonlyMap<string, number>, b: ReadonlyMap<string, number>): number {
  const joined = new Map(a)
  for (const [name, last] of b) joined.set(name, Math.max(last, joined.get(name) ?? 0))
  return joined.size
}

const seal = new ContextSeal([{ id: 1, key: prng.fill(new Uint8Array(16)) }], 'bench')
const OF = copyOf({ bucket: new Uint8Array(5), key: new Uint8Array(24) })
const sealed = seal.seal(OF, one.context)

/** Many in one run: a single call is shorter than the reading of the clock. */
const OPERATIONS = 64
const task = (name: string, run: () => number, agrees?: string): Task => ({
  name,
  operations: OPERATIONS,
  ...(agrees === undefined ? {} : { agrees }),
  run: () => {
    let result = 0
    for (let i = 0; i < OPERATIONS; i++) result += run()
    return result
  },
})

await measure('versions: one sibling of 100 bytes, three ranges', size, [
  task('a version vector, joined', () => joinVectors(vectorA, vectorB), 'join'),
  task('a context, joined', () => newer.context.join(other.context).count, 'join'),
  task('merge: the newer comes', () => merge(one, newer).siblings.length),
  task('merge: the same comes', () => merge(one, { ...one }).siblings.length),
  task('merge: concurrent', () => merge(newer, other).siblings.length),
  task('merge: six siblings meet one', () => merge(many, newer).siblings.length),
  task('put', () => {
    const outcome = put(newer, next.note, {
      policy: Policy.siblings,
      node: LINES[0]?.node as NodeId,
      start: LINES[5]?.start as Start,
      counter: 7000,
      requestId: 'the third one...',
      isRepeat: false,
      time: 0,
      value: undefined,
      seen: newer.context,
    })
    return outcome.kind === 'written' ? outcome.object.siblings.length : 0
  }),
  task('encode', () => encodeObject(one)!.length),
  task('decode', () => decodeObject(encoded)?.siblings.length ?? 0),
  task('seal', () => seal.seal(OF, one.context).length),
  task('open', () => (seal.open(OF, sealed).kind === 'opened' ? 1 : 0)),
])
