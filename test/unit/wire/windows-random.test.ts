/**
 * Sessions that share small pools, driven at random: calls of all sizes, forgotten, answered late,
 * failed, on connections that are deaf for a while or end. In the end each call was answered once,
 * and all memory is given back.
 */
import t from 'tap'
import { assert } from '../../../src/base/assert.ts'
import { isOperatingError, OperatingError } from '../../../src/base/errors.ts'
import { Prng } from '../../../src/base/prng.ts'
import type { Room } from '../../../src/base/room.ts'
import { FRAME_BODY_BYTES_MAX, GOODBYE_MS_MAX } from '../../../src/limits.ts'
import { FramedConnection } from '../../../src/wire/framed-connection.ts'
import { FramedSession } from '../../../src/wire/framed-session.ts'
import { type SessionMemory, sessionMemory } from '../../../src/wire/session-memory.ts'
import type { CallHandle, IncomingCall, SessionEvents } from '../../../src/wire/session.ts'
import { REPLIES } from '../../support/wire-replies.ts'
import { REQUESTS } from '../../support/wire-requests.ts'
import { FACTS } from '../../support/wire-frames.ts'
import { type PipeEnd, WirePipeWorld, wirePipe } from '../../support/wire-pipe.ts'

const RUNS = 150
const STEPS = 60
const POOLS = ['requests', 'received', 'answers', 'handedOn', 'begun', 'grown'] as const
const LENGTHS = [0, 100, 60_000, 70_000, 150_000, 300_000] as const
/** How long a slow room takes. */
const ROOM_MS = 500
const SOME_ERROR = new OperatingError('overloaded', 'too much is under way')
const ENDED = new OperatingError('closed', 'the test ends it')

interface Made {
  handle: CallHandle | undefined
  isForgotten: boolean
  /** Its room was refused: it is forgotten soon, unless its session ends before. */
  isRefused: boolean
  answers: number
}

/** Two nodes with some connections between them. */
class Run {
  readonly world = new WirePipeWorld()
  readonly sessions: FramedSession[] = []
  readonly ends: PipeEnd[] = []
  readonly made: Made[] = []
  readonly pending: IncomingCall[] = []
  readonly memories: readonly SessionMemory[]
  readonly #prng: Prng

  constructor(seed: number) {
    this.#prng = Prng.of(seed, 'windows')
    this.memories = [this.#memory(), this.#memory()]
    for (let i = this.#prng.between(1, 3); i > 0; i--) this.#connect()
  }

  async go(): Promise<void> {
    for (let step = 0; step < STEPS; step++) {
      this.#step()
      if (this.#prng.chance(0.3)) await this.world.untilIdle()
      else if (this.#prng.chance(0.5)) this.world.run()
      for (const pool of this.#pools) assert(pool.taken >= 0, 'no pool gives more than it has')
    }
    for (const end of this.ends) end.hear()
    await this.world.untilIdle()
    this.world.pass(ROOM_MS)
    await this.world.untilIdle()
    for (let turns = 0; this.pending.length > 0; turns++) {
      assert(turns < 10 * STEPS, 'all calls begin in the end')
      this.#answer(this.pending.shift() as IncomingCall)
      await this.world.untilIdle()
      this.world.pass(ROOM_MS)
      await this.world.untilIdle()
    }
  }

  /** What is wrong at the end, in sentences. */
  faults(): string[] {
    const faults = this.made.flatMap(({ isForgotten, isRefused, answers }, i) => {
      const isRight = isRefused ? answers <= 1 : answers === (isForgotten ? 0 : 1)
      return isRight ? [] : [`call ${i} was answered ${answers} times`]
    })
    for (const session of this.sessions) {
      const calls = session.isEnded ? 0 : session.callsInFlight + session.callsToAnswer
      if (calls > 0) faults.push(`${calls} calls have no answer`)
    }
    for (const { taken, isShort } of this.#pools) {
      if (taken !== 0 || isShort) faults.push(`a pool keeps ${taken}, short: ${isShort}`)
    }
    for (const session of this.sessions) session.end(ENDED)
    this.world.pass(2 * GOODBYE_MS_MAX)
    if (this.world.timers > 0) faults.push(`${this.world.timers} timers are left`)
    return faults
  }

  get #pools(): SessionMemory['begun'][] {
    return this.memories.flatMap((memory) => POOLS.map((pool) => memory[pool]))
  }

  #memory(): SessionMemory {
    const window = this.#prng.pick([65_536, 150_000, 400_000])
    return sessionMemory(window, this.#prng.pick([262_144, 800_000, 4_000_000]))
  }

  #connect(): void {
    const { world } = this
    const never = (): void => assert(false, 'the session takes over before anything happens')
    const none = { onFrame: never, onLeft: never, onEnd: never, onProgressCheck: () => false }
    const [near, far] = wirePipe(world)
    for (const [i, end] of [near, far].entries()) {
      const side = i === 0 ? 'connector' : 'acceptor'
      const connection = new FramedConnection(end, side, world, FRAME_BODY_BYTES_MAX, none)
      const facts = { ...FACTS, role: 'peer' } as const
      const memory = this.memories[i] as SessionMemory
      const session = new FramedSession(connection, facts, this.#events(), memory)
      connection.open(FRAME_BODY_BYTES_MAX, session)
      end.freeBytes = this.#prng.pick([1_000, 65_536, 1_000_000])
      this.sessions.push(session)
      this.ends.push(end)
    }
  }

  #events(): SessionEvents {
    return {
      onCall: (call) => {
        if (this.#prng.chance(0.1)) throw SOME_ERROR
        if (this.#prng.chance(0.2)) this.#answer(call)
        else this.pending.push(call)
      },
      onEnd: () => undefined,
    }
  }

  #step(): void {
    const prng = this.#prng
    const drawn = prng.between(0, 99)
    if (drawn < 45) this.#call(prng.pick(this.sessions))
    else if (drawn < 60) this.#forget()
    else if (drawn < 85) this.#answerOne()
    else if (drawn < 92) this.#turnDeaf(prng.pick(this.ends))
    else if (drawn < 99) this.world.pass(prng.between(1, 4_000))
    else if (prng.chance(0.5)) prng.pick(this.sessions).end(ENDED)
    else prng.pick(this.sessions).drop(ENDED)
  }

  #call(session: FramedSession): void {
    const made: Made = { handle: undefined, isForgotten: false, isRefused: false, answers: 0 }
    this.made.push(made)
    const onAnswer = (): void => void (made.answers += 1)
    const bytes = new Uint8Array(this.#prng.pick(LENGTHS))
    const kind = this.#prng.pick(['peerRead', 'peerWrite', 'peerPut', 'peerRange'] as const)
    if (kind === 'peerRead') {
      const room = this.#prng.chance(0.5) ? this.#room(made) : undefined
      made.handle = session.call(kind, REQUESTS.peerRead, onAnswer, room)
    } else if (kind === 'peerRange') {
      made.handle = session.call(kind, REQUESTS.peerRange, onAnswer)
    } else if (kind === 'peerWrite') {
      made.handle = session.call(kind, { ...REQUESTS.peerWrite, object: bytes }, onAnswer)
    } else {
      made.handle = session.call(kind, { ...REQUESTS.peerPut, value: bytes }, onAnswer)
    }
  }

  /** Room that is there at once, later, or never. */
  #room(made: Made): Room {
    const drawn = this.#prng.between(0, 2)
    const never = new OperatingError('connection-lost', 'the answer is not wanted any more')
    return {
      isWaiting: false,
      reserve: () => {
        if (drawn === 0) return undefined
        if (drawn === 1) return new Promise((resolve) => this.world.clock.after(ROOM_MS, resolve))
        made.isRefused = true
        return Promise.reject(never)
      },
    }
  }

  #forget(): void {
    if (this.made.length === 0) return
    const made = this.#prng.pick(this.made)
    if (made.answers > 0) return
    made.isForgotten = true
    made.handle?.forget()
  }

  #answerOne(): void {
    if (this.pending.length === 0) return
    const at = this.#prng.between(0, this.pending.length - 1)
    const [call] = this.pending.splice(at, 1)
    this.#answer(call as IncomingCall)
  }

  #answer(call: IncomingCall): void {
    const length = this.#prng.pick(LENGTHS)
    if (this.#prng.chance(0.15)) {
      if (this.#prng.chance(0.5)) void this.#reserve(call, length, () => undefined)
      call.fail(SOME_ERROR)
    } else if (this.#prng.chance(0.3)) {
      reply(call, length)
    } else {
      if (this.#prng.chance(0.2)) void this.#reserve(call, length + 1_000, () => undefined)
      void this.#reserve(call, length, (late) => {
        if (late === undefined) reply(call, length)
        else call.fail(late)
      })
    }
  }

  /** Calls `then` when the call is to be answered: `late` if it has waited beyond its deadline. */
  async #reserve(
    call: IncomingCall,
    bytes: number,
    then: (late: OperatingError | undefined) => void,
  ): Promise<void> {
    try {
      await call.room.reserve(bytes)
    } catch (error) {
      if (isOperatingError(error) && error.code === 'deadline-passed') then(error)
      return
    }
    then(undefined)
  }

  #turnDeaf(end: PipeEnd): void {
    if (end.isDeaf) end.hear()
    else end.isDeaf = true
  }
}

function reply(call: IncomingCall, length: number): void {
  const object = new Uint8Array(length)
  if (call.kind === 'peerRead') call.answer({ ...REPLIES.peerRead, object })
  else if (call.kind === 'peerWrite') call.answer(REPLIES.peerWrite)
  else if (call.kind === 'peerPut') call.answer(REPLIES.peerPut)
  else if (call.kind === 'peerRange') {
    const [entry] = REPLIES.peerRange.entries
    call.answer({
      ...REPLIES.peerRange,
      entries: [{ ...(entry as NonNullable<typeof entry>), object }],
    })
  } else assert(false, 'no other kind is called')
}

t.test('each call is answered once, and no memory is kept', async (t) => {
  for (let seed = 1; seed <= RUNS; seed++) {
    const run = new Run(seed)
    await run.go()
    const faults = run.faults()
    if (faults.length > 0) t.fail(`seed ${seed}: ${faults.slice(0, 5).join('; ')}`)
  }
  t.pass(`${RUNS} runs`)
})
