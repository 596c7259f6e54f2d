/** Copies that together are larger than a message: an answer has what fits, and says so. */
import t from 'tap'
import { isFailure } from '../../../../src/base/deliver.ts'
import { utf8Bytes } from '../../../../src/base/bytes.ts'
import { nodeId, startId } from '../../../../src/dynamo/names.ts'
import { Context, rangeOn } from '../../../../src/dynamo/version/context.ts'
import { ContextSeal } from '../../../../src/dynamo/version/context-seal.ts'
import { dotOn } from '../../../../src/dynamo/version/dot.ts'
import { merge } from '../../../../src/dynamo/version/merge.ts'
import { encodeObject, outlineOf } from '../../../../src/dynamo/version/object-bytes.ts'
import type { VersionedObject } from '../../../../src/dynamo/version/object.ts'
import { MESSAGE_BYTES_MAX, VALUE_BYTES_MAX } from '../../../../src/limits.ts'
import { tokenOf } from '../../../../src/native/digest.ts'
import { Topology } from '../../../../src/node/cluster/topology.ts'
import {
  Coordinator,
  type CoordinatorDependencies,
} from '../../../../src/node/coordinator/coordinator.ts'
import { Cursors } from '../../../../src/node/coordinator/cursor.ts'
import { Scans } from '../../../../src/node/coordinator/scan.ts'
import { Counters } from '../../../../src/node/counters.ts'
import type { CopiesPage, KeyRange } from '../../../../src/node/replica/copies.ts'
import type { GetResult, ScanResult } from '../../../../src/node/requests.ts'
import { Cluster } from '../../../../src/sim/cluster/cluster.ts'
import { SimWorld } from '../../../../src/sim/index.ts'
import { encodeReply } from '../../../../src/wire/convert.ts'
import { nameOf } from '../scene.ts'
import { BUCKET_ID } from '../../../../src/store/conformance/subject.ts'

const NODES = 5
const NAME = nameOf('cart')
const TOKEN = tokenOf(NAME.bucket, NAME.key)
const KEY = new Uint8Array(16)
const SEAL = new ContextSeal([{ id: 1, key: KEY }], 'c')
const VALUE = new Uint8Array(VALUE_BYTES_MAX)

/** The copy of one owner: two values of 8 MiB that it coordinated. */
function copyOf(owner: number): VersionedObject {
  const line = {
    node: nodeId(`${owner}`.padEnd(16, '0')),
    start: startId('1'.padStart(16, '0')),
    opened: 1,
  }
  const siblings = [1, 2].map((counter) => {
    return {
      requestId: `${owner} ${counter}`.padEnd(16),
      dots: [dotOn(line, counter)],
      time: 0,
      value: VALUE,
    }
  })
  return { context: Context.of([rangeOn(line, 1, 2)]), siblings }
}

const COPIES = Array.from({ length: NODES }, (_, i) => copyOf(i + 1))
const TOGETHER = COPIES.reduce(merge)

function coordinator(more: Partial<Record<keyof CoordinatorDependencies, unknown>>): Coordinator {
  const world = new SimWorld({ seed: 1 })
  const cluster = new Cluster(world, { nodes: NODES, quorums: { n: NODES, r: NODES, w: 3 } })
  const topology = new Topology(cluster.configOf(1))
  const { clock } = cluster.clientWorld()
  const own = { clock, topology, seal: SEAL, counters: new Counters(), callsMax: 9 }
  return new Coordinator({ ...own, ...more } as CoordinatorDependencies)
}

/** A scan of copies of one key, as all owners give them. */
async function scanOf(pages: readonly CopiesPage['entries'][]): Promise<ScanResult> {
  const world = new SimWorld({ seed: 1 })
  const cluster = new Cluster(world, { nodes: NODES, quorums: { n: NODES, r: NODES, w: 3 } })
  const topology = new Topology(cluster.configOf(1))
  const left = [...pages]
  const pageOf = (range: KeyRange): CopiesPage => {
    const isHere = range.from.hi <= TOKEN.hi && range.to.hi >= TOKEN.hi
    return { entries: isHere ? (left.shift() ?? []) : [], next: undefined }
  }
  const scans = new Scans({
    clock: cluster.clientWorld().clock,
    topology,
    cursors: new Cursors([{ id: 1, key: KEY }], 'c'),
    replica: { scan: async (range: KeyRange) => pageOf(range) },
    peers: {
      obstacleTo: () => undefined,
      slownessOf: () => 0,
      scanRange: (_: unknown, range: KeyRange, __: unknown, deliver: (page: CopiesPage) => void) =>
        deliver(pageOf(range)),
    },
  } as never)
  const scan = { bucket: NAME.bucket, cursor: utf8Bytes(''), keysMax: 0, withValues: true }
  return new Promise((resolve, reject) => {
    coordinator({ scans }).scan({ ...scan, r: NODES, deadline: 10_000 }, (result) => {
      if (isFailure(result)) reject(result)
      else resolve(result)
    })
  })
}

t.test('D13: a get of five copies of 16 MiB gives the siblings that fit a message', async (t) => {
  t.equal(encodeObject(TOGETHER), undefined, 'no message carries them all')
  const gets = {
    run: (_: unknown, deliver: (found: unknown) => void) =>
      deliver({ object: TOGETHER, answered: NODES }),
  }
  let result: GetResult | undefined
  const get = {
    name: NAME,
    token: TOKEN,
    r: 0,
    deadline: 10_000,
    strict: true,
    monotonic: false,
    receipts: [],
  }
  coordinator({ gets }).get(get, (got) => {
    if (!isFailure(got)) result = got
  })
  t.equal(result?.hasMore, true)
  t.equal(result?.siblings.length, 7)
  t.ok(encodeReply('get', result as GetResult).length <= MESSAGE_BYTES_MAX)
  const opened = SEAL.open({ name: NAME, bucketId: BUCKET_ID }, (result as GetResult).context)
  const context = opened.kind === 'opened' ? opened.context : Context.empty
  const covered = TOGETHER.siblings.filter(({ dots }) => context.covers(dots[0]!))
  t.equal(covered.length, 7, 'the context covers those given, and no others')
})

t.test('D13: a scan of such a key gives what fits, and says that there is more', async (t) => {
  const entry = { token: TOKEN, ...NAME, bucketId: BUCKET_ID, isOutline: false }
  const page = await scanOf(COPIES.map((copy) => [{ ...entry, object: encodeObject(copy)! }]))
  t.same(
    page.entries.map(({ siblings, hasMore }) => [siblings.length, hasMore]),
    [[7, true]],
  )
  t.ok(encodeReply('scan', page).length <= MESSAGE_BYTES_MAX)
})

t.test('a copy that came without its values leaves the key to a get', async (t) => {
  const bytes = COPIES.slice(0, 2).map(encodeObject)
  const entry = { token: TOKEN, ...NAME, bucketId: BUCKET_ID }
  const outline = outlineOf(bytes[1] as Uint8Array) as Uint8Array
  const page = await scanOf([
    [{ ...entry, object: bytes[0] as Uint8Array, isOutline: false }],
    [{ ...entry, object: outline, isOutline: true }],
  ])
  t.same(
    page.entries.map(({ siblings, hasMore, context }) => [
      siblings.length,
      hasMore,
      context.length,
    ]),
    [[0, true, 0]],
  )
})
