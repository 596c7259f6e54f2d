/** What a leaver does when its filler asks, and refuses otherwise. */
import t from 'tap'
import { u64 } from '../../../../src/base/u64.ts'
import type { OperatingError } from '../../../../src/base/errors.ts'
import type { NodeId } from '../../../../src/dynamo/names.ts'
import type { Stages } from '../../../../src/dynamo/ring/stages.ts'
import { Closings } from '../../../../src/node/cluster/closings.ts'
import type { EndedMove } from '../../../../src/node/cluster/rings.ts'
import {
  MoveRequests,
  type MoveRequestsDependencies,
} from '../../../../src/node/listeners/move-requests.ts'
import { SimWorld } from '../../../../src/sim/index.ts'
import {
  type AttemptId,
  MoveStep,
  type PeerMove,
  type PeerMoveReply,
} from '../../../../src/wire/message/peer.ts'
import type { IncomingCallOf, Session } from '../../../../src/wire/session.ts'
import { members } from '../../dynamo/ring/members.ts'
import { moving, MOVING_N, partitionsWhere } from '../../dynamo/ring/moving.ts'

const ALL = members(4)
const STRANGER = ALL[1]?.id as NodeId
const FILLER = ALL[3]?.id as NodeId
const REFUSED = 'ring-differs'

/** The first member gives partitions to the fourth. */
class Leaver {
  readonly sim = new SimWorld({ seed: 1 })
  readonly stages: Stages = moving(ALL.slice(0, 3), ALL)
  readonly self = ALL[0]?.id as NodeId
  readonly partitions: readonly number[]
  readonly closings: Closings
  readonly ended: EndedMove[] = []
  readonly rings = {
    isFrozen: false,
    view: { isOnOtherDisk: false },
    onDiffers: (): void => undefined,
    end: (moves: readonly EndedMove[]): Promise<boolean> => {
      this.ended.push(...moves)
      return this.ending
    },
  }
  readonly standing = { isWhole: true }
  ending: Promise<boolean> = Promise.resolve(true)
  readonly #requests: MoveRequests

  constructor() {
    const { self, stages, rings, standing } = this
    this.partitions = partitionsWhere(stages, ({ leaver, filler }) => {
      return leaver === self && filler === FILLER
    })
    const { clock, entropy } = this.sim.start(1)
    const closings = (this.closings = new Closings(clock, entropy))
    const topology = { self: { id: self }, stages, ring: stages.table.ring }
    const takings = { ask: () => true }
    const counters = { countFailure: () => undefined }
    const given = { topology, rings, closings, takings, standing, counters }
    this.#requests = new MoveRequests(given as unknown as MoveRequestsDependencies)
  }

  /** The reply, or the code of the refusal. */
  ask(change: Partial<PeerMove>, from = FILLER): Promise<PeerMoveReply | string> {
    const { partitions } = this
    const asked = { n: MOVING_N, partitions, attempt: u64<AttemptId>(0, 0), ...change }
    const ring = this.stages.digestOf(asked.partitions.map((one) => [one, asked.n]))
    return new Promise((resolve) => {
      const call = {
        request: { ring, deadlineMs: 1_000, step: MoveStep.close, ...asked },
        answer: resolve,
        fail: ({ code }: OperatingError) => resolve(code),
      }
      const session = { node: from } as unknown as Session
      this.#requests.onCall(call as unknown as IncomingCallOf<'peerMove'>, session)
    })
  }

  async close(): Promise<AttemptId> {
    const reply = await this.ask({ step: MoveStep.close })
    if (typeof reply === 'string') throw new Error(reply)
    return reply.attempt
  }

  end(attempt: AttemptId, change: Partial<PeerMove> = {}): Promise<PeerMoveReply | string> {
    return this.ask({ step: MoveStep.end, attempt, ...change })
  }

  get isClosed(): boolean {
    return this.partitions.every((one) => this.closings.isClosed(one, MOVING_N))
  }
}

t.test('a leaver closes, and ends the moves that it has closed', async (t) => {
  const leaver = new Leaver()
  t.ok(leaver.partitions.length > 1)
  const attempt = await leaver.close()
  t.ok(leaver.isClosed)
  t.match(await leaver.end(attempt), { isWhole: true })
  t.strictSame(
    leaver.ended.map(({ n, partition, stage, isFilled }) => [n, partition, stage.done, isFilled]),
    leaver.partitions.map((partition) => [MOVING_N, partition, 0, true]),
  )
  t.notOk(leaver.isClosed)
})

t.test('it ends no move that it has not closed', async (t) => {
  const leaver = new Leaver()
  t.equal(await leaver.end(u64(1, 2)), REFUSED)
  const attempt = await leaver.close()
  t.equal(await leaver.end(u64(1, 2)), REFUSED)
  await leaver.ask({ step: MoveStep.reopen, attempt })
  t.notOk(leaver.isClosed)
  t.equal(await leaver.end(attempt), REFUSED, 'it has opened again')
  t.equal(await new Leaver().end(attempt), REFUSED, 'it has restarted')
  t.strictSame(leaver.ended, [])
})

t.test('nor others than it has closed', async (t) => {
  const leaver = new Leaver()
  const [one, two] = leaver.partitions as [number, number]
  const reply = await leaver.ask({ partitions: [one] })
  const { attempt } = reply as PeerMoveReply
  t.equal(await leaver.end(attempt, { partitions: [two] }), REFUSED)
  t.equal(await leaver.end(attempt, { partitions: [one, two] }), REFUSED)
  t.strictSame(leaver.ended, [])
})

t.test('it hands nothing to another member, nor what it does not leave', async (t) => {
  const leaver = new Leaver()
  t.equal(await leaver.ask({ step: MoveStep.close }, STRANGER), REFUSED)
  const others = partitionsWhere(leaver.stages, (stage) => stage.leaver !== leaver.self)
  t.equal(await leaver.ask({ partitions: others.slice(0, 1) }), REFUSED)
  const attempt = await leaver.close()
  const asked = { step: MoveStep.end, attempt } as const
  t.equal(await leaver.ask(asked, STRANGER), REFUSED)
  t.strictSame(leaver.ended, [])
})

t.test('it hands nothing over once it has adopted a newer table', async (t) => {
  const leaver = new Leaver()
  const attempt = await leaver.close()
  leaver.rings.isFrozen = true
  t.equal(await leaver.end(attempt), REFUSED)
  t.equal(await new Leaver().ask({ step: MoveStep.end, attempt }), REFUSED)
  t.strictSame(leaver.ended, [])
})

t.test('it opens again where its filler falls silent', async (t) => {
  const leaver = new Leaver()
  const attempt = await leaver.close()
  await leaver.sim.run(10_000)
  t.notOk(leaver.isClosed)
  t.equal(await leaver.end(attempt), REFUSED)
})

t.test('it stays closed while the end of a move is being written', async (t) => {
  const leaver = new Leaver()
  const attempt = await leaver.close()
  let write: (isDone: boolean) => void = () => undefined
  leaver.ending = new Promise((resolve) => {
    write = resolve
  })
  const ended = leaver.end(attempt)
  await leaver.sim.run(60_000)
  t.ok(leaver.isClosed)
  write(false)
  t.equal(await ended, REFUSED)
  t.notOk(leaver.isClosed)
})

t.test('one that was not whole when it closed says so with the move', async (t) => {
  const leaver = new Leaver()
  leaver.standing.isWhole = false
  const attempt = await leaver.close()
  leaver.standing.isWhole = true
  await leaver.end(attempt)
  t.ok(leaver.ended.every(({ isFilled }) => !isFilled))
})

t.test('one that has closed takes nothing from donors: its filler would not hear', async (t) => {
  const leaver = new Leaver()
  const partitions = leaver.partitions.slice(0, 1)
  const take = { step: MoveStep.take, partitions } as const
  t.match(await leaver.ask(take, STRANGER), { isWhole: true })
  const attempt = await leaver.close()
  t.equal(await leaver.ask(take, STRANGER), REFUSED)
  await leaver.ask({ step: MoveStep.reopen, attempt })
  t.match(await leaver.ask(take, STRANGER), { isWhole: true })
})
