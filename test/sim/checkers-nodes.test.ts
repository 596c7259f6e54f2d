/**
 * The checkers of nodes, bounds and recovery: fed with right and wrong figures, and run beside a
 * real cluster.
 */
import t from 'tap'
import { nodeId, startId } from '../../src/dynamo/names.ts'
import { DEFAULTS } from '../../src/config.ts'
import { Context } from '../../src/dynamo/version/context.ts'
import type { VersionedObject } from '../../src/dynamo/version/object.ts'
import {
  CALLS_PER_CONNECTION_MAX,
  DOTS_PER_SIBLING_MAX,
  OPERATOR_CALLS_MAX,
  RANGES_MAX,
  SIBLINGS_MAX,
  VALUE_BYTES_MAX,
} from '../../src/limits.ts'
import type { GaugeName, Gauges } from '../../src/node/report.ts'
import { Bounds } from '../../src/sim/checkers/bounds.ts'
import { Recovery } from '../../src/sim/checkers/recovery.ts'
import { Cluster } from '../../src/sim/cluster/cluster.ts'
import { SimWorld } from '../../src/sim/world.ts'
import { Scene } from '../unit/node/scene.ts'

const CONFIG = { callsMax: 5, connectionsMax: 7, messageBytes: 4_096, segmentBytes: 512 }
const IDLE: Gauges = {
  client_connections: 0,
  peer_connections: 0,
  client_calls: 0,
  calls_of_connection: 0,
  outgoing_bytes: 0,
  incoming_bytes: 0,
  request_bytes: 0,
  long_request_bytes: 0,
  long_answer_bytes: 0,
  handed_on_bytes: 0,
  begun_answer_bytes: 0,
  grown_answer_bytes: 0,
  waiters_of_key: 0,
  remembered_requests: 0,
  unsynced_bytes: 0,
  segment_bytes: 0,
}

t.test('every gauge may be at its bound, and not above it', async (t) => {
  const probe = new Bounds(CONFIG)
  probe.sample(1, IDLE)
  t.strictSame([...probe.peaks.keys()].sort(), Object.keys(IDLE).sort())
  for (const [gauge, { max }] of probe.peaks) {
    const bounds = new Bounds(CONFIG)
    bounds.sample(2, { ...IDLE, [gauge]: max })
    t.strictSame(bounds.violations, [])
    bounds.sample(2, { ...IDLE, [gauge]: max + 1 })
    bounds.sample(2, IDLE)
    const sentence = `over a limit: node 2 has ${gauge} ${max + 1}, at most ${max} may be`
    t.strictSame(bounds.violations, [sentence])
    t.strictSame(bounds.peaks.get(gauge), { value: max + 1, max })
  }
  t.equal(probe.peaks.get('client_calls')?.max, 5 + OPERATOR_CALLS_MAX)
  t.equal(probe.peaks.get('peer_connections')?.max, 7)
  t.equal(probe.peaks.get('calls_of_connection')?.max, CALLS_PER_CONNECTION_MAX)
})

t.test('an object found in the end is within its bounds', async (t) => {
  const node = nodeId('1'.repeat(16))
  const dot = { node, start: startId('2'.repeat(16)), opened: 1, counter: 1 }
  const sibling = { requestId: '', dots: [dot], time: 0, value: new Uint8Array(1) }
  const object: VersionedObject = { context: Context.of([]), siblings: [sibling] }
  const many = <Item>(count: number, item: Item): Item[] =>
    Array.from({ length: count }, () => item)
  const wrong = (changed: Partial<VersionedObject>): readonly string[] => {
    const bounds = new Bounds(CONFIG)
    bounds.object('k', { ...object, ...changed }, 3)
    return bounds.violations
  }
  t.strictSame(wrong({}), [])
  t.strictSame(wrong({ siblings: many(3 * SIBLINGS_MAX, sibling) }), [])
  t.match(wrong({ siblings: many(3 * SIBLINGS_MAX + 1, sibling) }), [
    /^over a limit: k has 193 sib/,
  ])
  const dots = many(DOTS_PER_SIBLING_MAX + 1, dot)
  t.match(wrong({ siblings: [{ ...sibling, dots }] }), [/65 dots of a sibling, at most 64/])
  const value = new Uint8Array(VALUE_BYTES_MAX + 1)
  t.match(wrong({ siblings: [{ ...sibling, value }] }), [/bytes of a value/])
  const ranges = Array.from({ length: RANGES_MAX + 1 }, (_, i) => ({
    node,
    start: startId(i.toString(16).padStart(16, '0')),
    opened: 1,
    first: 1,
    last: 1,
  }))
  t.match(wrong({ context: Context.of(ranges) }), [/4097 ranges, at most 4096/])
})

const SOUND = { keptSequence: 10, keys: 4, rotten: 0 }

t.test('a node that starts again has all that its log had synced', async (t) => {
  const found = (fields: Partial<typeof SOUND>, harm?: (recovery: Recovery) => void) => {
    const recovery = new Recovery()
    recovery.ended(1, { sequence: 10, keys: 4, unsyncedMs: 0 })
    harm?.(recovery)
    recovery.recovered(1, { ...SOUND, ...fields })
    return recovery.violations
  }
  t.strictSame(found({}), [])
  t.strictSame(found({ keptSequence: 11, keys: 5 }), [], 'there may be more')
  t.match(found({ keptSequence: 9 }), [/^went back: node 1 kept its log to 9, 10 was synced/])
  t.match(found({ keys: 3 }), [/^keys missing: node 1 found 3 keys, at least 4/])
  t.match(found({ rotten: 1 }), [/^rot: node 1/])
  t.equal(found({ keptSequence: Number.NaN, keys: Number.NaN }).length, 2, 'a field that is gone')
  const nothing = { keptSequence: 0, keys: 0 }
  t.strictSame(
    found({ ...nothing, rotten: 1 }, (recovery) => recovery.damaged(1)),
    [],
  )
  t.strictSame(
    found(nothing, (recovery) => recovery.replaced(1)),
    [],
  )
  t.match(
    found({ ...nothing, rotten: 1 }, (recovery) => recovery.replaced(1)),
    [/^rot/],
  )
  t.equal(found(nothing, (recovery) => recovery.damaged(2)).length, 2, 'each for itself')
})

t.test('rot is an accident only of a disk that was harmed', async (t) => {
  const recovery = new Recovery()
  recovery.damaged(1)
  recovery.ended(1, { sequence: 10, keys: 4, unsyncedMs: 0 })
  recovery.rotFound(1)
  recovery.recovered(1, { keptSequence: 0, keys: 0, rotten: 3 })
  t.strictSame(recovery.violations, [], 'also later, and nothing is promised meanwhile')
  recovery.rotFound(2)
  t.match(recovery.violations, [/^rot: node 2/])
  recovery.replaced(1)
  recovery.rotFound(1)
  t.match(recovery.violations, [/^rot: node 2/, /^rot: node 1/])
})

t.test(
  'a cluster that is struck again and again keeps its bounds, and what it synced',
  async (t) => {
    const disk = { residentChance: 0.5, shortReadChance: 0.3 }
    const world = new SimWorld({ seed: 11, disk })
    const cluster = new Cluster(world, { nodes: 3, segmentBytes: 512 })
    const scene = new Scene(world, cluster)
    const recovery = new Recovery()
    const bounds = new Bounds({ ...cluster.configOf(1), callsMax: DEFAULTS.callsMax })
    world.trace.watch('recovered', (fields, node) => recovery.recovered(node, fields))
    world.trace.watch('rot-found', (_, node) => recovery.rotFound(node))
    await cluster.startAll()
    const bucket = (await scene.client()).bucket()
    const prng = world.prng('strikes')
    for (let round = 0; round < 24; round++) {
      const puts = Array.from({ length: 8 }, (_, i) =>
        bucket.put(`k${round}-${i}`, 'x'.repeat(100)),
      )
      const done = Promise.allSettled(puts)
      await world.run(prng.unit() * 8)
      const machine = (round % 3) + 1
      const node = cluster.node(machine)
      if (node === undefined) throw new Error('a node runs')
      bounds.sample(machine, node.gauges())
      recovery.ended(machine, node.durable)
      if (round % 4 === 3) {
        cluster.crashAndWipe(machine)
        recovery.replaced(machine)
      } else if (round % 4 === 2) cluster.kill(machine)
      else cluster.crash(machine)
      await world.complete(cluster.start(machine))
      await world.complete(done)
    }
    t.strictSame([...recovery.violations, ...bounds.violations], [])
    t.equal(recovery.compared, 18)
    const rooms = ['client_connections', 'peer_connections', 'remembered_requests', 'segment_bytes']
    for (const gauge of rooms) {
      t.ok((bounds.peaks.get(gauge as GaugeName)?.value ?? 0) > 0, gauge)
    }
  },
)
