/** One member's steps through a round: in order, in one start, and each once it is durable. */
import t, { type Test } from 'tap'
import { u64 } from '../../../../src/base/u64.ts'
import { isOperatingError } from '../../../../src/base/errors.ts'
import {
  type MemberRecord,
  memberRecord,
  MemberState,
} from '../../../../src/dynamo/membership/member-record.ts'
import { type NodeId, nodeId, type Start, startId } from '../../../../src/dynamo/names.ts'
import { NO_ROUND, type RoundFloor } from '../../../../src/dynamo/repair/round.ts'
import type { VersionedObject } from '../../../../src/dynamo/version/object.ts'
import {
  ROUND_SILENCE_MS,
  RoundMember,
  type RoundMemberDependencies,
} from '../../../../src/node/background/round-member.ts'
import type { RoundStepRequest } from '../../../../src/node/cluster/peer-calls.ts'
import { Floors } from '../../../../src/node/replica/floors.ts'
import { SimWorld } from '../../../../src/sim/index.ts'
import { RoundStep } from '../../../../src/wire/message/peer.ts'
import {
  dot,
  NODE_A,
  NODE_B,
  object,
  range,
  sibling,
  START_1,
} from '../../dynamo/version/samples.ts'
import type { Clock } from '../../../../src/world/clock.ts'
import { Lab } from '../../store/lab.ts'

const [OWN_START, START_A, START_B] = ['1', '2', '3'].map((c) => startId(c.repeat(16))) as [
  Start,
  Start,
  Start,
]
const LEAST_MS = 5_000
const HINT = object([range(1, 2, 2)], sibling('v', dot(1, 2)))
const STARTS: ReadonlyMap<NodeId, Start> = new Map([
  [NODE_A, START_A],
  [NODE_B, START_B],
])

const madeOf = (number: number): RoundFloor => ({
  ...NO_ROUND,
  number,
  floor: new Map([
    [OWN_START, 7],
    [START_1, 5],
  ]),
})

function stepOf(number: number, step: RoundStep): RoundStepRequest {
  const floor = step === RoundStep.close ? madeOf(number) : undefined
  return { number, step, floor, forgotten: new Set(), starts: STARTS }
}

/** A member with two other owners; what it relies on is the test's. */
class Bench {
  readonly sim: SimWorld
  readonly clock: Clock
  readonly floors: Floors
  readonly member: RoundMember
  readonly replica = {
    start: OWN_START,
    counter: 7,
    lastSequence: 1,
    isSyncing: false,
    whenSynced: (_: number, done: (error: undefined) => void): void => {
      if (!this.replica.isSyncing) done(undefined)
    },
  }
  readonly parts = { isWhole: true, areStartsBuilt: true, areTreesBuilt: true, starts: 1 }
  /** Members that are not gone. */
  readonly present: MemberRecord[] = []
  hint: VersionedObject | undefined
  exchanges = 0

  constructor(sim: SimWorld, floors: Floors, ranMs = LEAST_MS) {
    const { replica, parts } = this
    this.sim = sim
    this.floors = floors
    const hints = {
      places: [{ place: NODE_B }],
      some: (_: unknown, isSo: (hint: VersionedObject) => boolean) => {
        return Promise.resolve(this.hint !== undefined && isSo(this.hint))
      },
    }
    const starts = {
      open: () => ({ named: new Set([START_1]), isNamingKnown: false }),
      get isBuilt() {
        return parts.areStartsBuilt
      },
      get size() {
        return parts.starts
      },
    }
    const trees = {
      get isBuilt() {
        return parts.areTreesBuilt
      },
    }
    const standing = {
      get isWhole() {
        return parts.isWhole
      },
    }
    const { present } = this
    const stages = { digest: u64(0, 0) }
    const topology = { otherOwners: () => [NODE_A, NODE_B], present, stages }
    const { clock } = sim.start(77)
    this.clock = clock
    const given = { clock, topology, replica, hints, trees, starts, floors, standing }
    this.member = new RoundMember({
      ...(given as unknown as RoundMemberDependencies),
      moving: () => undefined,
      leastMs: LEAST_MS,
      exchange: () => {
        this.exchanges += 1
      },
    })
    // Messages from before it started have ended.
    this.sim.leapClock(77, ranMs)
  }

  static inMemory(ranMs = LEAST_MS): Bench {
    const sim = new SimWorld({ seed: 1 })
    const { clock } = sim.start(1)
    return new Bench(sim, new Floors({ directory: undefined, clock }), ranMs)
  }

  /** `done`, the members that it waits for, or a code. */
  async step(number: number, step: RoundStep): Promise<string> {
    try {
      const { isDone, waitsFor } = await this.member.step(stepOf(number, step))
      return isDone ? 'done' : waitsFor.join(' ')
    } catch (error) {
      return codeOf(error)
    }
  }

  open(number: number): string {
    try {
      this.member.open(number, number - 1)
      return 'done'
    } catch (error) {
      return codeOf(error)
    }
  }

  exchanged(node: NodeId, start: Start, beganAtMs = this.clock.now()): void {
    this.member.onExchanged({ node, start, beganAtMs })
  }
}

function codeOf(error: unknown): string {
  return isOperatingError(error) ? error.code : String(error)
}

function recordOf(id: NodeId, name: string): MemberRecord {
  const facts = { host: '10.0.0.1', clientPort: 7400, peerPort: 7500, machine: name, zone: '' }
  const written = { by: id, sponsor: id, state: MemberState.joined, version: 1 }
  return memberRecord({ ...facts, id, name, weight: 1, ...written })
}

/** Up to a step, without anything in the way. */
async function upTo(last: 'open' | 'close' | 'cover', bench = Bench.inMemory()): Promise<Bench> {
  bench.open(1)
  if (last === 'open') return bench
  await bench.step(1, RoundStep.close)
  if (last === 'close') return bench
  await bench.step(1, RoundStep.cover)
  return bench
}

t.test('a round goes from open to adopt', async (t) => {
  const bench = await upTo('open')
  t.equal(await bench.step(1, RoundStep.close), 'done')
  t.equal(bench.floors.closed.closed, 1)
  t.equal(await bench.step(1, RoundStep.cover), `${NODE_A} ${NODE_B}`)
  t.equal(bench.exchanges, 1, 'it begins exchanges')
  bench.exchanged(NODE_A, START_A)
  t.equal(await bench.step(1, RoundStep.cover), NODE_B)
  bench.exchanged(NODE_B, START_B)
  t.equal(await bench.step(1, RoundStep.cover), 'done')
  t.equal(bench.floors.covered?.number, 1)
  t.equal(bench.floors.adopted.number, 0)
  t.equal(await bench.step(1, RoundStep.adopt), 'done')
  t.equal(bench.floors.adopted.number, 1)
  t.same(bench.floors.adopted.floor, madeOf(1).floor)
})

t.test('a round that was opened without a member that is known here is left', async (t) => {
  const bench = await upTo('open')
  for (const [i, id] of [NODE_A, NODE_B].entries()) bench.present.push(recordOf(id, `n${i}`))
  t.equal(await bench.step(1, RoundStep.agree), 'done')
  bench.present.push(recordOf(nodeId('cccccccccccccccc'), 'n9'))
  await t.rejects(bench.member.step(stepOf(1, RoundStep.agree)), {
    code: 'round-left',
    message: /n9 has become a member, and the round was opened without it/,
  })
  bench.present.pop()
  bench.replica.start = START_A
  t.equal(await bench.step(1, RoundStep.agree), 'round-left', 'nor does a new start agree')
})

t.test('it says its start, its counter and what its copies name', async (t) => {
  const { member } = Bench.inMemory()
  const said = member.open(1, 0)
  const named = { named: new Set([START_1]), isNamingKnown: false }
  t.same(said, { start: OWN_START, counter: 7, ...named, adopted: 0 })
})

t.test(
  'a second opener is refused as round-busy, until nothing is heard of the first',
  async (t) => {
    const bench = await upTo('open')
    t.equal(bench.open(2), 'round-busy')
    t.ok(bench.member.obstacle)
    await bench.sim.run(ROUND_SILENCE_MS / 2)
    await bench.step(1, RoundStep.close)
    await bench.sim.run(0.6 * ROUND_SILENCE_MS)
    t.equal(bench.open(2), 'round-busy', 'it was heard of in between')
    await bench.sim.run(ROUND_SILENCE_MS / 2)
    t.equal(bench.open(1), 'round-busy', 'a number that it knows')
    t.equal(bench.open(2), 'done')
    t.equal(await bench.step(1, RoundStep.cover), 'round-left', 'it has left that')
    t.equal(await bench.step(1, RoundStep.adopt), 'round-left')
  },
)

t.test('a round that is void is left, and what it closed stays closed', async (t) => {
  const bench = await upTo('close')
  t.equal(await bench.step(2, RoundStep.void), 'done', 'of another round')
  t.equal(bench.open(2), 'round-busy')
  t.equal(await bench.step(1, RoundStep.void), 'done')
  t.equal(await bench.step(1, RoundStep.cover), 'round-left')
  t.equal(bench.floors.closed.closing.get(START_1), 5)
  t.equal(bench.open(2), 'round-busy', 'too soon: messages may be on their way')
  await bench.sim.run(1.1 * LEAST_MS)
  t.equal(bench.open(1), 'round-busy', 'its number is used')
  t.equal(bench.open(2), 'done')
})

t.test('who has not all of its copies and counts opens no round', async (t) => {
  const bench = Bench.inMemory()
  for (const part of ['isWhole', 'areStartsBuilt', 'areTreesBuilt'] as const) {
    bench.parts[part] = false
    t.equal(bench.open(1), 'round-busy', part)
    bench.parts[part] = true
  }
  bench.parts.starts = 65_537
  t.equal(bench.open(1), 'round-busy')
  bench.parts.starts = 65_536
  t.equal(bench.open(1), 'done')
})

async function restartVoids(t: Test, last: 'open' | 'close', next: RoundStep): Promise<void> {
  const bench = await upTo(last)
  bench.replica.start = START_A
  t.equal(await bench.step(1, next), 'round-left', `before step ${next}`)
}

t.test('a new start since the round opened voids it', async (t) => {
  await restartVoids(t, 'open', RoundStep.close)
  await restartVoids(t, 'close', RoundStep.cover)
  const bench = await upTo('open')
  bench.replica.isSyncing = true
  const closing = bench.step(1, RoundStep.close)
  await bench.sim.run(10)
  bench.replica.isSyncing = false
  bench.replica.start = START_A
  // The sync ends, and the rest of the step finds another start.
  t.equal(await bench.step(1, RoundStep.close), 'round-left')
  t.equal(await Promise.race([closing, Promise.resolve('waits')]), 'waits')
})

t.test('what is lost while the round is open voids it', async (t) => {
  const bench = await upTo('cover')
  for (const [node, start] of STARTS) bench.exchanged(node, start)
  bench.member.onLost()
  t.equal(await bench.step(1, RoundStep.cover), 'round-left')
  t.equal(bench.floors.covered, undefined)
})

t.test(
  'it has closed when no hint is left that the floor holds, and late ones are refused',
  async (t) => {
    const bench = await upTo('open')
    bench.hint = HINT
    t.equal(await bench.step(1, RoundStep.close), NODE_B)
    t.equal(bench.floors.closed.closing.get(START_1), 5)
    bench.hint = object([range(1, 6, 6)], sibling('above', dot(1, 6)))
    t.equal(await bench.step(1, RoundStep.close), 'done')
  },
)

t.test('it has not closed before what it took is durable', async (t) => {
  const bench = await upTo('open')
  bench.replica.isSyncing = true
  let ended = ''
  void bench.step(1, RoundStep.close).then((end) => {
    ended = end
  })
  await bench.sim.run(1_000)
  t.equal(ended, '')
})

t.test('asked twice at once, it has not closed before that is durable', async (t) => {
  const lab = new Lab(1)
  await lab.done(
    (async () => {
      const { clock } = lab.world
      const floors = new Floors({ directory: await lab.directory(), clock })
      const bench = await upTo('open', new Bench(lab.sim, floors))
      const isDurable = async (): Promise<boolean> => {
        return (await (await lab.directory()).list()).includes('rounds')
      }
      const steps = [1, 2].map(async () => {
        const end = await bench.step(1, RoundStep.close)
        return [end, await isDurable()]
      })
      t.strictSame(await Promise.all(steps), [
        ['done', true],
        ['done', true],
      ])
    })(),
  )
})

t.test('an exchange counts that began after all had closed, with one in its start', async (t) => {
  const bench = await upTo('close')
  bench.exchanged(NODE_A, START_A)
  await bench.sim.run(10)
  t.equal(await bench.step(1, RoundStep.cover), `${NODE_A} ${NODE_B}`, 'before it heard of that')
  bench.exchanged(NODE_A, START_A, bench.clock.now() - 5)
  t.equal(await bench.step(1, RoundStep.cover), `${NODE_A} ${NODE_B}`, 'begun before')
  bench.exchanged(NODE_A, START_B)
  t.equal(await bench.step(1, RoundStep.cover), `${NODE_A} ${NODE_B}`, 'it has restarted')
  for (const [node, start] of STARTS) bench.exchanged(node, start)
  t.equal(await bench.step(1, RoundStep.cover), 'done')
  t.equal(await bench.step(1, RoundStep.cover), 'done', 'asked once more')
})

t.test('steps out of order are refused', async (t) => {
  const bench = await upTo('open')
  t.equal(await bench.step(1, RoundStep.cover), 'round-left')
  t.equal(await bench.step(1, RoundStep.adopt), 'round-left')
  t.equal(bench.floors.adopted.number, 0)
  t.equal(await bench.step(3, RoundStep.close), 'round-left', 'of a round that it did not open')
})

t.test('who adopted the round already has done its part, and is free for the next', async (t) => {
  const bench = await upTo('cover')
  await bench.floors.adopt(madeOf(1))
  t.equal(await bench.step(1, RoundStep.adopt), 'done')
  await bench.sim.run(1.1 * LEAST_MS)
  t.equal(bench.open(2), 'done')
})

t.test('a member that has just started waits until messages from before have ended', async (t) => {
  const bench = Bench.inMemory(0)
  t.equal(bench.open(1), 'round-busy')
  await bench.sim.run(1.1 * LEAST_MS)
  t.equal(bench.open(1), 'done')
})
