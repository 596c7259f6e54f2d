/** The memory of calls: it is given back once, however and whenever a call ends. */
import t from 'tap'
import { isOperatingError, OperatingError } from '../../../src/base/errors.ts'
import {
  MESSAGE_STALL_MS_MAX,
  PEER_SILENCE_MS,
  PROGRESS_MS,
  WINDOW_BYTES,
} from '../../../src/limits.ts'
import { encodeControl, encodeRequest } from '../../../src/wire/convert.ts'
import { CONTROL_KINDS, FAILURE_KIND, FLAG_MORE, REPLY } from '../../../src/wire/message/session.ts'
import { REQUEST_KINDS } from '../../../src/wire/message/table.ts'
import { sessionMemory, type SessionMemory } from '../../../src/wire/session-memory.ts'
import type { IncomingCallOf } from '../../../src/wire/session.ts'
import { REPLIES } from '../../support/wire-replies.ts'
import { REQUESTS } from '../../support/wire-requests.ts'
import {
  bytesOf,
  PEER_A,
  PEER_B,
  rawClient,
  rawNode,
  type RawPair,
  sessionPair,
} from '../../support/wire-frames.ts'

const { put: PUT, get: GET, scan: SCAN } = REQUEST_KINDS
const GET_BYTES = bytesOf(encodeRequest('get', REQUESTS.get))
const NOT_WANTED = { code: 'connection-lost' }

function ample(): SessionMemory {
  return sessionMemory(WINDOW_BYTES, 8 * WINDOW_BYTES)
}

function gets({ raw, world, events }: RawPair, count: number): IncomingCallOf<'get'>[] {
  for (let i = 0; i < count; i++) raw.send(GET, i + 1, GET_BYTES)
  world.run()
  return events.calls as IncomingCallOf<'get'>[]
}

function announce({ raw, world }: RawPair, kind: number, callId: number, bytes: number): void {
  raw.send(CONTROL_KINDS.length, callId, bytesOf(encodeControl('length', { kind, bytes })))
  world.run()
}

t.test('an answered call takes no more memory', async (t) => {
  const memory = ample()
  const pair = await rawClient(memory)
  const [call] = gets(pair, 1) as [IncomingCallOf<'get'>]
  call.answer(REPLIES.get)
  pair.world.run()
  await t.rejects(Promise.resolve(call.room.reserve(9_000_000)), NOT_WANTED)
  t.equal(memory.grown.taken, 0)
})

t.test('what waits for memory ends when its call is answered', async (t) => {
  const memory = ample()
  const pair = await rawClient(memory)
  const [first, second] = gets(pair, 2) as [IncomingCallOf<'get'>, IncomingCallOf<'get'>]
  t.equal(first.room.reserve(WINDOW_BYTES), undefined)
  const rejected = t.rejects(Promise.resolve(second.room.reserve(9_000_000)), NOT_WANTED)
  second.fail(new OperatingError('deadline-passed', 'no owner answered in time'))
  await rejected
  first.answer(REPLIES.get)
  pair.world.run()
  t.equal(memory.grown.taken, 0)
  t.equal(memory.begun.taken, 0)
})

t.test('a call that got memory does not wait a second time', async (t) => {
  const memory = ample()
  const pair = await rawClient(memory)
  const [first, second] = gets(pair, 2) as [IncomingCallOf<'get'>, IncomingCallOf<'get'>]
  t.equal(first.room.reserve(WINDOW_BYTES), undefined)
  const copies = [9_000_000, 9_000_000, 10_000_000].map((bytes) => second.room.reserve(bytes))
  t.ok(copies.every((copy) => copy instanceof Promise))
  first.answer(REPLIES.get)
  pair.world.run()
  await Promise.all(copies)
  t.ok(memory.grown.taken < 10_000_000, 'the copies of a call have the memory of the longest')
  second.answer(REPLIES.get)
  pair.world.run()
  t.equal(memory.grown.taken, 0)
})

t.test('an answer that is longer than its memory takes what it lacks', async (t) => {
  const memory = ample()
  const pair = await rawClient(memory)
  const scan = bytesOf(encodeRequest('scan', REQUESTS.scan))
  pair.raw.send(SCAN, 1, scan)
  pair.world.run()
  const [call] = pair.events.calls as [IncomingCallOf<'scan'>]
  const [entry] = REPLIES.scan.entries
  const siblings = [new Uint8Array(1_000_000)]
  call.answer({ ...REPLIES.scan, entries: [{ ...(entry as typeof entry & object), siblings }] })
  pair.world.run()
  t.ok(memory.grown.taken + memory.begun.taken > 1_000_000)
  announceEnd(pair, 1)
  t.equal(memory.grown.taken + memory.begun.taken, 0)
})

/** The client gives up an answer. */
function announceEnd({ raw, world }: RawPair, callId: number): void {
  raw.send(CONTROL_KINDS.cancel, callId)
  world.run()
}

t.test('a forgotten call gives back the memory of its answer at once', async (t) => {
  const memory = sessionMemory(100_000, 1_000_000)
  const pair = await rawNode(memory)
  const { session, world, raw } = pair
  const answers: string[] = []
  const handles = [1, 2, 3].map(() =>
    session.call('get', REQUESTS.get, (answer) => {
      answers.push(isOperatingError(answer) ? answer.code : 'reply')
    }),
  )
  world.run()
  raw.take()
  for (const callId of [1, 2, 3]) announce(pair, GET + REPLY, callId, 100_000)
  const kinds = (): string[] => raw.take().map(({ kind, callId }) => `${kind}:${callId}`)
  t.same(kinds(), [`${CONTROL_KINDS.credit}:1`], 'the others wait')
  handles[1]?.forget()
  handles[0]?.forget()
  world.run()
  t.same(memory.answers.taken, 100_000)
  t.same(kinds().sort(), [
    `${CONTROL_KINDS.credit}:3`,
    `${CONTROL_KINDS.cancel}:1`,
    `${CONTROL_KINDS.cancel}:2`,
  ])
  handles[2]?.forget()
  world.run()
  t.equal(memory.answers.taken, 0)
  const failure = new OperatingError('cancelled', 'the call was cancelled by its sender')
  for (const callId of [1, 2, 3])
    raw.send(FAILURE_KIND, callId, bytesOf(encodeControl('failure', failure)))
  world.run()
  t.same([memory.answers.taken, session.callsInFlight], [0, 0])
  t.same(answers, [])
})

t.test('messages that take turns are not late while one of them moves', async (t) => {
  const pair = await rawClient()
  const { raw, world, events } = pair
  for (const callId of [1, 2]) announce(pair, PUT, callId, 900_000)
  for (let passed = 0; passed < 2 * MESSAGE_STALL_MS_MAX; passed += PROGRESS_MS / 2) {
    raw.send(PUT, 1, new Uint8Array(10_000), FLAG_MORE)
    world.pass(PROGRESS_MS / 2)
  }
  t.same(events.ends, [])
  world.pass(MESSAGE_STALL_MS_MAX + 2 * PROGRESS_MS)
  t.same(events.ends, ['frame-late'])
})

t.test('a ping is no progress of an answer that gets no credit', async (t) => {
  const memory = ample()
  const pair = await rawClient(memory)
  const { raw, world, events } = pair
  const [call] = gets(pair, 1) as [IncomingCallOf<'get'>]
  t.equal(call.room.reserve(4_000_000), undefined)
  call.answer({ ...REPLIES.get, siblings: [new Uint8Array(4_000_000)] })
  for (let passed = 0; passed < 2 * MESSAGE_STALL_MS_MAX; passed += PROGRESS_MS / 2) {
    if (events.ends.length === 0) raw.send(CONTROL_KINDS.ping, 0)
    world.pass(PROGRESS_MS / 2)
  }
  t.same(events.ends, ['reader-too-slow'])
  t.equal(memory.grown.taken, 0)
  t.equal(world.timers, 0)
})

t.test('writes begin though puts that wait for them have all memory', async (t) => {
  const memory = sessionMemory(65_536, 262_144)
  const { near, far, farEvents, world } = await sessionPair(PEER_A, PEER_B, undefined, memory)
  for (let i = 0; i < 40; i++) near.call('peerPut', REQUESTS.peerPut, () => undefined)
  near.call('peerWrite', REQUESTS.peerWrite, () => undefined)
  world.run()
  t.equal(farEvents.calls.at(-1)?.kind, 'peerWrite')
  for (const call of farEvents.calls) call.fail(new OperatingError('overloaded', 'too many'))
  world.run()
  t.equal(far.callsToAnswer, 0)
  t.equal(memory.requests.taken + memory.begun.taken + memory.handedOn.taken, 0)
})

t.test('an answer between nodes may wait for memory while others wait for its own', async (t) => {
  const memory = sessionMemory(1_000_000, 4_000_000)
  const { near, far, farEvents, world } = await sessionPair(PEER_A, PEER_B, undefined, memory)
  const room = { isWaiting: true, reserve: () => new Promise<void>(() => undefined) }
  const call = near.call('peerRead', REQUESTS.peerRead, () => undefined, room)
  world.run()
  const [asked] = farEvents.calls as [IncomingCallOf<'peerRead'>]
  const reply = { ...REPLIES.peerRead, object: new Uint8Array(900_000) }
  t.equal(asked.room.reserve(900_000), undefined)
  asked.answer(reply)
  world.run()
  const other = memory.grown.share(1_000_000)
  other.whenTaken(900_000, () => undefined)
  for (let passed = 0; passed < MESSAGE_STALL_MS_MAX / 2; passed += PEER_SILENCE_MS) {
    near.ping()
    world.pass(PEER_SILENCE_MS)
  }
  t.same([far.isEnded, memory.grown.isShort], [false, true])
  call.forget()
  world.run()
  t.same([near.callsInFlight, memory.grown.isShort], [0, false])
  other.close()
  t.equal(memory.grown.taken, 0)
})

for (const isSilent of [true, false]) {
  const ends = isSilent ? 'gives its memory to others' : 'keeps its memory'
  t.test(
    `a node that stops in a message and ${isSilent ? 'is silent' : 'pings'} ${ends}`,
    async (t) => {
      const memory = sessionMemory(1_000_000, 4_000_000)
      const { near, far, nearEnd, world } = await sessionPair(PEER_A, PEER_B, undefined, memory)
      const write = { ...REQUESTS.peerWrite, object: new Uint8Array(900_000) }
      // It hears of no credit.
      nearEnd.isDeaf = true
      near.call('peerWrite', write, () => undefined)
      world.run()
      let isTaken = false
      const other = memory.received.share(1_000_000)
      other.whenTaken(900_000, () => {
        isTaken = true
      })
      for (let passed = 0; passed < 4 * PEER_SILENCE_MS; passed += PEER_SILENCE_MS / 2) {
        if (!isSilent) near.ping()
        world.pass(PEER_SILENCE_MS / 2)
      }
      t.same([far.isEnded, isTaken], [isSilent, isSilent])
      other.close()
    },
  )
}
