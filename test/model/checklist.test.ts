/**
 * Behaviours of causality and of clocks that go backwards (docs/behaviours.md), as far as one
 * key's versions can show them: each a history by hand that once went wrong in another store.
 */
import t from 'tap'
import { nodeId, type NodeId, type Start, startId, Policy } from '../../src/dynamo/names.ts'
import { Context } from '../../src/dynamo/version/context.ts'
import { merge } from '../../src/dynamo/version/merge.ts'
import type { Note } from '../../src/dynamo/version/note.ts'
import { type VersionedObject } from '../../src/dynamo/version/object.ts'
import { put, type Written } from '../../src/dynamo/version/put.ts'
import { equalObjects } from '../support/versions.ts'

/** One node's copy of the key; `restart` is a new process, `drop` forgets the copy. */
class Replica {
  readonly #node: NodeId
  #starts = 0
  #counter = 0
  object: VersionedObject | undefined
  #note: Note | undefined
  /** Of all dots that this node gave, in order: the counter, with its start. */
  readonly given: { start: Start; counter: number }[] = []

  constructor(node: string) {
    this.#node = nodeId(node.padEnd(16, '0'))
  }

  get start(): Start {
    return startId(`${this.#starts}`.padStart(16, '5'))
  }

  put(text: string, seen: Context = Context.empty, requestId: string = text): Written {
    this.#counter += 1
    const outcome = put(this.object, this.#note, {
      policy: Policy.siblings,
      node: this.#node,
      start: this.start,
      counter: this.#counter,
      requestId: requestId.padEnd(16, '.'),
      isRepeat: false,
      time: 0,
      value: text === '†' ? undefined : new TextEncoder().encode(text),
      seen,
    })
    if (outcome.kind !== 'written') throw new Error(`the put was ${outcome.kind}`)
    this.object = outcome.object
    this.#note = outcome.note
    this.given.push({ start: this.start, counter: this.#counter })
    return outcome
  }

  receive(object: VersionedObject | undefined): this {
    if (object === undefined) return this
    this.object = this.object === undefined ? object : merge(this.object, object)
    return this
  }

  get(): Context {
    return this.object?.context ?? Context.empty
  }

  drop(): this {
    this.object = undefined
    this.#note = undefined
    return this
  }

  restart(): this {
    this.#starts += 1
    this.#counter = 0
    return this
  }

  get texts(): string[] {
    return textsOf(this.object)
  }
}

const textsOf = (object: VersionedObject | undefined): string[] =>
  (object?.siblings ?? [])
    .map(({ value }) => (value === undefined ? '†' : new TextDecoder().decode(value)))
    .sort()

/** Merges every copy with every other. */
function converge(...replicas: Replica[]): string[] {
  const all = replicas.map(({ object }) => object).filter((object) => object !== undefined)
  const merged = all.reduce(merge)
  for (const replica of replicas) replica.receive(merged)
  return textsOf(merged)
}

t.test(
  'D1, D2: two clients interleave a hundred rounds and leave at most two siblings',
  async (t) => {
    const replicas = [new Replica('a'), new Replica('b')]
    const [x, y] = [new Set<string>(), new Set<string>()]
    const seen = [Context.empty, Context.empty]
    let most = 0
    for (let round = 0; round < 100; round++) {
      const client = round % 2
      const replica = replicas[Math.floor(round / 2) % 2] as Replica
      const cart = client === 0 ? x : y
      cart.add(`${round}`)
      replica.put([...cart].join(), seen[client], `round ${round}`)
      // The client reads its answer, and adds what it is shown to its own cart.
      for (const text of replica.texts) for (const item of text.split(',')) cart.add(item)
      seen[client] = replica.get()
      ;(replicas[0] as Replica).receive(replicas[1]?.object)
      ;(replicas[1] as Replica).receive(replicas[0]?.object)
      most = Math.max(most, (replicas[0] as Replica).texts.length)
    }
    t.ok(most <= 2, `${most} siblings`)
    const union = new Set(replicas.flatMap(({ texts }) => texts).flatMap((text) => text.split(',')))
    t.equal(union.size, 100)
  },
)

t.test('D5: a chain of puts leaves one sibling, whichever node coordinates', async (t) => {
  const replicas = ['a', 'b', 'c', 'f'].map((node) => new Replica(node))
  let seen = Context.empty
  for (let i = 0; i < 200; i++) {
    const replica = replicas[(i * 7) % 4] as Replica
    if (i % 31 === 0) replica.restart()
    if (i % 37 === 0) replica.drop()
    seen = replica.put(`${i}`, seen).object.context
  }
  t.same(converge(...replicas), ['199'])
})

t.test('D6: K clients that put with one context leave K siblings', async (t) => {
  const a = new Replica('a')
  const b = new Replica('b')
  const seen = a.put('first').object.context
  b.receive(a.object)
  const clients = Array.from({ length: 20 }, (_, i) => `client ${i}`)
  for (const [i, client] of clients.entries()) (i % 2 ? a : b).put(client, seen)
  t.same(converge(a, b), [...clients].sort())
})

t.test('D7: a blind put never overwrites', async (t) => {
  const a = new Replica('a')
  a.put('x')
  a.put('y')
  t.same(a.texts, ['x', 'y'])
})

t.test(
  'D9: every coordinator returns the same siblings, in whatever order they arrived',
  async (t) => {
    const [a, b, c] = [new Replica('a'), new Replica('b'), new Replica('c')]
    a.put('x')
    b.put('y')
    c.put('z')
    const parts = [a.object, b.object, c.object] as VersionedObject[]
    const [x, y, z] = parts as [VersionedObject, VersionedObject, VersionedObject]
    const forwards = merge(merge(x, y), z)
    t.ok(equalObjects(forwards, merge(z, merge(y, x))))
    t.same(textsOf(forwards), ['x', 'y', 'z'])
  },
)

t.test('K1: a put by a coordinator that lost its copy survives', async (t) => {
  for (const lose of [(r: Replica) => r.drop(), (r: Replica) => r.drop().restart()]) {
    const [a, b] = [new Replica('a'), new Replica('b')]
    for (let i = 0; i < 5; i++) b.receive(a.put(`${i}`, a.get()).object)
    lose(a)
    a.put('new')
    t.same(converge(a, b), ['4', 'new'])
  }
})

t.test('K1: a tail torn after a remote acknowledgement loses nothing', async (t) => {
  const [a, b] = [new Replica('a'), new Replica('b')]
  a.put('kept')
  const disk = a.object
  b.receive(a.put('acknowledged elsewhere', a.get()).object)
  a.object = disk
  a.restart()
  a.put('after the crash', a.get())
  t.same(converge(a, b), ['acknowledged elsewhere', 'after the crash'])
})

t.test('K2: a fallback that wrote, handed off and forgot may write again', async (t) => {
  const [f, a] = [new Replica('f'), new Replica('a')]
  const stale = f.put('one').object.context
  a.receive(f.put('two').object)
  f.drop()
  // It hears of its own first dot again, from a client, and writes once more.
  f.put('three', stale)
  t.same(converge(f, a), ['three', 'two'])
})

t.test('K2: a fallback with hints for two owners writes through both', async (t) => {
  const f = new Replica('f')
  const one = f.put('one')
  const forA = f.object as VersionedObject
  f.drop()
  f.put('two')
  const forB = f.object as VersionedObject
  // The hint for the first owner goes on from its own line, past the counter of the second's dot.
  const outcome = put(forA, one.note, {
    policy: Policy.siblings,
    node: nodeId('f'.padEnd(16, '0')),
    start: f.start,
    counter: 9,
    requestId: 'three'.padEnd(16, '.'),
    isRepeat: false,
    time: 0,
    value: new TextEncoder().encode('three'),
    seen: one.object.context,
  })
  if (outcome.kind !== 'written') throw new Error(outcome.kind)
  t.equal(outcome.object.context.count, 1)
  t.same(textsOf(merge(outcome.object, forB)), ['three', 'two'])
})

t.test(
  'K3: a write after a reaped tombstone survives the tombstone that stayed behind',
  async (t) => {
    const [a, b] = [new Replica('a'), new Replica('b')]
    a.put('x')
    a.put('†', a.get())
    b.receive(a.object)
    // Reaped here; the other was away.
    a.drop()
    a.put('new')
    t.same(converge(a, b), ['new', '†'])
  },
)

t.test('K6: the dots of one start only ever grow, and no dot is given twice', async (t) => {
  const a = new Replica('a')
  for (let i = 0; i < 100; i++) {
    if (i % 7 === 0) a.restart()
    if (i % 5 === 0) a.drop()
    a.put(`${i}`, i % 3 === 0 ? a.get() : Context.empty)
  }
  const names = a.given.map(({ start, counter }) => `${start}:${counter}`)
  t.equal(new Set(names).size, 100)
  const isGrowing = a.given.every(
    ({ start, counter }, i) =>
      i === 0 || a.given[i - 1]?.start !== start || (a.given[i - 1]?.counter ?? 0) < counter,
  )
  t.ok(isGrowing)
})

t.test(
  'Q6: one request through three coordinators is one sibling, and one put replaces it',
  async (t) => {
    const replicas = ['a', 'b', 'c'].map((node) => new Replica(node))
    for (const replica of replicas) replica.put('x', Context.empty, 'one request')
    t.same(converge(...replicas), ['x'])
    const [a] = replicas as [Replica]
    a.put('y', a.get())
    t.same(converge(...replicas), ['y'])
  },
)
