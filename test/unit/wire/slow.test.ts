/** Sides that stall or read slowly: what waits for them is bounded, and the stalled are dropped. */
import t from 'tap'
import { isOperatingError, OperatingError } from '../../../src/base/errors.ts'
import {
  ANSWER_BYTES_FIRST,
  MESSAGE_STALL_MS_MAX,
  OUTGOING_BYTES_PAUSE,
  PROGRESS_MS,
  WINDOW_BYTES,
} from '../../../src/limits.ts'
import { decodeControl, encodeControl, encodeRequest } from '../../../src/wire/convert.ts'
import type { Put } from '../../../src/wire/message/client.ts'
import { CONTROL_KINDS, FAILURE_KIND, FLAG_MORE } from '../../../src/wire/message/session.ts'
import { REQUEST_KINDS } from '../../../src/wire/message/table.ts'
import { sessionMemory } from '../../../src/wire/session-memory.ts'
import type { IncomingCallOf } from '../../../src/wire/session.ts'
import { REPLIES } from '../../support/wire-replies.ts'
import { REQUESTS } from '../../support/wire-requests.ts'
import {
  bytesOf,
  type GotFrame,
  rawClient,
  rawNode,
  type RawPair,
} from '../../support/wire-frames.ts'

const { put: PUT, get: GET } = REQUEST_KINDS
const GET_BYTES = bytesOf(encodeRequest('get', REQUESTS.get))

function putOf(length: number): Put {
  const value = new Uint8Array(length)
  for (let at = 0; at < length; at += 997) value[at] = at & 255
  return { ...REQUESTS.put, value }
}

function codeOf(answer: unknown): string {
  return isOperatingError(answer) ? answer.code : 'reply'
}

function failureIn(frame: GotFrame | undefined): string {
  const { kind, body } = frame as GotFrame
  const name = kind === FAILURE_KIND ? 'failure' : 'goodbye'
  return decodeControl(name, body, 0, body.length).code
}

function replyOf(bytes: number): typeof REPLIES.get {
  return { ...REPLIES.get, siblings: [new Uint8Array(bytes)] }
}

function announcePut({ raw, world }: RawPair, callId: number, bytes: number): void {
  raw.send(CONTROL_KINDS.length, callId, bytesOf(encodeControl('length', { kind: PUT, bytes })))
  world.run()
}

t.test('a message without progress ends its connection', async (t) => {
  const pair = await rawClient()
  const { world, raw, events } = pair
  announcePut(pair, 1, 100_000)
  raw.send(PUT, 1, new Uint8Array(100), FLAG_MORE)
  world.pass(MESSAGE_STALL_MS_MAX - 1000)
  t.same(events.ends, [])
  world.pass(30_000)
  t.same(events.ends, ['frame-late'])
  t.equal(failureIn(raw.take().at(-1)), 'frame-late')
  t.equal(world.timers, 0)
})

t.test('sooner, where others wait for the memory that it holds', async (t) => {
  const memory = sessionMemory(WINDOW_BYTES, 4 * WINDOW_BYTES)
  const [first, second] = [await rawClient(memory), await rawClient(memory)]
  announcePut(first, 1, WINDOW_BYTES)
  announcePut(second, 1, WINDOW_BYTES)
  t.same(
    second.raw.take().map(({ kind }) => kind),
    [],
    'the memory is taken',
  )
  first.world.pass(2 * PROGRESS_MS + 1000)
  t.same(first.events.ends, ['frame-late'])
  second.world.run()
  t.same(
    second.raw.take().map(({ kind }) => kind),
    [CONTROL_KINDS.credit],
  )
})

t.test('a receiver that never grants credit loses its connection', async (t) => {
  const { world, raw, session, events } = await rawNode()
  session.call('put', putOf(4_000_000), () => undefined)
  world.pass(MESSAGE_STALL_MS_MAX + 30_000)
  t.same(events.ends, ['reader-too-slow'])
  t.ok(raw.isClosed)
  t.equal(world.timers, 0)
})

t.test(
  'the acceptor stops reading from a slow reader, and drops one that never reads',
  async (t) => {
    const { world, raw, session, events } = await rawClient()
    const reply = replyOf(50_000)
    const far = raw.end.other
    raw.end.isDeaf = true
    for (let i = 0; i < 40 && !far.isPaused; i++) {
      raw.send(GET, i + 1, GET_BYTES)
      world.run()
      ;(events.calls.at(-1) as IncomingCallOf<'get'>).answer(reply)
      world.run()
    }
    t.ok(far.isPaused, 'waiting bytes above the bound pause reading')
    t.ok(far.unsentBytes > OUTGOING_BYTES_PAUSE)
    t.ok(far.unsentBytes < OUTGOING_BYTES_PAUSE + 100_000)
    const asked = events.calls.length
    raw.send(GET, 100, GET_BYTES)
    world.run()
    t.equal(events.calls.length, asked)
    raw.end.hear()
    world.run()
    t.equal(far.isPaused, false)
    t.equal(events.calls.length, asked + 1, 'reading resumes when the bytes have left')

    raw.end.isDeaf = true
    ;(events.calls.at(-1) as IncomingCallOf<'get'>).answer(reply)
    world.run()
    for (let i = 0; i < 40 && !far.isPaused; i++) {
      raw.send(GET, 200 + i, GET_BYTES)
      world.run()
      ;(events.calls.at(-1) as IncomingCallOf<'get'>).answer(reply)
      world.run()
    }
    world.pass(MESSAGE_STALL_MS_MAX + 2 * PROGRESS_MS)
    t.same(events.ends, ['reader-too-slow'])
    t.ok(session.isEnded)
    t.ok(world.facts.some(({ fact }) => fact === 'slow-reader-cut'))
    t.equal(world.timers, 0)
  },
)

t.test('calls whose answers no one reads do not begin', async (t) => {
  const { world, raw, events } = await rawClient()
  raw.end.isDeaf = true
  for (let i = 0; i < 600; i++) raw.send(GET, i + 1, GET_BYTES)
  world.run()
  const begun = WINDOW_BYTES / ANSWER_BYTES_FIRST
  t.equal(events.calls.length, begun)
  for (let i = 0; i < begun; i++) {
    ;(events.calls[i] as IncomingCallOf<'get'>).answer(replyOf(50_000))
    world.run()
  }
  const waiting = begun - (events.calls.length - begun)
  t.ok(waiting > 200, 'answers that have not left keep their memory')
  raw.end.hear()
  world.run()
  t.equal(events.calls.length, begun + begun)
})

t.test('a long answer waits for memory before it is made', async (t) => {
  const { world, raw, events, session } = await rawClient()
  for (let i = 0; i < 3; i++) raw.send(GET, i + 1, GET_BYTES)
  world.run()
  const [first, second, third] = events.calls as IncomingCallOf<'get'>[]
  t.equal(first?.room.reserve(60_000), undefined, 'a short one has it')
  t.equal(first?.room.reserve(WINDOW_BYTES), undefined)
  const waiting = second?.room.reserve(9_000_000)
  const last = third?.room.reserve(9_000_000)
  t.ok(waiting instanceof Promise && last instanceof Promise)
  let isReserved = false
  void Promise.resolve(waiting).then(() => {
    isReserved = true
  })
  await world.untilIdle()
  t.equal(isReserved, false)
  first?.answer(replyOf(100))
  await world.untilIdle()
  t.equal(isReserved, true)
  const rejected = t.rejects(Promise.resolve(last), { code: 'connection-lost' })
  session.end(new OperatingError('node-stopping', 'this node stops'))
  await world.untilIdle()
  await rejected
})

t.test('the side that connected always reads', async (t) => {
  const { world, raw, session } = await rawNode()
  raw.end.isDeaf = true
  const answers: string[] = []
  for (let i = 0; i < 900; i++) session.call('put', putOf(250_000), (a) => answers.push(codeOf(a)))
  world.run()
  t.equal(raw.end.other.isPaused, false)
  t.ok(answers.length > 300 && answers.every((code) => code === 'overloaded'))
})
