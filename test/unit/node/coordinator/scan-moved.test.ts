/** Scans while places move: which owners are asked, and under which owners' name. */
import t from 'tap'
import { utf8Bytes } from '../../../../src/base/bytes.ts'
import { OperatingError } from '../../../../src/base/errors.ts'
import { equalU64 } from '../../../../src/base/u64.ts'
import type { NodeId } from '../../../../src/dynamo/names.ts'
import type { Stages } from '../../../../src/dynamo/ring/stages.ts'
import { Topology } from '../../../../src/node/cluster/topology.ts'
import { Cursors } from '../../../../src/node/coordinator/cursor.ts'
import { type Page, Scans } from '../../../../src/node/coordinator/scan.ts'
import type { PeerCalls } from '../../../../src/node/cluster/peer-calls.ts'
import { Cluster } from '../../../../src/sim/cluster/cluster.ts'
import { SimWorld } from '../../../../src/sim/index.ts'
import { moving, MOVING_N, partitionsWhere } from '../../dynamo/ring/moving.ts'
import { refusal } from '../cluster/operations-scene.ts'

/** The last of these coordinates, and owns nothing; the one before it takes places. */
const NODES = 6
const BUCKET = utf8Bytes('b')
const EMPTY = { entries: [], next: undefined }

interface Asked {
  readonly node: NodeId
  /** It owns all partitions of the range as the owners are now. */
  readonly isOwner: boolean
  /** A member that knows the owners of now answers. */
  readonly isAnswered: boolean
}

class Bench {
  readonly topology: Topology
  readonly asked: Asked[] = []
  /** Where all moves have ended. */
  readonly moved: Stages
  /** Called at each question, after it was judged: some partition of its range moves. */
  onAsked: (isMoving: boolean) => void = () => undefined
  readonly #moving: readonly number[]
  readonly #scans: Scans
  readonly #deadline: number

  constructor() {
    const weights = [1, 1, 1, 1, 0, 0]
    const cluster = new Cluster(new SimWorld({ seed: 1 }), { nodes: NODES, weights })
    this.topology = new Topology(cluster.configOf(NODES))
    const { members } = this.topology.ring
    const now = members.map((one) => ({ ...one, weight: one.id === this.topology.self.id ? 0 : 1 }))
    this.topology.adopt(moving(members, now))
    this.moved = this.topology.stages.copy()
    this.#moving = partitionsWhere(this.moved, ({ filler }) => filler !== undefined)
    for (const one of this.#moving) this.moved.advance(one, MOVING_N, 1, true)
    const { clock } = cluster.clientWorld()
    this.#deadline = clock.now() + 10_000
    this.#scans = new Scans({
      ...{ clock, topology: this.topology, peers: this.#peers() },
      cursors: new Cursors([{ id: 1, key: new Uint8Array(16) }], 'c'),
    } as unknown as ConstructorParameters<typeof Scans>[0])
  }

  #peers(): Pick<PeerCalls, 'obstacleTo' | 'slownessOf' | 'scanRange'> {
    return {
      obstacleTo: () => undefined,
      slownessOf: () => 0,
      scanRange: (node, { from, to }, terms, deliver) => {
        const { lists } = this.topology
        const [first, last] = [lists.ring.partitionOf(from), lists.ring.partitionOf(to)]
        const all = Array.from({ length: last - first + 1 }, (_, i) => first + i)
        const isOwner = all.every((one) => lists.ofPartition(one, MOVING_N).ownerIds.includes(node))
        const here = lists.digestOf(all.map((one) => [one, MOVING_N]))
        const isAnswered = equalU64(terms.ring, here)
        this.asked.push({ node, isOwner, isAnswered })
        this.onAsked(all.some((one) => this.#moving.includes(one)))
        deliver(isAnswered ? EMPTY : new OperatingError('ring-differs', 'the test says so'))
      },
    }
  }

  scan(r: number): Promise<Page> {
    const all = { bucket: BUCKET, cursor: new Uint8Array(0), keysMax: 0, withValues: true }
    return this.#scans.run({ ...all, r, deadline: this.#deadline })
  }
}

t.test('a page asks the owners of now where places have moved since it began', async (t) => {
  const bench = new Bench()
  bench.onAsked = () => {
    if (bench.asked.length === 1) bench.topology.adopt(bench.moved)
  }
  t.equal((await bench.scan(1)).cursor.length, 0)
  t.ok(bench.asked.length > 2)
  const former = bench.asked.slice(1).filter(({ isOwner }) => !isOwner)
  t.strictSame(former, [])
})

t.test('owners that know others by then refuse what is left of a stretch', async (t) => {
  const bench = new Bench()
  let before = 0
  bench.onAsked = (isMoving) => {
    if (!isMoving || before > 0) return
    before = bench.asked.length
    bench.topology.adopt(bench.moved)
  }
  t.equal((await refusal(bench.scan(2))).code, 'ring-differs')
  const after = bench.asked.slice(before)
  t.strictSame(
    after.map(({ isAnswered }) => isAnswered),
    [false, false],
  )
})
