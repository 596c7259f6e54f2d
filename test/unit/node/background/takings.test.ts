/** What an owner tells a donor that it has taken. */
import t from 'tap'
import { u64 } from '../../../../src/base/u64.ts'
import { type TakeFrom, Takings } from '../../../../src/node/background/takings.ts'
import type { AttemptId, PeerMove } from '../../../../src/wire/message/peer.ts'
import { MoveStep } from '../../../../src/wire/message/peer.ts'
import { NODE_A, NODE_B } from '../../dynamo/version/samples.ts'

const attempt = (number: number): AttemptId => u64(0, number)

function asked(change: Partial<PeerMove> = {}): PeerMove {
  const scope = { ring: u64<PeerMove['ring']>(0, 0), n: 3, partitions: [1, 2] }
  return { ...scope, step: MoveStep.take, attempt: attempt(1), deadlineMs: 1_000, ...change }
}

/** Takings whose exchanges end when told. */
class Bench {
  readonly takings: Takings
  readonly begun: Parameters<TakeFrom>[] = []
  #end: (isComplete: boolean) => void = () => undefined

  constructor() {
    this.takings = new Takings((...terms) => {
      this.begun.push(terms)
      return new Promise((resolve) => {
        this.#end = resolve
      })
    })
  }

  async end(isComplete: boolean): Promise<void> {
    this.#end(isComplete)
    await new Promise((resolve) => {
      setImmediate(resolve)
    })
  }
}

t.test('a donor hears so once an exchange that began since is complete', async (t) => {
  const bench = new Bench()
  const { takings, begun } = bench
  t.notOk(takings.ask(NODE_A, asked()))
  t.notOk(takings.ask(NODE_A, asked()), 'it goes on')
  t.strictSame(begun, [[NODE_A, { n: 3, partitions: [1, 2] }]])
  await bench.end(true)
  t.ok(takings.ask(NODE_A, asked()))
  t.equal(begun.length, 1)
})

t.test('an exchange that was not complete is made again', async (t) => {
  const bench = new Bench()
  const { takings, begun } = bench
  takings.ask(NODE_A, asked())
  await bench.end(false)
  t.notOk(takings.ask(NODE_A, asked()))
  t.equal(begun.length, 2)
})

t.test('an exchange from before another attempt says nothing of that', async (t) => {
  const bench = new Bench()
  const { takings, begun } = bench
  takings.ask(NODE_A, asked())
  t.notOk(takings.ask(NODE_A, asked({ attempt: attempt(2) })), 'one exchange at a time')
  t.equal(begun.length, 1)
  await bench.end(true)
  t.notOk(takings.ask(NODE_A, asked({ attempt: attempt(2) })))
  t.equal(begun.length, 2)
  await bench.end(true)
  t.ok(takings.ask(NODE_A, asked({ attempt: attempt(2) })))
})

t.test('nor does it of other partitions, another N or another donor', async (t) => {
  for (const change of [{ partitions: [1] }, { n: 2 }]) {
    const bench = new Bench()
    const { takings } = bench
    takings.ask(NODE_A, asked())
    await bench.end(true)
    t.notOk(takings.ask(NODE_A, asked(change)))
  }
  const bench = new Bench()
  const { takings } = bench
  takings.ask(NODE_A, asked())
  await bench.end(true)
  t.notOk(takings.ask(NODE_B, asked()))
})
