/** Buckets where the last write wins: which one that is, and that copies become equal. */
import t from 'tap'
import { Prng } from '../../../../src/base/prng.ts'
import { Policy, startId } from '../../../../src/dynamo/names.ts'
import { Context } from '../../../../src/dynamo/version/context.ts'
import { keptUnder, losersOf, mergeUnder } from '../../../../src/dynamo/version/last-write.ts'
import type { Note } from '../../../../src/dynamo/version/note.ts'
import {
  haveSameSiblings,
  NOTHING,
  type Sibling,
  type VersionedObject,
} from '../../../../src/dynamo/version/object.ts'
import { put, type PutRequest, type Written } from '../../../../src/dynamo/version/put.ts'
import { drawnAt, requestIdOf } from '../../../../src/dynamo/version/request-id.ts'
import {
  anyObject,
  dot,
  NODE_A,
  NODE_B,
  object,
  range,
  request,
  sibling,
  START_2,
  textsOf,
  writeOfDot,
  written,
} from './samples.ts'
import { equalObjects } from '../../../support/versions.ts'

const LAST = Policy.lastWriteWins

const at = (text: string, time: number, counter: number): Sibling => {
  return { ...sibling(text, dot(1, counter)), time }
}
const alone = (one: Sibling): VersionedObject => {
  const { counter } = one.dots[0]!
  return object([range(1, counter, counter)], one)
}
const join = (a: VersionedObject, b: VersionedObject): VersionedObject => mergeUnder(LAST, a, b)
const putLast = (held: VersionedObject | undefined, rest: Partial<PutRequest> = {}): Written =>
  written(put(held, undefined, request('new', { policy: LAST, start: START_2, ...rest })))

/** A request id that was drawn then. */
function idAt(ms: number, number: number): string {
  const bytes = new Uint8Array(16)
  let time = ms
  for (let i = 5; i >= 0; i--) {
    bytes[i] = time % 256
    time = Math.floor(time / 256)
  }
  new DataView(bytes.buffer).setUint32(12, number)
  return requestIdOf(bytes)
}

t.test('of two writes that did not know of each other the later stays', async (t) => {
  const early = alone(at('early', 100, 2))
  const late = alone(at('late', 101, 1))
  const merged = join(early, late)
  t.same(textsOf(merged), ['late'])
  t.ok(merged.context.covers(dot(1, 2)), 'the other is covered')
  t.equal(join(merged, early), merged, 'and does not come back')
  t.equal(losersOf(LAST, early, late), 1)
  t.equal(losersOf(LAST, merged, early), 0, 'counted once')
  t.same(textsOf(mergeUnder(Policy.siblings, early, late)), ['early', 'late'])
  t.equal(losersOf(Policy.siblings, early, late), 0)
})

t.test('of two writes of one time that with the higher dot stays', async (t) => {
  const merged = join(alone(at('one', 100, 1)), alone(at('two', 100, 2)))
  t.same(textsOf(merged), ['two'])
})

t.test('what a client had seen gives way, whatever the clocks say', async (t) => {
  const seen = alone(at('seen', 500, 1))
  const { object: newer } = putLast(undefined, { time: 100, seen: seen.context })
  t.same(textsOf(join(seen, newer)), ['new'])
  t.same(textsOf(join(newer, seen)), ['new'])
})

t.test('copies that each cover the write of the other keep the later one', async (t) => {
  const replaced = alone(at('replaced', 300, 1))
  const between = alone(at('between', 200, 2))
  const { object: newer } = putLast(undefined, { time: 100, seen: replaced.context })
  const one = join(join(replaced, between), newer)
  const other = join(between, newer)
  t.same([textsOf(one), textsOf(other)], [['new'], ['between']])
  t.same(textsOf(join(one, other)), ['between'])
  t.ok(equalObjects(join(one, other), join(other, one)))
})

t.test('a put replaces the copy, seen or not, with a later time', async (t) => {
  const held = alone(at('held', 900, 1))
  const blind = putLast(held, { time: 100 })
  t.same(textsOf(blind.object), ['new'])
  t.equal(blind.losers, 0, 'overwriting is no loss')
  t.equal(blind.sibling.time, 901, 'it is later than what it replaces')
  t.same(textsOf(join(held, { ...blind.object, context: Context.of([blind.fresh]) })), ['new'])
  const partly = putLast(held, { time: 1000, seen: Context.of([range(1, 7, 7)]) })
  t.same([textsOf(partly.object), partly.losers], [['new'], 1], 'its client had seen another value')
  t.equal(putLast(held, { time: 1000, seen: held.context }).losers, 0)
})

t.test('of the same time, a put is later by one millisecond where its dot is lower', async (t) => {
  const held = alone(at('held', 900, 5))
  const ofLower = { node: NODE_A, start: startId('0'.padStart(16, '0')) }
  t.equal(putLast(held, { time: 900, ...ofLower }).sibling.time, 901)
  t.equal(putLast(held, { time: 900, node: NODE_B }).sibling.time, 900)
})

t.test('a further attempt has the time at which its request was drawn', async (t) => {
  const requestId = idAt(700, 1)
  t.equal(drawnAt(requestId), 700)
  const held = alone(at('held', 900, 1))
  const late = putLast(held, { requestId, isRepeat: true, time: 5000 })
  t.same([textsOf(late.object), late.losers], [['held'], 1], 'it hides no newer write')
  t.ok(late.object.context.covers(late.dot))
  t.equal(late.sibling.time, 700)
  const old = alone(at('old', 600, 1))
  t.same(textsOf(putLast(old, { requestId, isRepeat: true, time: 5000 }).object), ['new'])
  const ahead = putLast(undefined, { requestId: idAt(9000, 1), isRepeat: true, time: 5000 })
  t.equal(ahead.sibling.time, 5000, 'a client whose clock is ahead gains nothing')
})

t.test('an object with several siblings is taken with the last alone', async (t) => {
  const several = object([range(1, 1, 2)], at('one', 5, 1), at('two', 4, 2))
  t.same(textsOf(keptUnder(LAST, several)), ['one'])
  t.equal(keptUnder(Policy.siblings, several), several)
  t.equal(keptUnder(LAST, NOTHING), NOTHING)
})

const SEED = 20_261
const CASES = 4_000

t.test(`merging is commutative and idempotent, and loses not all (seed ${SEED})`, async (t) => {
  const prng = Prng.of(SEED)
  const any = (): VersionedObject => {
    const { context, siblings } = anyObject(prng, writeOfDot)
    const timed = siblings.map((one) => ({ ...one, time: prng.below(4) }))
    return keptUnder(LAST, { context, siblings: timed })
  }
  let wrong = 0
  for (let i = 0; i < CASES; i++) {
    const [a, b] = [any(), any()]
    const merged = join(a, b)
    const hasAny = a.siblings.length + b.siblings.length > 0
    const isRight =
      equalObjects(merged, join(b, a)) &&
      join(a, { ...a }) === a &&
      merged.siblings.length === (hasAny ? 1 : 0) &&
      merged.siblings.every(({ dots }) => dots.every((one) => merged.context.covers(one)))
    if (!isRight) wrong += 1
  }
  t.equal(wrong, 0)
})

interface Request {
  readonly id: string
  readonly text: string
  readonly seen: Context
}

/** Copies of one key at three nodes, whose states travel, and arrive late or never. */
class Copies {
  readonly #prng: Prng
  readonly #skews: readonly number[]
  readonly #held: VersionedObject[] = [NOTHING, NOTHING, NOTHING]
  readonly #notes: (Note | undefined)[] = [undefined, undefined, undefined]
  readonly #sent: VersionedObject[] = []
  readonly #requests: Request[] = []
  #nowMs = 1_000
  #counter = 0
  last = ''

  constructor(prng: Prng, skewMs: number) {
    this.#prng = prng
    this.#skews = [0, 1, 2].map(() => prng.below(skewMs + 1))
  }

  step(): void {
    this.#nowMs += 10
    const place = this.#prng.below(3)
    const kind = this.#prng.below(6)
    if (kind < 2) this.#putNew(place)
    else if (kind === 2 && this.#requests.length > 0) this.#repeat(place)
    else if (this.#sent.length > 0) this.#take(place, this.#prng.pick(this.#sent))
  }

  #putNew(place: number): void {
    const text = `write ${this.#requests.length}`
    const seen = this.#prng.chance(0.5) ? Context.empty : this.#held[this.#prng.below(3)]!.context
    const made = { id: idAt(this.#nowMs, this.#requests.length), text, seen }
    this.#requests.push(made)
    this.last = text
    this.#put(place, made, false)
  }

  #repeat(place: number): void {
    this.#put(place, this.#prng.pick(this.#requests), true)
  }

  #put(place: number, { id, text, seen }: Request, isRepeat: boolean): void {
    this.#counter += 1
    const start = startId(`${place + 1}`.padStart(16, '0'))
    const time = this.#nowMs + this.#skews[place]!
    const rest = {
      policy: LAST,
      start,
      counter: this.#counter,
      time,
      seen,
      isRepeat,
      requestId: id,
    }
    const outcome = put(this.#held[place], this.#notes[place], request(text, rest))
    if (outcome.kind !== 'written') return
    this.#notes[place] = outcome.note
    this.#held[place] = outcome.object
    this.#sent.push(outcome.object)
  }

  #take(place: number, object: VersionedObject): void {
    const merged = join(this.#held[place]!, object)
    this.#held[place] = merged
    this.#sent.push(merged)
  }

  /** Whether all become equal, by exchanges between two at a time. */
  get becomesEqual(): boolean {
    for (let round = 0; round < 6; round++) {
      for (const [a, b] of [
        [0, 1],
        [1, 2],
        [2, 0],
      ] as const) {
        const merged = join(this.#held[a]!, this.#held[b]!)
        this.#held[a] = merged
        this.#held[b] = merged
      }
    }
    return this.#held.every((one) => haveSameSiblings(one, this.#held[0]!))
  }

  get texts(): readonly string[] {
    return textsOf(this.#held[0]!)
  }
}

t.test(`copies become equal, and the last write stands (seed ${SEED})`, async (t) => {
  const prng = Prng.of(SEED)
  const wrong: string[] = []
  for (let i = 0; i < CASES; i++) {
    const skewMs = i % 2 === 0 ? 0 : 200
    const copies = new Copies(prng, skewMs)
    for (let step = 0; step < 30; step++) copies.step()
    const isEqual = copies.becomesEqual
    const isLast = skewMs > 0 ? copies.texts.length === 1 : copies.texts[0] === copies.last
    if (copies.last !== '' && !(isEqual && isLast)) {
      wrong.push(`case ${i}: ${copies.texts.join()} where ${copies.last} was last`)
    }
  }
  t.same(wrong.slice(0, 5), [])
})
