/** Whom a node gives a bulk transfer, and of what. */
import t from 'tap'
import type { OperatingError } from '../../../../src/base/errors.ts'
import { u64 } from '../../../../src/base/u64.ts'
import type { NodeId } from '../../../../src/dynamo/names.ts'
import type { Token } from '../../../../src/native/digest.ts'
import { Counters } from '../../../../src/node/counters.ts'
import {
  TransferRequests,
  type TransferRequestsDependencies,
} from '../../../../src/node/listeners/transfer-requests.ts'
import { SimWorld } from '../../../../src/sim/index.ts'
import { TRANSFER_BYTES_MAX, TRANSFER_RECEIVERS_MAX } from '../../../../src/limits.ts'
import type { TransferQuery } from '../../../../src/store/engine.ts'
import type { PeerTransfer, PeerTransferReply } from '../../../../src/wire/message/peer.ts'
import type { IncomingCallOf, Session } from '../../../../src/wire/session.ts'
import { members } from '../../dynamo/ring/members.ts'
import { moving, MOVING_BITS, MOVING_N } from '../../dynamo/ring/moving.ts'

const ALL = members(TRANSFER_RECEIVERS_MAX + 2).map(({ id }) => id)
const [ONE] = ALL as [NodeId]
const END = { segment: 4, offset: 32 }

class Giver {
  readonly sim = new SimWorld({ seed: 1 })
  readonly stages = moving(members(3), members(4))
  readonly counters = new Counters()
  readonly reserved: number[] = []
  readonly queries: TransferQuery[] = []
  /** One for each member, until it is taken out. */
  readonly sessions = new Map<NodeId, Session>()
  differing = 0
  #requests: TransferRequests

  constructor(hasTransfers = true) {
    const { clock } = this.sim.start(1)
    const read = (query: TransferQuery): Promise<PeerTransferReply> => {
      this.queries.push(query)
      const segment = (query.from?.segment ?? 0) + 2
      const next = segment > END.segment ? undefined : { segment, offset: 32 }
      return Promise.resolve({ records: new Uint8Array(100), next, end: END, rotten: 0 })
    }
    this.#requests = new TransferRequests({
      clock,
      topology: { stages: this.stages, ring: this.stages.table.ring },
      rings: { onDiffers: () => (this.differing += 1) },
      engine: hasTransfers ? { transfers: { read } } : {},
      pacing: { answer: (_: number, answer: () => void) => answer() },
      counters: this.counters,
    } as unknown as TransferRequestsDependencies)
  }

  ask(
    change: Partial<PeerTransfer> = {},
    from: NodeId | 'a client' = ONE,
  ): Promise<PeerTransferReply | string> {
    const all = { n: MOVING_N, partitions: [1, 6], from: undefined, end: undefined, run: 1 }
    const asked = { ...all, ...change }
    const ring = this.stages.digestOf(asked.partitions.map((one) => [one, asked.n]))
    const answered = new Promise<PeerTransferReply | string>((resolve) => {
      const call = {
        request: { ring, deadlineMs: 1_000, ...asked },
        room: { reserve: (bytes: number) => void this.reserved.push(bytes) },
        answer: resolve,
        fail: ({ code }: OperatingError) => resolve(code),
      }
      const node = from === 'a client' ? undefined : from
      const session = (node && this.sessions.get(node)) ?? ({ node } as unknown as Session)
      if (node !== undefined) this.sessions.set(node, session)
      this.#requests.onCall(call as unknown as IncomingCallOf<'peerTransfer'>, session)
    })
    return this.sim.complete(answered, 1_000)
  }
}

t.test('a page is of the partitions and the N that were asked for', async (t) => {
  const giver = new Giver()
  const from = { segment: 1, offset: 64 }
  const reply = await giver.ask({ from, end: END })
  t.same(typeof reply === 'string' ? reply : reply.end, END)
  const [query] = giver.queries as [TransferQuery]
  t.same([query.from, query.end, query.bytesMax], [from, END, TRANSFER_BYTES_MAX])
  const token = (partition: number): Token => u64(partition * 2 ** (32 - MOVING_BITS), 5)
  const wanted = Array.from({ length: 16 }, (_, i) => i).filter((i) => {
    return query.isWanted(token(i), MOVING_N)
  })
  t.same(wanted, [1, 6])
  t.notOk(query.isWanted(token(1), MOVING_N - 1))
  t.same(giver.reserved, [TRANSFER_BYTES_MAX], 'it has memory before it reads')
  t.equal(giver.counters.transferGivenBytes, 100)
})

t.test('the next page is read before it is asked for, and once', async (t) => {
  const giver = new Giver()
  const reads = (): readonly (number | undefined)[] =>
    giver.queries.map(({ from }) => from?.segment)
  await giver.ask()
  t.same(reads(), [undefined, 2])
  const [next, after] = [2, 4].map((segment) => ({ segment, offset: 32 }))
  const reply = await giver.ask({ from: next, end: END })
  t.same(typeof reply === 'string' ? reply : reply.next, after)
  t.same(reads(), [undefined, 2, 4], 'the one behind it by now')
  await giver.ask({ from: after, end: END })
  t.same(reads(), [undefined, 2, 4], 'it was the last one')
  t.equal(giver.counters.transferGivenBytes, 300)
})

t.test('nothing is read ahead for a connection that has ended', async (t) => {
  const giver = new Giver()
  giver.sessions.set(ONE, { node: ONE, isEnded: true } as unknown as Session)
  await giver.ask()
  t.equal(giver.queries.length, 1)
})

t.test('what was read ahead goes to the same question of the same run alone', async (t) => {
  const from = { segment: 2, offset: 32 }
  const changes: readonly Partial<PeerTransfer>[] = [
    { run: 2 },
    { from: { segment: 2, offset: 64 } },
    { end: { segment: 9, offset: 32 } },
    { n: MOVING_N + 1 },
    { partitions: [1] },
  ]
  for (const change of changes) {
    const giver = new Giver()
    await giver.ask()
    await giver.ask({ from, end: END, ...change })
    const [first, ahead, again] = giver.queries
    t.same([first?.from, ahead?.from], [undefined, from])
    t.same(again?.from, change.from ?? from, JSON.stringify(change))
  }
  const giver = new Giver()
  await giver.ask()
  giver.sessions.clear()
  await giver.ask({ from, end: END })
  t.same(giver.queries[2]?.from, from, 'by another connection')
})

t.test('so many pages are read ahead at most, and none is given late', async (t) => {
  const late = new Giver()
  await late.ask()
  await late.sim.run(6_000)
  await late.ask({ from: { segment: 2, offset: 32 }, end: END })
  t.same(late.queries[2]?.from?.segment, 2, 'it is read once more')
  const giver = new Giver()
  for (let run = 1; run <= 2 * TRANSFER_RECEIVERS_MAX; run++) await giver.ask({ run })
  t.equal(giver.queries.length, 3 * TRANSFER_RECEIVERS_MAX)
  await giver.sim.run(6_000)
  await giver.ask({ run: 100 })
  t.equal(giver.queries.length, 3 * TRANSFER_RECEIVERS_MAX + 2)
})

t.test('one that knows other owners gets nothing', async (t) => {
  const giver = new Giver()
  t.equal(await giver.ask({ ring: u64(1, 2) }), 'ring-differs')
  t.equal(await giver.ask({ partitions: [16] }), 'ring-differs', 'of a larger ring')
  t.equal(giver.differing, 2)
  t.same(giver.queries, [])
})

t.test('so many members take transfers at once; another one has its turn later', async (t) => {
  const giver = new Giver()
  for (const node of ALL.slice(0, TRANSFER_RECEIVERS_MAX)) {
    t.not(await giver.ask({}, node), 'overloaded')
  }
  const late = ALL.at(-1)
  t.equal(await giver.ask({}, late), 'overloaded')
  t.not(await giver.ask({}, ONE), 'overloaded', 'one that takes one already')
  await giver.sim.run(6_000)
  t.not(await giver.ask({}, late), 'overloaded')
})

t.test('an engine without transfers gives none, and clients get none', async (t) => {
  const giver = new Giver(false)
  const reply = await giver.ask()
  t.same(typeof reply === 'string' ? reply : [reply.records.length, reply.next], [0, undefined])
  t.equal(await new Giver().ask({}, 'a client'), 'kind-unknown')
})
