/** What a receiver asks for in a bulk transfer, what it keeps, and when it stops. */
import t from 'tap'
import { OperatingError } from '../../../../src/base/errors.ts'
import type { LogPoint } from '../../../../src/dynamo/handoff/log-point.ts'
import { nodeId } from '../../../../src/dynamo/names.ts'
import { NO_ROUND } from '../../../../src/dynamo/repair/round.ts'
import { Transfer, type TransferDependencies } from '../../../../src/node/background/transfer.ts'
import type { TransferRequest } from '../../../../src/node/cluster/peer-calls.ts'
import { Counters } from '../../../../src/node/counters.ts'
import type { Asked, Slice } from '../../../../src/node/replica/moved-copies.ts'
import { SimWorld } from '../../../../src/sim/index.ts'
import type { KeptTransfer } from '../../../../src/store/transfers.ts'
import { u64 } from '../../../../src/base/u64.ts'
import type { PeerTransferReply } from '../../../../src/wire/message/peer.ts'

const GIVER = nodeId('b'.repeat(16))
const N = 3
const PAGES = 4
const END: LogPoint = { segment: 9, offset: 32 }
const RECORDS = 300

const pointOf = (page: number): LogPoint => ({ segment: page, offset: 0 })

class Bench {
  readonly sim = new SimWorld({ seed: 1 })
  readonly transfer: Transfer
  readonly asked: TransferRequest[] = []
  readonly taken: number[] = []
  readonly ended: OperatingError[] = []
  /** Notes of what is kept, each time. */
  readonly kept: KeptTransfer[] = []
  mayGo = true
  isWhole = true
  isSound = true
  /** Until then nothing is durable. */
  isDurable = true
  syncs: (() => void)[] = []
  onAsk: (request: TransferRequest) => OperatingError | undefined = () => undefined
  take: (slice: Slice, asked: Asked) => Promise<'message-garbled' | undefined> = () =>
    Promise.resolve(undefined)
  rests = 0
  awaited = 0
  runs = 0

  constructor(kept?: KeptTransfer) {
    const { clock, trace } = this.sim.start(1)
    const replica = {
      objectsAwaited: 0,
      lastSequence: 0,
      whenSynced: (_: number, done: (error: undefined) => void) => {
        if (this.isDurable) done(undefined)
        else this.syncs.push(() => done(undefined))
      },
    }
    const work = {
      rest: () => {
        this.rests += 1
        return Promise.resolve()
      },
      pause: () => undefined,
      resume: () => undefined,
    }
    const node = {
      ...{ clock, trace, replica, counters: new Counters(), floors: { adopted: NO_ROUND } },
      topology: {
        ring: { bits: 4 },
        stages: { digest: u64(0, 0), digestOf: () => u64(0, 0) },
      },
      peers: {
        rounds: (
          _: unknown,
          __: unknown,
          ___: unknown,
          ____: unknown,
          deliver: (a: unknown) => void,
        ) => deliver({ isWhole: this.isWhole }),
        transfer: (
          _: unknown,
          request: TransferRequest,
          __: unknown,
          deliver: (answer: PeerTransferReply | OperatingError) => void,
        ) => {
          this.asked.push(request)
          this.awaited = replica.objectsAwaited
          deliver(this.onAsk(request) ?? this.#page(request))
        },
        end: (_: unknown, reason: OperatingError) => this.ended.push(reason),
      },
      pacing: { work: () => work },
      transfers: { open: () => (this.isSound ? { count: RECORDS } : undefined) },
      copies: {
        take: async (slice: Slice, asked: Asked) => {
          const failure = await this.take(slice, asked)
          if (failure === undefined) this.taken.push(slice.end - slice.first)
          return failure
        },
      },
      mayGo: () => this.mayGo,
      onProgress: () => this.kept.push(this.transfer.kept),
      nextRun: () => ++this.runs,
    } as unknown as TransferDependencies
    this.transfer = new Transfer(node, GIVER, N, kept)
  }

  #page({ from }: TransferRequest): PeerTransferReply {
    const page = from?.segment ?? 0
    const next = page + 1 < PAGES ? pointOf(page + 1) : undefined
    return { records: new Uint8Array(8), next, end: END, rotten: 0 }
  }

  run(): Promise<void> {
    return this.sim.complete(this.transfer.run(), 60_000)
  }
}

t.test('what it asks for after it has stopped is of another run', async (t) => {
  const bench = new Bench()
  bench.transfer.want([1])
  bench.onAsk = ({ from }) => {
    return from?.segment === 1 ? new OperatingError('peer-away', 'away') : undefined
  }
  await bench.run()
  bench.onAsk = () => undefined
  await bench.run()
  t.same(new Set(bench.asked.map(({ run }) => run)), new Set([1, 2]))
  const stopped = bench.asked.findLastIndex(({ run }) => run === 1)
  t.equal(bench.asked[stopped]?.from?.segment, 1)
  t.ok(bench.asked.slice(stopped + 1).every(({ run }) => run === 2))
})

t.test('it asks page by page, to the end that the first one has told', async (t) => {
  const bench = new Bench()
  bench.transfer.want([1, 5])
  t.notOk(bench.transfer.has(1))
  await bench.run()
  t.same(
    bench.asked.map(({ from }) => from?.segment),
    [undefined, 1, 2, 3],
  )
  t.same(
    bench.asked.map(({ end }) => end),
    [undefined, END, END, END],
  )
  t.ok(bench.asked.every(({ partitions }) => partitions.join() === '1,5'))
  t.equal(
    bench.taken.reduce((sum, count) => sum + count, 0),
    PAGES * RECORDS,
  )
  t.ok(
    bench.taken.every((count) => count <= 128),
    'requests have their turns',
  )
  t.equal(bench.rests, PAGES - 1)
  t.equal(bench.awaited, 1, 'contexts stay as they are meanwhile')
  t.ok(bench.transfer.has(1) && bench.transfer.has(5) && !bench.transfer.has(2))
  t.notOk(bench.transfer.isWanted)
})

t.test('progress is kept once it is durable', async (t) => {
  const bench = new Bench()
  bench.isDurable = false
  bench.transfer.want([1])
  const running = bench.transfer.run()
  await bench.sim.run(1_000)
  t.same(bench.kept, [])
  t.equal(bench.taken.length, 2 * Math.ceil(RECORDS / 128), 'so many pages wait for the disk')
  bench.syncs.shift()?.()
  await bench.sim.run(1_000)
  t.same(bench.kept.at(-1)?.pass, { partitions: [1], next: pointOf(1), end: END })
  bench.isDurable = true
  for (const sync of bench.syncs.splice(0)) sync()
  await bench.sim.complete(running, 60_000)
  t.same(bench.kept.at(-1), { from: GIVER, n: N, bits: 4, done: [1], pass: undefined })
})

t.test('a restart goes on where it was, and so does one that had failed', async (t) => {
  const pass = { partitions: [1, 2], next: pointOf(2), end: END }
  const bench = new Bench({ from: GIVER, n: N, bits: 4, done: [7], pass })
  bench.transfer.want([1, 2, 7])
  t.ok(bench.transfer.has(7))
  const away = new OperatingError('peer-away', 'the test says so')
  bench.onAsk = ({ from }) => (from?.segment === 3 ? away : undefined)
  await bench.run()
  t.equal(bench.transfer.failure, 'peer-away')
  t.ok(bench.transfer.isWanted)
  bench.onAsk = () => undefined
  await bench.run()
  t.same(
    bench.asked.map(({ from }) => from?.segment),
    [2, 3, 3],
  )
  t.ok(bench.transfer.has(1) && bench.transfer.has(2))
})

t.test('why it stopped last is told until it goes on', async (t) => {
  const bench = new Bench()
  const away = new OperatingError('peer-away', 'the test says so')
  bench.onAsk = ({ from }) => (from?.segment === 1 ? away : undefined)
  bench.transfer.want([1])
  await bench.run()
  const told: (string | undefined)[] = []
  bench.onAsk = () => {
    told.push(bench.transfer.failure)
    return undefined
  }
  await bench.run()
  t.same(told, ['peer-away', 'peer-away', undefined])
})

t.test(
  'partitions that have moved are not asked for, and new ones have a pass of their own',
  async (t) => {
    const bench = new Bench()
    bench.transfer.want([1, 2])
    bench.onAsk = ({ from }) => {
      if (from?.segment === 2) bench.transfer.want([2, 3])
      return undefined
    }
    await bench.run()
    t.same(
      bench.asked.map(({ partitions, from }) => `${from?.segment ?? 0}: ${partitions.join()}`),
      ['0: 1,2', '1: 1,2', '2: 1,2', '3: 2', '0: 3', '1: 3', '2: 3', '3: 3'],
    )
    t.ok(bench.transfer.has(2) && bench.transfer.has(3) && !bench.transfer.has(1))
  },
)

t.test('a page for what has moved since is not garbled, and is not taken', async (t) => {
  const bench = new Bench()
  const token = (partition: number): Parameters<Asked['isAsked']>[0] => u64(partition << 28, 0)
  bench.transfer.want([1, 2])
  const seen: string[] = []
  bench.take = (_, { isAsked, isWanted }) => {
    bench.transfer.want([2])
    seen.push(`${isAsked(token(1))} ${isWanted(token(1))} ${isAsked(token(3))}`)
    return Promise.resolve(undefined)
  }
  await bench.run()
  t.equal(seen[0], 'true false false')
})

t.test('partitions of another number are asked for anew', async (t) => {
  const pass = { partitions: [1], next: pointOf(2), end: END }
  const bench = new Bench({ from: GIVER, n: N, bits: 3, done: [2], pass })
  bench.transfer.want([1, 2])
  t.notOk(bench.transfer.has(2))
  await bench.run()
  t.same(bench.asked[0], { n: N, partitions: [1, 2], from: undefined, end: undefined, run: 1 })
})

t.test('it stops where it may not go on, and takes nothing more', async (t) => {
  const bench = new Bench()
  bench.transfer.want([1])
  bench.take = () => {
    bench.mayGo = false
    return Promise.resolve(undefined)
  }
  await bench.run()
  t.equal(bench.taken.length, 1)
  t.ok(bench.transfer.isWanted)
  t.equal(bench.transfer.failure, undefined, 'nothing hinders it but its own node')
  bench.mayGo = true
  bench.take = () => Promise.resolve(undefined)
  bench.asked.length = 0
  await bench.run()
  t.equal(bench.asked[0]?.from, undefined, 'the page of which it took a part comes again')
  t.ok(bench.transfer.has(1))
})

t.test('a garbled page ends the connection, and exchanges bring the rest', async (t) => {
  for (const isSound of [false, true]) {
    const bench = new Bench()
    bench.isSound = isSound
    if (isSound) bench.take = () => Promise.resolve('message-garbled')
    bench.transfer.want([1])
    await bench.run()
    t.equal(bench.ended.length, 1)
    t.equal(bench.ended[0]?.code, 'message-garbled')
    t.ok(bench.transfer.has(1), 'a move does not wait for it')
    t.notOk(bench.transfer.isWanted)
  }
})

t.test('a member that is not whole gives by exchanges alone', async (t) => {
  const bench = new Bench()
  bench.isWhole = false
  bench.transfer.want([1])
  await bench.run()
  t.same(bench.asked, [])
  t.ok(bench.transfer.has(1))
})
