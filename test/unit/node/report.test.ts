/** Counters, quantiles of latencies, and the registry of figures. */
import { NO_ROUND } from '../../../src/dynamo/repair/round.ts'
import type { CopyWriter } from '../../../src/node/replica/copy-writer.ts'
import t from 'tap'
import { OWN } from '../../../src/dynamo/names.ts'
import { Counters, Latencies } from '../../../src/node/counters.ts'
import { sessionMemory } from '../../../src/wire/session-memory.ts'
import { Report } from '../../../src/node/report.ts'
import { Table } from '../dynamo/membership/samples.ts'

const POOLS = ['requests', 'received', 'answers', 'handedOn', 'begun', 'grown'] as const

t.test('a quantile is within a fifth of the truth, from above', async (t) => {
  for (const ms of [0.02, 0.5, 1, 7, 99, 1_000, 20_000]) {
    const latencies = new Latencies()
    for (let i = 0; i < 99; i++) latencies.add(ms)
    latencies.add(ms * 5)
    for (const share of [0.01, 0.5, 0.99]) {
      const found = latencies.quantile(share)
      t.ok(found >= ms * 0.999 && found <= ms * 1.2, `${ms} ms: ${found}`)
    }
    t.ok(latencies.quantile(1) >= ms * 4.9)
  }
})

t.test('nothing measured is nothing; too short and too long are the outermost', async (t) => {
  const latencies = new Latencies()
  t.equal(latencies.quantile(0.5), 0)
  latencies.add(0)
  t.ok(latencies.quantile(0.5) <= 0.016)
  latencies.add(1e12)
  t.ok(Number.isFinite(latencies.quantile(1)))
})

t.test('every figure is a number with a name of its own', async (t) => {
  const counters = new Counters()
  for (const count of [0, 1, 2, 4, 9]) counters.sawVersions(count)
  t.strictSame(counters.versionsSeen, [1, 1, 0, 2], 'nothing is no version; four is four or more')
  counters.hedges = 20
  counters.hedgesWithheld = 21
  const counted = { keys: 1, bytes: 2, segments: 3, syncs: 4, appends: 5 }
  const durable = { durableSequence: 6, durableKeys: 7, unsyncedBytes: 8, segmentBytesMax: 9 }
  const calls = { callsInFlight: 1, callsToAnswer: 2, callsBegun: 2 }
  const sessions = [{ ...calls, waitingBytes: 3, incomingBytes: 4 }]
  const memory = sessionMemory()
  for (const [i, pool] of POOLS.entries()) memory[pool].share(100).take(i + 10)
  const writer = { deleted: { size: 10 }, crowded: { size: 11 } } as CopyWriter
  const report = new Report({
    counters,
    engine: { report: () => ({ ...counted, ...durable }) },
    hints: { places: [{ place: OWN, keys: 3, bytes: 4 }], bytesMax: 5 },
    replica: { waitersOfKey: 1, rememberedRequests: 2, writer },
    floors: { refused: 6, adopted: { ...NO_ROUND, number: 7 } },
    opener: { ageMs: 8_000 },
    pacing: { share: 1 },
    starts: { size: 9 },
    membership: { view: new Table(3).view(0), count: () => 2 },
    coordinator: { inProgress: 3 },
    trees: { corrections: 4, bytes: 5 },
    clients: { connections: 4, sessions },
    members: { connections: 5, sessions },
    peers: { sessions },
    memories: [sessionMemory(), memory],
    uptimeMs: () => 12_345,
    freeBytes: () => 678,
  })
  const { figures } = report
  t.equal(new Set(figures.map(({ name }) => name)).size, figures.length)
  for (const { name, help, read } of figures) {
    t.ok(/^[a-z0-9_]+$/.test(name) && /^[A-Z0-9].*\.$/.test(help) && Number.isFinite(read()), name)
  }
  const valueOf = (wanted: string) => figures.find(({ name }) => name === wanted)?.read()
  t.equal(valueOf('uptime_seconds'), 12)
  t.equal(valueOf('free_bytes'), 678)
  t.same([valueOf('hedges_total'), valueOf('hedges_withheld_total')], [20, 21])
  t.strictSame(report.gauges(), {
    client_connections: 4,
    peer_connections: 5,
    client_calls: 2,
    calls_of_connection: 2,
    outgoing_bytes: 3,
    incoming_bytes: 4,
    request_bytes: 10,
    long_request_bytes: 11,
    long_answer_bytes: 12,
    handed_on_bytes: 13,
    begun_answer_bytes: 14,
    grown_answer_bytes: 15,
    waiters_of_key: 1,
    remembered_requests: 2,
    unsynced_bytes: 8,
    segment_bytes: 9,
  })
  t.ok(Object.keys(report.gauges()).every((name) => valueOf(name) !== undefined))
})
