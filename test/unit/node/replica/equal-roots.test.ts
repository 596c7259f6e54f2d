/**
 * Equal data has equal roots, whatever the order of puts, deletes, merges and restarts: three
 * replicas over logs on simulated disks, with the trees that a node keeps.
 *
 * A power cut takes back what no sync has made durable, and a start builds the trees anew.
 */
import { deepStrictEqual } from 'node:assert/strict'
import * as fc from 'fast-check'
import t from 'tap'
import { utf8Bytes } from '../../../../src/base/bytes.ts'
import { type CopyId, keyName, nodeId } from '../../../../src/dynamo/names.ts'
import { isDeleted } from '../../../../src/dynamo/repair/floor.ts'
import { NO_ROUND } from '../../../../src/dynamo/repair/round.ts'
import { Context } from '../../../../src/dynamo/version/context.ts'
import { decodeObject } from '../../../../src/dynamo/version/object-bytes.ts'
import type { VersionedObject } from '../../../../src/dynamo/version/object.ts'
import { Counters } from '../../../../src/node/counters.ts'
import { Hints } from '../../../../src/node/replica/hints.ts'
import { Replica } from '../../../../src/node/replica/replica.ts'
import { Trees } from '../../../../src/node/replica/trees.ts'
import { SimWorld } from '../../../../src/sim/index.ts'
import { BUCKET_ID, copyOf, DIGEST_KEY } from '../../../../src/store/conformance/subject.ts'
import type { Engine } from '../../../../src/store/engine.ts'
import { openLog } from '../../../../src/store/log/open-log.ts'
import type { World } from '../../../../src/world/world.ts'
import { replicaParts } from '../../../support/replica-parts.ts'
import { ALWAYS_OPEN } from '../../../support/open-replica.ts'

const REPLICAS = 3
const KEYS = 3
const NS = [2, 3]
const RUNS = 60
const SEGMENT_BYTES = 1024 * 1024
const LIMIT_MS = 60_000
const NEVER = Number.POSITIVE_INFINITY

const copies: readonly CopyId[] = Array.from({ length: KEYS }, (_, i) => {
  return copyOf(keyName('b', `k${i}`), { bucketId: { ...BUCKET_ID, n: NS[i % 2] as number } })
})

/** One replica, through its restarts. */
class Life {
  readonly #sim: SimWorld
  readonly #machine: number
  #world: World
  engine!: Engine
  replica!: Replica
  trees!: Trees
  requests = 0

  constructor(sim: SimWorld, machine: number) {
    this.#sim = sim
    this.#machine = machine
    this.#world = sim.start(machine)
  }

  async open(): Promise<void> {
    const { clock, trace, entropy, disk } = this.#world
    const directory = await disk.directory('/data')
    const opened = await openLog({
      directory,
      clock,
      trace,
      digestKey: DIGEST_KEY,
      segmentBytes: SEGMENT_BYTES,
    })
    const engine = (this.engine = opened.engine)
    const parts = replicaParts(engine, clock, DIGEST_KEY)
    this.trees = parts.trees
    this.replica = new Replica({
      ...{ engine, clock, trace, entropy, digestKey: DIGEST_KEY, ...parts },
      node: nodeId(`${this.#machine}`.padStart(16, 'a')),
      counters: new Counters(),
      isWhole: () => true,
      hints: new Hints(engine, clock, Number.POSITIVE_INFINITY),
      ...ALWAYS_OPEN,
      mend: () => Promise.resolve(false),
    })
    await this.trees.build()
  }

  async restart(isPowerCut: boolean): Promise<void> {
    if (!isPowerCut) {
      this.replica.close()
      await this.engine.close()
    }
    this.#world = this.#sim.restart(this.#machine)
    await this.open()
  }

  async object(copy: CopyId): Promise<VersionedObject | undefined> {
    const found = await this.replica.read(copy)
    return found && decodeObject(found.object)
  }

  /** Replaces what is here, or adds a sibling. */
  async put(copy: CopyId, value: string | undefined, replaces: boolean): Promise<void> {
    const held = await this.object(copy)
    this.requests += 1
    const write = {
      requestId: `${this.#machine}-${this.requests}`.padEnd(16, '.'),
      isRepeat: false,
      value: value === undefined ? undefined : utf8Bytes(value),
      seen: replaces && held !== undefined ? held.context : Context.empty,
    }
    await this.replica.write(copy, write, NEVER)
  }

  /** Takes what the other one carries. */
  async take(copy: CopyId, other: Life): Promise<void> {
    await this.replica.exchange(copy, await other.object(copy), NO_ROUND)
  }

  /** A deleted key goes, as by a floor. */
  async reap(copy: CopyId): Promise<void> {
    await this.replica.change(copy, (object) => (isDeleted(object) ? undefined : object))
  }

  /** For each N the root, and the sum of each leaf's half of the ring. */
  sums(trees: Trees = this.trees): unknown {
    return NS.map((n) => [trees.sum(n, 0, 0), trees.sum(n, 1, 0), trees.sum(n, 1, 1)])
  }

  async digests(): Promise<unknown> {
    return Promise.all(copies.map((copy) => this.replica.digest(copy)))
  }

  /** Of trees that are built of what the engine has. */
  async freshSums(): Promise<unknown> {
    const fresh = new Trees(this.engine, DIGEST_KEY)
    await fresh.build()
    return this.sums(fresh)
  }
}

const at = fc.record({ who: fc.nat(REPLICAS - 1), key: fc.nat(KEYS - 1) })
const step = fc.oneof(
  { weight: 4, arbitrary: fc.tuple(fc.constant('put' as const), at, fc.boolean()) },
  { weight: 3, arbitrary: fc.tuple(fc.constant('delete' as const), at, fc.boolean()) },
  { weight: 4, arbitrary: fc.tuple(fc.constant('take' as const), at, fc.nat(REPLICAS - 1)) },
  { weight: 3, arbitrary: fc.tuple(fc.constant('reap' as const), at, fc.constant(0)) },
  { weight: 1, arbitrary: fc.tuple(fc.constant('restart' as const), at, fc.boolean()) },
  { weight: 1, arbitrary: fc.tuple(fc.constant('sync' as const), at, fc.constant(0)) },
)
type Step = typeof step extends fc.Arbitrary<infer S> ? S : never

async function take(lives: readonly Life[], [kind, { who, key }, more]: Step): Promise<void> {
  const [life, copy] = [lives[who] as Life, copies[key] as CopyId]
  switch (kind) {
    case 'put':
      return life.put(copy, `${who}-${life.requests}`, more)
    case 'delete':
      return life.put(copy, undefined, more)
    case 'take':
      return life.take(copy, lives[more] as Life)
    case 'reap':
      return life.reap(copy)
    case 'restart':
      return life.restart(more)
    case 'sync':
      return life.engine.synced(life.replica.lastSequence)
  }
}

/** Every replica takes from every other, until all have met all. */
async function converge(lives: readonly Life[]): Promise<void> {
  for (let round = 0; round < 2; round++) {
    for (const life of lives) {
      for (const other of lives) for (const copy of copies) await life.take(copy, other)
    }
  }
}

async function checked(seed: number, steps: readonly Step[]): Promise<void> {
  const sim = new SimWorld({ seed })
  const lives = Array.from({ length: REPLICAS }, (_, i) => new Life(sim, i + 1))
  const work = async (): Promise<void> => {
    for (const life of lives) await life.open()
    for (const one of steps) await take(lives, one)
    for (const life of lives) deepStrictEqual(life.sums(), await life.freshSums(), 'its own copies')
    await converge(lives)
    const [first] = lives as [Life]
    const [digests, sums] = [await first.digests(), first.sums()]
    for (const life of lives) {
      deepStrictEqual(await life.digests(), digests, 'the copies are equal')
      deepStrictEqual(life.sums(), sums, 'so the roots are')
    }
    await first.restart(false)
    deepStrictEqual(first.sums(), sums, 'after a start too')
    for (const life of lives) await life.engine.close()
  }
  await sim.complete(work(), LIMIT_MS)
}

t.test('equal data has equal roots, whatever came before', async () => {
  const seeds = fc.integer({ min: 1, max: 2 ** 31 - 1 })
  const steps = fc.array(step, { maxLength: 60, size: 'max' })
  await fc.assert(fc.asyncProperty(seeds, steps, checked), { numRuns: RUNS })
})
