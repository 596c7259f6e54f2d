/** Memory that connections share: bounds, turns, what waits, and what ends. */
import t from 'tap'
import { BytePool, type PoolShare } from '../../../src/wire/byte-pool.ts'

/** Records who got bytes, in order. */
class Turns {
  readonly got: string[] = []
  ask(name: string, share: PoolShare, bytes: number): () => void {
    return share.whenTaken(
      bytes,
      () => this.got.push(name),
      () => this.got.push(`${name} closed`),
    )
  }
}

t.test('a share and a pool keep their bounds', async (t) => {
  const pool = new BytePool(100)
  const [a, b, c] = [pool.share(60), pool.share(60), pool.share(60)] as const
  t.equal(a.take(60), true)
  t.equal(a.take(1), false, 'the share is full')
  t.same(a.limitFor(1), { name: 'window-bytes', value: 60 })
  t.equal(b.take(41), false, 'the pool is full')
  t.equal(b.limitFor(41), undefined)
  t.equal(b.take(40), true)
  t.equal(c.take(1), false)
  a.giveBack(10)
  t.equal(c.take(10), true)
  t.same([pool.taken, a.taken, b.taken, c.taken], [100, 50, 40, 10])
})

t.test('shares that wait take turns, and each waits in order', async (t) => {
  const pool = new BytePool(10)
  const [a, b, c] = [pool.share(10), pool.share(10), pool.share(10)] as const
  const turns = new Turns()
  a.take(10)
  for (const name of ['a1', 'a2', 'a3']) turns.ask(name, a, 10)
  for (const name of ['b1', 'b2']) turns.ask(name, b, 10)
  turns.ask('c1', c, 5)
  t.same(turns.got, [])
  t.equal(pool.isShort, true)
  a.giveBack(10)
  for (let i = 0; i < 6; i++) for (const share of [a, b, c]) share.giveBack(share.taken)
  t.same(turns.got, ['b1', 'c1', 'a1', 'b2', 'a2', 'a3'])
  t.same([pool.taken, pool.isShort], [0, false])
})

t.test('a newcomer does not overtake what waits, though it would fit', async (t) => {
  const pool = new BytePool(10)
  const [a, b, c] = [pool.share(10), pool.share(10), pool.share(10)] as const
  const turns = new Turns()
  a.take(6)
  turns.ask('b', b, 8)
  t.equal(c.take(1), false)
  t.equal(b.take(1), false)
  a.giveBack(6)
  t.same(turns.got, ['b'])
  t.equal(c.take(1), true)
})

t.test('what waits for its own share does not hold up the others', async (t) => {
  const pool = new BytePool(100)
  const [a, b] = [pool.share(10), pool.share(100)] as const
  const turns = new Turns()
  a.take(10)
  turns.ask('a', a, 5)
  t.equal(pool.isShort, false)
  t.equal(b.take(80), true)
  a.giveBack(5)
  t.same(turns.got, ['a'])
})

t.test('what is larger than a bound is let through alone', async (t) => {
  const pool = new BytePool(100)
  const [a, b] = [pool.share(50), pool.share(50)] as const
  const turns = new Turns()
  t.equal(a.take(70), true, 'nothing else is there')
  a.giveBack(70)
  b.take(20)
  a.take(20)
  turns.ask('large', a, 300)
  a.giveBack(20)
  t.same(turns.got, [], 'b has some')
  b.giveBack(20)
  t.same(turns.got, ['large'])
  t.equal(b.take(1), false)
})

t.test('what is cancelled, or closed, waits no more', async (t) => {
  const pool = new BytePool(10)
  const [a, b] = [pool.share(10), pool.share(10)] as const
  const turns = new Turns()
  a.take(10)
  const cancel = turns.ask('b1', b, 10)
  turns.ask('b2', b, 3)
  turns.ask('a1', a, 1)
  cancel()
  a.close()
  t.same(turns.got, ['b2', 'a1 closed'], 'and what the closed share had is there for others')
  t.same([pool.taken, b.taken], [3, 3])
  turns.ask('a2', a, 1)
  t.equal(a.take(1), false)
  a.giveBack(10)
  t.same([turns.got.at(-1), pool.taken], ['a2 closed', 3])
})

t.test('what is taken anyway is counted', async (t) => {
  const pool = new BytePool(10)
  const [a, b] = [pool.share(10), pool.share(10)] as const
  a.take(10)
  a.takeAnyway(20)
  t.same([pool.taken, a.taken], [30, 30])
  a.giveBack(25)
  t.equal(b.take(5), true)
})

t.test('a share that ends takes nothing of what it gives back', async (t) => {
  const pool = new BytePool(10)
  const [a, b] = [pool.share(10), pool.share(10)] as const
  const turns = new Turns()
  a.take(6)
  b.take(4)
  turns.ask('b', b, 4)
  b.close()
  t.same(turns.got, ['b closed'])
  t.same([pool.taken, pool.isShort], [6, false])
  a.giveBack(6)
  t.equal(pool.taken, 0)
})

t.test('a share is wanted by others only', async (t) => {
  const pool = new BytePool(10)
  const [a, b] = [pool.share(10), pool.share(10)] as const
  a.take(6)
  b.take(4)
  b.whenTaken(4, () => undefined)
  t.same([a.isWanted, b.isWanted], [true, false])
  a.whenTaken(1, () => undefined)
  t.same([a.isWanted, b.isWanted], [true, true])
})
