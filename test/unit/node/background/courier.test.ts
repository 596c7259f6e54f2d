/** Tests of the courier: bytes in flight to a member, pace, receivers, and removal of hints. */
import t from 'tap'
import { equalBytes } from '../../../../src/base/bytes.ts'
import { isFailure, perform } from '../../../../src/base/deliver.ts'
import { type ErrorCode, OperatingError } from '../../../../src/base/errors.ts'
import { Prng } from '../../../../src/base/prng.ts'
import {
  BATCH_MIN,
  REST_SHARE_MAX,
  REST_SHARE_MIN,
} from '../../../../src/dynamo/handoff/delivery-pace.ts'
import { type CopyId, keyName, nodeId, type NodeId, OWN } from '../../../../src/dynamo/names.ts'
import { decodeObject } from '../../../../src/dynamo/version/object-bytes.ts'
import { Context } from '../../../../src/dynamo/version/context.ts'
import { DELIVERY_BYTES_MAX } from '../../../../src/limits.ts'
import { Pacing } from '../../../../src/node/background/pacing.ts'
import { Courier } from '../../../../src/node/background/courier.ts'
import type { PeerCalls } from '../../../../src/node/cluster/peer-calls.ts'
import { Topology } from '../../../../src/node/cluster/topology.ts'
import { Counters } from '../../../../src/node/counters.ts'
import { Hints } from '../../../../src/node/replica/hints.ts'
import { HintsHome } from '../../../../src/node/replica/hints-home.ts'
import { Replica } from '../../../../src/node/replica/replica.ts'
import { Cluster } from '../../../../src/sim/cluster/cluster.ts'
import { SimWorld } from '../../../../src/sim/index.ts'
import type { PeerHint } from '../../../../src/wire/message/peer.ts'
import { copyOf } from '../../../../src/store/conformance/subject.ts'
import { MemoryEngine } from '../../../../src/store/memory/memory.ts'
import { replicaParts } from '../../../support/replica-parts.ts'
import { ALWAYS_OPEN } from '../../../support/open-replica.ts'

/** How long a member takes to answer. */
const ANSWER_MS = 20
const REQUESTS_EVERY_MS = 10
const SYNC_MS = 30
const LATENCY_TARGET_MS = 20

/** Delivers hints with values of these lengths; the most bytes, and hints, that were in flight. */
async function flightOf(
  lengths: readonly number[],
  {
    isDurable = true,
    writtenAgain,
    requestMs,
    refusedAs,
    mayDeliver = true,
    isLost = false,
    place,
  }: {
    readonly mayDeliver?: boolean
    /** The connection is lost before any answer. */
    readonly isLost?: boolean
    /** The member that the hints are for; another owner if undefined. */
    readonly place?: NodeId
    /** The first hint takes another write while its page is read, or made durable. */
    readonly writtenAgain?: 'reading' | 'syncing'
    /** The member refuses the first hint that it is sent, each time, with this code. */
    readonly refusedAs?: ErrorCode
    readonly isDurable?: boolean
    /** How long requests of clients take; undefined: none come. */
    readonly requestMs?: number
  } = {},
) {
  const sim = new SimWorld({ seed: 1 })
  const world = sim.start(1)
  const { clock, trace, entropy } = world
  const topology = new Topology(new Cluster(new SimWorld({ seed: 1 }), { nodes: 3 }).configOf(1))
  const node = topology.self.id
  const member = topology.ring.members.find(({ id }) => id !== node)?.id as NodeId
  const engine = new MemoryEngine()
  const [hints, counters] = [new Hints(engine, clock, 1 << 30), new Counters()]
  const common = { engine, node, digestKey: new Uint8Array(16), clock, entropy, trace, counters }
  const parts = replicaParts(engine, clock, new Uint8Array(16))
  const mend = (): Promise<boolean> => Promise.resolve(false)
  const replica = new Replica({
    ...common,
    ...ALWAYS_OPEN,
    isWhole: () => true,
    hints,
    ...parts,
    mend,
  })
  const hinted = lengths.map((_, i) => copyOf(keyName('b', `k${i}`), { place: place ?? member }))
  const write = (copy: CopyId, requestId: string, length: number) => {
    const value = Prng.of(length).fill(new Uint8Array(length))
    const request = { requestId: requestId.padStart(16), isRepeat: false, value }
    return replica.write(copy, { ...request, seen: Context.empty }, Number.POSITIVE_INFINITY)
  }
  for (const [i, length] of lengths.entries()) await write(hinted[i] as CopyId, `${i}`, length)
  if (!isDurable) {
    const failure = new OperatingError('disk-failed', 'this disk takes nothing')
    engine.synced = () => Promise.reject(failure)
  }
  let durable = 0
  const again = { sequence: 0, wasSent: false, wasSentUnsynced: false }
  const writeAgain = (): void =>
    perform(
      () => write(hinted[0] as CopyId, 'again', 10),
      (written) => {
        if (!isFailure(written)) again.sequence = written.sequence
      },
    )
  if (writtenAgain !== undefined) {
    const scan = engine.scan.bind(engine)
    engine.scan = async (query) => {
      engine.scan = scan
      const page = await scan(query)
      if (writtenAgain === 'reading') writeAgain()
      else clock.after(SYNC_MS / 2, writeAgain)
      return page
    }
    engine.synced = async (sequence) => {
      await new Promise<void>((resolve) => void clock.after(SYNC_MS, resolve))
      durable = Math.max(durable, sequence)
    }
  }
  let first: Uint8Array | undefined
  const most = { bytes: 0, hints: 0 }
  const inFlight = { bytes: 0, hints: 0 }
  const sentTo = new Set<NodeId>()
  const flight = { began: Number.POSITIVE_INFINITY, ended: 0, messages: 0 }
  const refusalOf = ({ name, object }: PeerHint): ErrorCode | undefined => {
    const isAgain = (decodeObject(object)?.siblings.length ?? 0) > 1
    again.wasSent ||= isAgain
    again.wasSentUnsynced ||= isAgain && again.sequence > durable
    first ??= name.key
    return equalBytes(first, name.key) ? refusedAs : undefined
  }
  const bringHome: PeerCalls['bringHome'] = (node, brought, _terms, deliver) => {
    sentTo.add(node)
    const refusals = brought.map(refusalOf)
    flight.began = Math.min(flight.began, clock.now())
    flight.messages += 1
    const bytes = brought.reduce((sum, { object }) => sum + object.length, 0)
    inFlight.bytes += bytes
    inFlight.hints += brought.length
    most.bytes = Math.max(most.bytes, inFlight.bytes)
    most.hints = Math.max(most.hints, inFlight.hints)
    clock.after(ANSWER_MS, () => {
      flight.ended = clock.now()
      inFlight.bytes -= bytes
      inFlight.hints -= brought.length
      deliver(isLost ? new OperatingError('connection-lost', 'no answer') : refusals)
    })
  }
  const peers = { isConnected: () => true, bringHome } as unknown as PeerCalls
  const hintsHome = new HintsHome(replica, clock)
  const { foreground } = counters
  const pacing = new Pacing({ clock, foreground, latencyTargetMs: LATENCY_TARGET_MS })
  const courier = new Courier({
    ...{ clock, trace, topology, peers, replica, hints, hintsHome, counters, pacing },
    mayDeliver: () => mayDeliver,
  })
  const request = (): void => {
    if (requestMs === undefined) return
    foreground.onBegun()
    foreground.onEnded(requestMs)
    clock.after(REQUESTS_EVERY_MS, request)
  }
  request()
  pacing.begin()
  courier.begin()
  await sim.run(60_000)
  courier.stop()
  const own = hinted.map((copy) => engine.get({ ...copy, place: OWN })?.object)
  const kept = hinted.flatMap((copy, i) => (engine.get(copy) === undefined ? [] : [i]))
  return {
    ...most,
    own: own.filter((object) => object !== undefined).length,
    kept,
    others: topology.ring.members.flatMap(({ id }) => (id === node ? [] : [id])),
    tookMs: flight.ended - flight.began,
    left: hints.places,
    delivered: counters.hintsDelivered,
    messages: flight.messages,
    sentTo: [...sentTo],
    underWay: hints.underWay,
    again,
  }
}

t.test('at most so many bytes are in flight to one member', async (t) => {
  const { bytes, hints, left, delivered } = await flightOf(
    Array.from({ length: 40 }, () => 100_000),
  )
  t.strictSame(left, [])
  t.equal(delivered, 40)
  t.ok(bytes <= DELIVERY_BYTES_MAX && bytes > DELIVERY_BYTES_MAX / 2, `${bytes} bytes`)
  t.equal(hints, 10)
})

t.test('a hint that is longer goes alone', async (t) => {
  const { bytes, left } = await flightOf([100, 3 * DELIVERY_BYTES_MAX, 100])
  t.strictSame(left, [])
  t.ok(bytes < 3 * DELIVERY_BYTES_MAX + 1000, `${bytes} bytes`)
})

t.test('many small hints go in few batches', async (t) => {
  const { hints, left, delivered } = await flightOf(Array.from({ length: 600 }, () => 10))
  t.strictSame(left, [])
  t.equal(delivered, 600)
  t.equal(hints, BATCH_MIN)
})

t.test('a delivery rests after each batch', async (t) => {
  const { tookMs } = await flightOf(Array.from({ length: 3 * BATCH_MIN }, () => 10))
  const [leastMs, mostMs] = [REST_SHARE_MIN, REST_SHARE_MAX].map((share) => 2 * ANSWER_MS * share)
  const restedMs = tookMs - 3 * ANSWER_MS
  t.ok(restedMs >= (leastMs as number) && restedMs <= (mostMs as number), `${restedMs} ms`)
})

t.test('it rests longer while requests of clients are slow, up to a bound', async (t) => {
  const lengths = Array.from({ length: 40 * BATCH_MIN }, () => 10)
  const usual = await flightOf(lengths, { requestMs: LATENCY_TARGET_MS / 2 })
  const slow = await flightOf(lengths, { requestMs: 2 * LATENCY_TARGET_MS })
  t.equal(slow.delivered, lengths.length)
  const perBatchMs = slow.tookMs / (lengths.length / BATCH_MIN)
  const expectedMs = ANSWER_MS * (1 + REST_SHARE_MAX)
  t.ok(perBatchMs > 0.8 * expectedMs && perBatchMs <= expectedMs, `${perBatchMs} ms a batch`)
  t.ok(usual.tookMs < slow.tookMs / 2, `${usual.tookMs} and ${slow.tookMs} ms`)
})

t.test('hints go to their member in one message, and are removed', async (t) => {
  const { sentTo, messages, others, left, own } = await flightOf([10, 10])
  t.strictSame(sentTo, others.slice(0, 1))
  t.equal(messages, 1)
  t.strictSame(left, [])
  t.equal(own, 0, 'nothing is merged here')
})

t.test('hints for a member that is none any more go to all owners, this one too', async (t) => {
  const { sentTo, messages, others, left, own, delivered } = await flightOf([10, 10], {
    place: nodeId('f'.repeat(16)),
  })
  t.strictSame(sentTo, others)
  t.equal(messages, others.length)
  t.equal(own, 2)
  t.equal(delivered, 2)
  t.strictSame(left, [])
})

t.test('one owner that refuses keeps the hint for all', async (t) => {
  const place = nodeId('f'.repeat(16))
  const { kept, delivered, own } = await flightOf([10, 10], { place, refusedAs: 'record-rotten' })
  t.equal(kept.length, 1)
  t.equal(delivered, 1)
  t.equal(own, 2, 'the other owners have it')
})

t.test('a message without an answer delivers nothing', async (t) => {
  const { left, delivered, underWay, messages } = await flightOf([10, 10], { isLost: true })
  t.match(left, [{ keys: 2 }])
  t.equal(delivered, 0)
  t.equal(underWay, 0)
  t.ok(messages > 1, 'it is sent again')
})

t.test('nothing is sent to a member that has not told yet how old this disk is', async (t) => {
  const { sentTo, left } = await flightOf([10, 10], { mayDeliver: false })
  t.strictSame(sentTo, [])
  t.match(left, [{ keys: 2 }])
})

t.test('a hint that is not durable here is not sent', async (t) => {
  const { sentTo, left } = await flightOf([10, 10], { isDurable: false })
  t.strictSame(sentTo, [])
  t.match(left, [{ keys: 2 }])
})

t.test('what a hint accepts while its delivery begins is sent later, once durable', async (t) => {
  for (const writtenAgain of ['reading', 'syncing'] as const) {
    const { again, left, underWay } = await flightOf([10, 10], { writtenAgain })
    t.ok(again.wasSent, writtenAgain)
    t.notOk(again.wasSentUnsynced, writtenAgain)
    t.strictSame(left, [])
    t.equal(underWay, 0)
  }
})

t.test('a hint that is refused for its key alone does not keep the others', async (t) => {
  const long = Array.from({ length: 6 }, () => 2 * DELIVERY_BYTES_MAX)
  const small = Array.from({ length: 6 }, () => 10)
  for (const refusedAs of ['record-rotten', 'object-too-large'] as const) {
    for (const lengths of [long, small]) {
      const { delivered, left, kept, underWay } = await flightOf(lengths, { refusedAs })
      t.equal(delivered, lengths.length - 1, refusedAs)
      t.equal(left[0]?.keys, 1)
      t.equal(kept.length, 1, 'the one that was refused')
      t.equal(underWay, 0)
    }
  }
  const { delivered } = await flightOf(long, { refusedAs: 'overloaded' })
  t.equal(delivered, 0, 'one refused for all keys ends the walk')
  const { delivered: beside, left } = await flightOf(small, { refusedAs: 'overloaded' })
  t.equal(beside, small.length - 1, 'those taken by the same message are delivered')
  t.match(left, [{ keys: 1 }])
})
