/**
 * One member's copies: steps on a key run in order, over an engine whose reads wait.
 */
import { Hints } from '../../../../src/node/replica/hints.ts'
import t from 'tap'
import { utf8Bytes, utf8Text } from '../../../../src/base/bytes.ts'
import type { MaybePromise } from '../../../../src/base/deliver.ts'
import { isOperatingError, OperatingError } from '../../../../src/base/errors.ts'
import { type CopyId, nodeId } from '../../../../src/dynamo/names.ts'
import { Context } from '../../../../src/dynamo/version/context.ts'
import { decodeObject, decodeOutline } from '../../../../src/dynamo/version/object-bytes.ts'
import type { VersionedObject } from '../../../../src/dynamo/version/object.ts'
import { WAITERS_PER_KEY_MAX } from '../../../../src/limits.ts'
import { type LocalWrite, Replica } from '../../../../src/node/replica/replica.ts'
import { Counters } from '../../../../src/node/counters.ts'
import { SimWorld } from '../../../../src/sim/index.ts'
import type { Engine, Entry, Stored } from '../../../../src/store/engine.ts'
import type { Clock } from '../../../../src/world/clock.ts'
import { MemoryEngine } from '../../../../src/store/memory/memory.ts'
import { nameOf } from '../scene.ts'
import { copyOf } from '../../../../src/store/conformance/subject.ts'
import { replicaParts } from '../../../support/replica-parts.ts'
import { ALWAYS_OPEN } from '../../../support/open-replica.ts'

const DIGEST_KEY = new Uint8Array(16)
const NODE = nodeId('aaaaaaaaaaaaaaaa')
const NO_DEADLINE = Number.POSITIVE_INFINITY

/** Keeps what it is given, and answers reads when it is told to. */
class SlowEngine implements Engine {
  readonly capabilities = { isDurable: true }
  readonly failed: Promise<never> = new Promise(() => undefined)
  readonly #kept = new MemoryEngine()
  /** Reads that wait for `release`. */
  readonly waiting: (() => void)[] = []
  isSlow = true
  isRotten = false
  failure: OperatingError | undefined
  appended = 0

  get(copy: CopyId): MaybePromise<Stored | undefined> {
    if (!this.isSlow) return this.#read(copy)
    // As a pool of threads does: the bytes are of when it was asked, the answer comes later.
    const stored = this.#read(copy)
    return new Promise((resolve) => {
      this.waiting.push(() => resolve(stored))
    })
  }

  #read(copy: CopyId): MaybePromise<Stored | undefined> {
    if (this.isRotten) throw new OperatingError('record-rotten', 'this copy has rotted')
    return this.#kept.get(copy)
  }

  digest(copy: CopyId): ReturnType<Engine['digest']> {
    return this.#kept.digest(copy)
  }

  append(entries: readonly Entry[]): number {
    if (this.failure !== undefined) throw this.failure
    this.appended += entries.length
    return this.#kept.append(entries)
  }

  synced(sequence: number): Promise<void> {
    return this.failure === undefined ? this.#kept.synced(sequence) : Promise.reject(this.failure)
  }

  scan(query: Parameters<Engine['scan']>[0]): ReturnType<Engine['scan']> {
    return this.#kept.scan(query)
  }

  prefixes(query: Parameters<Engine['prefixes']>[0]): ReturnType<Engine['prefixes']> {
    return this.#kept.prefixes(query)
  }

  digests(query: Parameters<Engine['digests']>[0]): ReturnType<Engine['digests']> {
    return this.#kept.digests(query)
  }

  places(): ReturnType<Engine['places']> {
    return this.#kept.places()
  }

  report(): ReturnType<Engine['report']> {
    return this.#kept.report()
  }

  close(): Promise<void> {
    return this.#kept.close()
  }

  /** Answers reads, newest first where `isNewestFirst`, until none is left. */
  async release(isNewestFirst = false): Promise<void> {
    for (;;) {
      const answer = isNewestFirst ? this.waiting.pop() : this.waiting.shift()
      if (answer === undefined) return
      answer()
      await turn()
    }
  }
}

/** Runs every callback of promises that is ready. */
function turn(): Promise<void> {
  return new Promise((resolve) => {
    setImmediate(resolve)
  })
}

interface Bench {
  /** What stands in for the mender. */
  readonly mending: { mend: () => Promise<boolean> }
  readonly replica: Replica
  readonly engine: SlowEngine
  readonly counters: Counters
  readonly sim: SimWorld
  readonly clock: Clock
}

function bench(): Bench {
  const sim = new SimWorld({ seed: 5 })
  const world = sim.start(1)
  const engine = new SlowEngine()
  const counters = new Counters()
  const mending = { mend: () => Promise.resolve(false) }
  const replica = new Replica({
    engine,
    node: NODE,
    digestKey: DIGEST_KEY,
    clock: world.clock,
    entropy: world.entropy,
    trace: world.trace,
    counters,
    isWhole: () => true,
    hints: new Hints(engine, world.clock, 1 << 20),
    ...replicaParts(engine, world.clock, DIGEST_KEY),
    ...ALWAYS_OPEN,
    mend: () => mending.mend(),
  })
  return { mending, replica, engine, counters, sim, clock: world.clock }
}

function write(
  { replica }: Bench,
  value: string,
  options: { key?: string; seen?: Context; requestId?: string; deadline?: number } = {},
): MaybePromise<LocalWrite> {
  const name = nameOf(options.key ?? 'k')
  const requestId = (options.requestId ?? value).padEnd(16, '.')
  const seen = options.seen ?? Context.empty
  const request = { requestId, isRepeat: false, value: utf8Bytes(value), seen }
  return replica.write(copyOf(name), request, options.deadline ?? NO_DEADLINE)
}

function objectOf(local: LocalWrite): VersionedObject {
  return decodeObject(local.object) as VersionedObject
}

function valuesOf(object: VersionedObject): string {
  return object.siblings.map(({ value }) => utf8Text(value ?? utf8Bytes('-'))).join(' ')
}

function rangesOf(object: VersionedObject): number {
  return object.context.count
}

t.test('steps that wait for the disk run in order, each on what came before', async (t) => {
  for (const isNewestFirst of [false, true]) {
    const all = bench()
    const writes = ['a', 'b', 'c', 'd'].map((value) => write(all, value))
    t.equal(all.engine.waiting.length, 1, 'one read at a time of one key')
    await all.engine.release(isNewestFirst)
    const locals = await Promise.all(writes)
    t.equal(valuesOf(objectOf(locals[3] as LocalWrite)), 'a b c d')
    t.equal(rangesOf(objectOf(locals[3] as LocalWrite)), 1, 'one line')
    const sequences = locals.map(({ sequence }) => sequence)
    t.strictSame(
      sequences,
      sequences.toSorted((a, b) => a - b),
    )
  }
})

t.test('a peer that brings an object waits its turn as clients do', async (t) => {
  const all = bench()
  all.engine.isSlow = false
  const foreign = bench()
  foreign.engine.isSlow = false
  const brought = objectOf(await write(foreign, 'from a peer'))
  all.engine.isSlow = true
  const first = write(all, 'mine')
  const name = nameOf('k')
  const merged = all.replica.merge(copyOf(name), brought, 'sent', NO_DEADLINE)
  const last = write(all, 'mine too')
  await all.engine.release()
  await Promise.all([first, merged])
  const { siblings } = objectOf(await last)
  t.equal(siblings.length, 3)
})

t.test('keys do not wait for each other', async (t) => {
  const all = bench()
  void write(all, 'a', { key: 'x' })
  const other = write(all, 'b', { key: 'y' })
  t.equal(all.engine.waiting.length, 2)
  all.engine.waiting[1]?.()
  t.equal(valuesOf(objectOf(await other)), 'b', 'while the first still waits')
  all.engine.waiting[0]?.()
})

t.test('O1: too many that wait for one key are refused, and the others are served', async (t) => {
  const all = bench()
  const first = write(all, 'first')
  const waiting = Array.from({ length: WAITERS_PER_KEY_MAX }, (_, i) => write(all, `w${i}`))
  await t.rejects(write(all, 'one too many') as Promise<LocalWrite>, { code: 'overloaded' })
  t.equal(all.replica.waitersOfKey, WAITERS_PER_KEY_MAX)
  all.engine.isSlow = false
  await all.engine.release()
  await first
  const outcomes = await Promise.all(waiting)
  t.ok(outcomes.some(({ outcome }) => outcome.kind === 'written'))
  const next = await write(all, 'next')
  t.not(next.outcome, undefined, 'and the key is free again')
  t.equal(all.replica.waitersOfKey, 0)
  const written = outcomes.filter(({ outcome }) => outcome.kind === 'written')
  t.equal(all.replica.rememberedRequests, written.length + 1, 'what was refused is not remembered')
})

t.test('a step whose deadline passes while it waits for its key is dropped', async (t) => {
  const all = bench()
  const foreign = bench()
  foreign.engine.isSlow = false
  const brought = objectOf(await write(foreign, 'from a peer'))
  const { clock } = all
  const first = write(all, 'first')
  const name = nameOf('k')
  const late = all.replica.merge(
    copyOf(name),
    brought,
    'sent',
    clock.now() + 100,
  ) as Promise<number>
  const lateWrite = write(all, 'late', { deadline: clock.now() + 100 }) as Promise<LocalWrite>
  const inTime = write(all, 'in time', { deadline: clock.now() + 300 })
  await all.sim.run(200)
  const refused = t.rejects(Promise.all([late, lateWrite]), { code: 'deadline-passed' })
  await all.engine.release()
  await first
  await refused
  await t.rejects(lateWrite, { code: 'deadline-passed', certainty: 'refused' })
  t.equal(valuesOf(objectOf(await inTime)), 'first in time')
  t.equal(all.counters.expired, 2)
  t.equal(all.sim.trace.count('work-expired'), 2)
})

t.test('a step that fails lets the next one go on', async (t) => {
  const all = bench()
  const failing = write(all, 'a') as Promise<LocalWrite>
  const next = write(all, 'b') as Promise<LocalWrite>
  all.engine.failure = new OperatingError('disk-full', 'no room')
  all.engine.waiting.shift()?.()
  await t.rejects(failing, { code: 'disk-full' })
  all.engine.failure = undefined
  await all.engine.release()
  t.equal(valuesOf(objectOf(await next)), 'b')
})

t.test('D7: a write without a context is a sibling, one with it replaces its past', async (t) => {
  const all = bench()
  all.engine.isSlow = false
  const a = objectOf(await write(all, 'a'))
  t.equal(valuesOf(objectOf(await write(all, 'b'))), 'a b')
  const c = objectOf(await write(all, 'c', { seen: a.context }))
  t.equal(valuesOf(c), 'b c')
})

t.test('Q6: a request that is repeated is written once', async (t) => {
  const all = bench()
  all.engine.isSlow = false
  const first = await write(all, 'a', { requestId: 'one' })
  const again = await write(all, 'a', { requestId: 'one' })
  t.equal(first.outcome.kind, 'written')
  t.equal(again.outcome.kind, 'repeated')
  t.equal(all.engine.appended, 1)
  t.ok(again.sequence >= first.sequence, 'and waits for the same sync')
  const other = await write(all, 'b', { requestId: 'one' })
  t.match(other.outcome, { kind: 'refused', code: 'request-id-wrong' })
})

t.test('S1: an object that is held already is durable when its append is', async (t) => {
  const all = bench()
  all.engine.isSlow = false
  const local = await write(all, 'a')
  const name = nameOf('k')
  const again = await all.replica.merge(copyOf(name), objectOf(local), 'sent', NO_DEADLINE)
  t.equal(all.engine.appended, 1, 'nothing is appended')
  t.ok(again >= local.sequence, 'and its acknowledgement waits for the same sync')
})

t.test('Q6: a request whose value was replaced meanwhile does not bring it back', async (t) => {
  const all = bench()
  all.engine.isSlow = false
  const a = objectOf(await write(all, 'a', { requestId: 'one' }))
  await write(all, 'b', { seen: a.context })
  const again = await write(all, 'a', { requestId: 'one' })
  t.equal(again.outcome.kind, 'replaced')
  t.equal(valuesOf(objectOf(again)), 'b')
})

t.test('Q6: a repeated request is written again if its write rotted away', async (t) => {
  const all = bench()
  all.engine.isSlow = false
  const name = nameOf('k')
  const old = objectOf(await write(all, 'old'))
  const put = { seen: old.context, requestId: 'one' }
  await write(all, 'a', put)
  all.engine.isRotten = true
  await all.replica.mend(copyOf(name), old)
  all.engine.isRotten = false
  const again = await write(all, 'a', put)
  t.equal(again.outcome.kind, 'written', 'the copy from the others does not know the first write')
  t.equal(valuesOf(objectOf(again)), 'a')
})

t.test('S5, K1: a rotten copy is no copy: a new start, a new line', async (t) => {
  const all = bench()
  all.engine.isSlow = false
  const before = objectOf(await write(all, 'a'))
  const start = all.replica.start
  all.engine.isRotten = true
  for (let i = 0; i < 3; i++) {
    await t.rejects(async () => write(all, 'b'), { code: 'record-rotten' }, 'it cannot be mended')
  }
  t.equal(all.replica.start, start, 'nothing was written: no start is spent on it')
  const name = nameOf('k')
  all.mending.mend = async () => {
    await all.replica.mend(copyOf(name), undefined)
    all.engine.isRotten = false
    return true
  }
  const after = objectOf(await write(all, 'b'))
  t.not(all.replica.start, start)
  t.equal(valuesOf(after), 'b')
  const [old] = before.siblings
  t.notOk(after.context.covers(old!.dots[0]!), 'what lives elsewhere is not covered')
})

t.test('K1: a line learned from others is not gone on with', async (t) => {
  const all = bench()
  all.engine.isSlow = false
  const a = objectOf(await write(all, 'a'))
  await write(all, 'b')
  const fresh = nameOf('k2')
  // The copy comes back from a peer that had heard of the first write alone.
  await all.replica.merge(copyOf(fresh), a, 'sent', NO_DEADLINE)
  const c = objectOf(await write(all, 'c', { key: 'k2' }))
  t.equal(rangesOf(c), 2, 'its dot opens a line of its own')
})

t.test('a failed sync is told to those who wait', async (t) => {
  const all = bench()
  all.engine.isSlow = false
  all.engine.failure = new OperatingError('disk-failed', 'it failed')
  const told = new Promise((resolve) => {
    all.replica.whenSynced(1, resolve)
  })
  const error = await told
  t.ok(isOperatingError(error) && error.certainty === 'in-doubt')
})

t.test('copies are told as outlines, and only once they are durable', async (t) => {
  const all = bench()
  all.engine.isSlow = false
  const copy = copyOf(nameOf('k'))
  t.same(await all.replica.copies(copy), [], 'none yet')
  const written = objectOf(await write(all, 'a'))
  const [told] = await all.replica.copies(copy)
  t.equal(told?.place, copy.place)
  const outline = decodeOutline(told?.outline as Uint8Array)
  t.ok(outline?.context.equals(written.context))
  all.engine.failure = new OperatingError('disk-failed', 'it failed')
  await t.rejects(all.replica.copies(copy), { code: 'disk-failed' })
})
