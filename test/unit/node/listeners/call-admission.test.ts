/** Which calls are taken while the event loop is late, and how refused ones are counted. */
import t from 'tap'
import {
  LOOP_BURST_MS_MAX,
  LOOP_CALLS_MIN,
  LOOP_DELAY_MS_MAX,
  LOOP_DELAY_PEERS_MS_MAX,
  OVERLOAD_RETRY_MS,
} from '../../../../src/limits.ts'
import { Topology } from '../../../../src/node/cluster/topology.ts'
import { Counters } from '../../../../src/node/counters.ts'
import { CallAdmission } from '../../../../src/node/listeners/call-admission.ts'
import { Cluster } from '../../../../src/sim/cluster/cluster.ts'
import { SimWorld } from '../../../../src/sim/index.ts'
import { utf8Bytes } from '../../../../src/base/bytes.ts'
import { DEFAULT_BUCKET } from '../../../../src/dynamo/names.ts'

const CONFIG = new Cluster(new SimWorld({ seed: 1 }), { nodes: 1 }).configOf(1)

function admissions(standingMs: number, burstMs = 0, inProgress = LOOP_CALLS_MIN) {
  const counters = new Counters()
  const bucket = { name: 'slow', n: 1, r: 1, w: 1, deadlineMs: 77 }
  const topology = new Topology({ ...CONFIG, buckets: [bucket] })
  const loop = { onCall: () => ({ standingMs, burstMs }) }
  const node = { topology, counters, loop, coordinator: { inProgress } }
  const clients = new CallAdmission('client', node)
  return { counters, clients, peers: new CallAdmission('peer', node) }
}

t.test('O1: calls of clients are refused above their limit, not at it', async (t) => {
  const { clients, counters } = admissions(LOOP_DELAY_MS_MAX)
  t.equal(clients.refusalOf('put'), undefined)
  const above = admissions(LOOP_DELAY_MS_MAX + 0.1)
  for (const kind of ['get', 'put', 'scan'] as const) {
    t.match(above.clients.refusalOf(kind), {
      code: 'overloaded',
      certainty: 'refused',
      details: {
        retryAfterMs: OVERLOAD_RETRY_MS,
        limit: { name: 'LOOP_DELAY_MS_MAX', value: LOOP_DELAY_MS_MAX },
      },
    })
  }
  t.equal(above.clients.refusalOf('status'), undefined, 'a node that is late can be asked why')
  t.equal(above.clients.refusalOf('topology'), undefined)
  t.match([counters.overloadedLoop, counters.refused], [0, 0])
  t.match([above.counters.overloadedLoop, above.counters.refused], [3, 3])
})

t.test('of one long turn so much is taken from clients, and all from members', async (t) => {
  const { clients } = admissions(0, LOOP_BURST_MS_MAX)
  t.equal(clients.refusalOf('put'), undefined)
  const above = admissions(0, LOOP_BURST_MS_MAX + 0.1)
  t.match(above.clients.refusalOf('put'), { code: 'overloaded' })
  t.equal(above.peers.refusalOf('peerWrite'), undefined)
})

t.test('a node with few requests in progress takes them however late it is', async (t) => {
  for (const [standingMs, burstMs] of [
    [LOOP_DELAY_PEERS_MS_MAX, 0],
    [0, 10 * LOOP_BURST_MS_MAX],
  ] as const) {
    const { clients, counters } = admissions(standingMs, burstMs, LOOP_CALLS_MIN - 1)
    t.equal(clients.refusalOf('put'), undefined)
    t.equal(counters.overloadedLoop, 0)
  }
  const { peers } = admissions(LOOP_DELAY_PEERS_MS_MAX + 1, 0, 0)
  t.match(peers.refusalOf('peerWrite'), { code: 'overloaded' }, 'calls of members are not counted')
})

t.test('calls of clients are refused before those of members', async (t) => {
  const { clients, peers, counters } = admissions(LOOP_DELAY_PEERS_MS_MAX)
  t.ok(clients.refusalOf('get'))
  for (const kind of ['peerRead', 'peerWrite', 'peerPut', 'peerRange'] as const) {
    t.equal(peers.refusalOf(kind), undefined, kind)
    const limit = { name: 'LOOP_DELAY_PEERS_MS_MAX', value: LOOP_DELAY_PEERS_MS_MAX }
    const failure = admissions(LOOP_DELAY_PEERS_MS_MAX + 0.1).peers.refusalOf(kind)
    t.match(failure, { code: 'overloaded', details: { limit } }, kind)
  }
  t.match([counters.overloadedLoop, counters.overloadedPeersLoop], [1, 0])
  const above = admissions(LOOP_DELAY_PEERS_MS_MAX + 0.1)
  above.peers.refusalOf('peerRead')
  t.match([above.counters.overloadedLoop, above.counters.overloadedPeersLoop], [0, 1])
})

t.test('refusals of the wire are counted by what was met', async (t) => {
  const { clients, counters } = admissions(0)
  for (const reason of ['calls', 'bytes', 'bytes', 'expired', 'expired', 'expired'] as const) {
    clients.onNotBegun(reason)
  }
  t.match([counters.overloadedCalls, counters.overloadedBytes, counters.expired], [1, 2, 3])
})

t.test('a request that names no deadline has that of its bucket', async (t) => {
  const { clients, peers } = admissions(0)
  t.equal(clients.deadlineMsOf(utf8Bytes('slow')), 77)
  t.equal(peers.deadlineMsOf(utf8Bytes(DEFAULT_BUCKET)), CONFIG.deadlineMs)
})
