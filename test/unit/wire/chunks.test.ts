/** Long messages: announced, allowed by credit, sent in turns, and bounded in memory. */
import t from 'tap'
import { isOperatingError } from '../../../src/base/errors.ts'
import {
  CALLS_PER_CONNECTION_MAX,
  CREDIT_BYTES_MAX,
  FRAME_BODY_BYTES_MAX,
  MESSAGE_BYTES_MAX,
  WINDOW_BYTES,
} from '../../../src/limits.ts'
import { tokenOf } from '../../../src/native/digest.ts'
import { ChunkReceiver } from '../../../src/wire/chunk-receiver.ts'
import {
  decodeControl,
  encodeControl,
  encodeReply,
  encodeRequest,
} from '../../../src/wire/convert.ts'
import type { Frame } from '../../../src/wire/frame.ts'
import type { Put } from '../../../src/wire/message/client.ts'
import { CONTROL_KINDS, FAILURE_KIND, FLAG_MORE, REPLY } from '../../../src/wire/message/session.ts'
import { REQUEST_KINDS } from '../../../src/wire/message/table.ts'
import type { IncomingCallOf } from '../../../src/wire/session.ts'
import { REPLIES } from '../../support/wire-replies.ts'
import { REQUESTS } from '../../support/wire-requests.ts'
import { NAME } from '../../support/wire-values.ts'
import {
  bytesOf,
  type GotFrame,
  rawClient,
  type RawEnd,
  rawNode,
  sessionPair,
} from '../../support/wire-frames.ts'

const { put: PUT, get: GET } = REQUEST_KINDS
const { credit: CREDIT, length: LENGTH, cancel: CANCEL } = CONTROL_KINDS

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

/** The body of a put, cut into chunks. */
function chunksOf(put: Put, length = FRAME_BODY_BYTES_MAX): Uint8Array[] {
  const body = bytesOf(encodeRequest('put', put))
  const chunks: Uint8Array[] = []
  for (let at = 0; at < body.length; at += length) chunks.push(body.subarray(at, at + length))
  return chunks
}

function announce(raw: RawEnd, kind: number, callId: number, bytes: number): void {
  raw.send(LENGTH, callId, bytesOf(encodeControl('length', { kind, bytes })))
}

function allow(raw: RawEnd, callId: number, bytes: number, isAnswer = false): void {
  raw.send(CREDIT, callId, bytesOf(encodeControl('credit', { bytes, isAnswer })))
}

t.test('long and short messages arrive whole when they are interleaved', async (t) => {
  const { world, near, farEvents, nearEnd, farEnd } = await sessionPair()
  nearEnd.cut = farEnd.cut = (available) => Math.min(available, 1 + world.random(90_000))
  const lengths = [FRAME_BODY_BYTES_MAX, 300_000, 8_000_000, 5, 2_000_000, 1_000_000, 70_000]
  farEvents.onCall = (call) => {
    const put = call as IncomingCallOf<'put'>
    const { request, token } = put
    if (token.hi !== tokenOf(NAME.bucket, NAME.key).hi) t.fail('the token is of the whole message')
    const context = (request.value as Uint8Array).slice()
    const achieved = { context, receipt: context.subarray(0, 0), holders: [] }
    put.answer({ ...achieved, attempts: 1, answered: 0, needed: 0 })
  }
  let right = 0
  for (let i = 0; i < 21; i++) {
    const put = putOf(lengths[i % lengths.length] as number)
    near.call('put', put, (answer) => {
      if (isOperatingError(answer)) t.fail(answer.message)
      else if (Buffer.compare(answer.context, put.value as Uint8Array) === 0) right += 1
    })
  }
  await world.untilIdle()
  t.equal(right, 21)
  t.same([near.callsInFlight, near.waitingBytes], [0, 0])
  world.pass(100_000)
  t.equal(world.timers, 0)
})

t.test('a long message is announced, and waits for credit', async (t) => {
  const { world, raw, session } = await rawNode()
  const put = putOf(4_000_000)
  const { length } = bytesOf(encodeRequest('put', put))
  session.call('put', put, () => undefined)
  world.run()
  const [first, ...others] = raw.take()
  t.same([first?.kind, first?.callId, others.length], [LENGTH, 1, 0])
  const { body } = first as GotFrame
  t.same(decodeControl('length', body, 0, body.length), { kind: PUT, bytes: length })
  let got = 0
  const take = (): number => {
    world.run()
    for (const frame of raw.take()) got += frame.body.length
    return got
  }
  world.pass(1000)
  t.equal(take(), 0, 'no credit, no chunk')
  allow(raw, 1, 100_000)
  t.equal(take(), 100_000)
  allow(raw, 1, 10)
  t.equal(take(), 100_010)
  allow(raw, 1, 2 ** 20, true)
  allow(raw, 2, 2 ** 20)
  t.equal(take(), 100_010, 'credit for other messages is not used')
  allow(raw, 1, 2 ** 24)
  t.equal(take(), length)
})

t.test('long messages take turns, and a short one overtakes them', async (t) => {
  const { world, raw, session } = await rawNode()
  for (let i = 0; i < 3; i++) session.call('put', putOf(1_000_000), () => undefined)
  world.run()
  raw.take()
  for (const callId of [1, 2, 3]) allow(raw, callId, 2 ** 24)
  session.call('get', REQUESTS.get, () => undefined)
  world.run()
  const sent = raw.take()
  const order = sent.map(({ kind, callId }) => (kind === GET ? 'get' : callId))
  const turns = order.filter((callId) => callId === 2 || callId === 3)
  // Before its value and after it a put has a few bytes, which are chunks too.
  const chunks = Math.ceil(1_000_000 / FRAME_BODY_BYTES_MAX) + 2
  t.same(turns, Array(chunks).fill([2, 3]).flat())
  const place = order.indexOf('get')
  t.ok(place >= 0 && place <= 9, `the get was frame ${place}`)
  t.ok(sent.every(({ body }) => body.length <= FRAME_BODY_BYTES_MAX))
})

t.test('a receiver grants credit in time, and never more than its bound', async (t) => {
  const { world, raw, events } = await rawClient()
  const chunks = chunksOf(putOf(6_000_000))
  const length = chunks.reduce((sum, chunk) => sum + chunk.length, 0)
  let granted = 0
  let sent = 0
  const takeCredit = (): void => {
    world.run()
    for (const { kind, callId, body } of raw.take()) {
      t.same([kind, callId], [CREDIT, 1])
      const credit = decodeControl('credit', body, 0, body.length)
      t.equal(credit.isAnswer, false)
      granted += credit.bytes
    }
  }
  announce(raw, PUT, 1, length)
  takeCredit()
  for (const [i, chunk] of chunks.entries()) {
    t.ok(sent + chunk.length <= granted, 'credit comes before it is used')
    raw.send(PUT, 1, chunk, i + 1 < chunks.length ? FLAG_MORE : 0)
    sent += chunk.length
    takeCredit()
    t.ok(granted - sent <= CREDIT_BYTES_MAX)
  }
  t.equal(granted, length, 'no credit beyond the message')
  t.equal(events.calls.length, 1)
})

t.test('a sender that breaks the rules of chunks loses its connection', async (t) => {
  const chunk = new Uint8Array(1000)
  const cases: readonly (readonly [string, string, (raw: RawEnd) => void])[] = [
    ['credit-overrun', 'not announced', (raw) => raw.send(PUT, 1, chunk, FLAG_MORE)],
    [
      'credit-overrun',
      'more than was announced',
      (raw) => {
        announce(raw, PUT, 1, 900)
        raw.send(PUT, 1, chunk, FLAG_MORE)
      },
    ],
    ['message-garbled', 'nothing announced', (raw) => announce(raw, PUT, 1, 0)],
    [
      'message-garbled',
      'an empty chunk',
      (raw) => {
        announce(raw, PUT, 1, 2000)
        raw.send(PUT, 1, new Uint8Array(0), FLAG_MORE)
      },
    ],
    [
      'message-garbled',
      'fewer bytes than were announced',
      (raw) => {
        announce(raw, PUT, 1, 2000)
        raw.send(PUT, 1, chunk)
      },
    ],
    [
      'message-garbled',
      'all bytes that were announced, and more to come',
      (raw) => {
        announce(raw, PUT, 1, 1000)
        raw.send(PUT, 1, chunk, FLAG_MORE)
      },
    ],
    [
      'message-garbled',
      'two kinds',
      (raw) => {
        announce(raw, PUT, 1, 2000)
        raw.send(GET, 1, chunk, FLAG_MORE)
      },
    ],
    [
      'call-id-wrong',
      'announced twice',
      (raw) => {
        announce(raw, PUT, 1, 2000)
        announce(raw, PUT, 1, 2000)
      },
    ],
  ]
  for (const [code, what, send] of cases) {
    const { world, raw, events } = await rawClient()
    send(raw)
    world.run()
    t.same(events.ends, [code], what)
    t.equal(failureIn(raw.take().at(-1)), code)
  }
})

t.test('a request that is too long fails alone, and is not sent', async (t) => {
  const { world, raw, events, session } = await rawClient()
  announce(raw, PUT, 1, MESSAGE_BYTES_MAX + 1)
  raw.send(GET, 2, bytesOf(encodeRequest('get', REQUESTS.get)))
  world.run()
  const frames = raw.take()
  t.same(frames.map(failureIn), ['message-too-long'])
  t.equal(events.calls[0]?.kind, 'get', 'the connection goes on')
  t.equal(session.isEnded, false)
})

t.test('an answer that is too long fails its call, and is cancelled', async (t) => {
  const { world, raw, session } = await rawNode()
  const answers: string[] = []
  session.call('get', REQUESTS.get, (answer) => answers.push(codeOf(answer)))
  world.run()
  raw.take()
  announce(raw, GET + REPLY, 1, MESSAGE_BYTES_MAX + 1)
  world.run()
  t.same(answers, ['message-too-long'])
  t.same(
    raw.take().map(({ kind, callId }) => [kind, callId]),
    [[CANCEL, 1]],
  )
  raw.end.destroy()
  world.run()
  t.same(answers, ['message-too-long'], 'once')
})

const frame = (callId: number, length: number, isLast: boolean): Frame => ({
  kind: PUT,
  flags: isLast ? 0 : FLAG_MORE,
  callId,
  bytes: new Uint8Array(length),
  start: 0,
  length,
  hasToken: false,
  tokenHi: 0,
  tokenLo: 0,
})

t.test('messages that are received have one bound together, and wait for each other', async (t) => {
  const { world, raw } = await rawClient()
  const bytes = WINDOW_BYTES / 4
  for (let callId = 1; callId <= 6; callId++) announce(raw, PUT, callId, bytes)
  world.run()
  const accepted = (): number[] => raw.take().map(({ callId }) => callId)
  t.same(accepted(), [1, 2, 3, 4], 'two have no credit')
  raw.send(CANCEL, 5)
  raw.send(CANCEL, 2)
  world.run()
  const frames = raw.take()
  t.same(
    frames.map((got) => [got.kind, got.callId]),
    [
      [FAILURE_KIND, 5],
      [CREDIT, 6],
      [FAILURE_KIND, 2],
    ],
  )
  t.equal(failureIn(frames[0]), 'cancelled')
})

t.test('a message takes its memory when its first chunk comes', async (t) => {
  const receiver = new ChunkReceiver(() => undefined)
  const before = process.memoryUsage().arrayBuffers
  for (let callId = 1; callId <= 1000; callId++) {
    receiver.announce(PUT, callId, MESSAGE_BYTES_MAX)
    receiver.accept(callId, false)
  }
  t.ok(process.memoryUsage().arrayBuffers - before < MESSAGE_BYTES_MAX)
  for (const callId of [1, 2, 1]) receiver.add(frame(callId, 100, false), false)
  t.equal(Math.round((process.memoryUsage().arrayBuffers - before) / MESSAGE_BYTES_MAX), 2)
  t.same([receiver.count, receiver.heldBytes], [1000, 300])
  receiver.drop(1, false)
  t.same([receiver.count, receiver.heldBytes], [999, 100])
  receiver.clear()
  t.same([receiver.count, receiver.heldBytes], [0, 0])
})

t.test('too many announced messages break the stream', async (t) => {
  const receiver = new ChunkReceiver(() => undefined)
  for (let callId = 1; callId <= 2 * CALLS_PER_CONNECTION_MAX; callId++) {
    receiver.announce(PUT, callId, 70_000)
  }
  t.match(receiver.announce(PUT, 9999, 70_000), { kind: 'broken', code: 'overloaded' })
})

t.test('of an answer that is not wanted any more no further chunk is sent', async (t) => {
  const { world, near, farEvents, nearEnd } = await sessionPair()
  let isAnswered = false
  const call = near.call('get', REQUESTS.get, () => {
    isAnswered = true
  })
  world.run()
  nearEnd.isDeaf = true
  const get = farEvents.calls[0] as IncomingCallOf<'get'>
  get.answer({ ...REPLIES.get, siblings: [new Uint8Array(9_000_000)] })
  world.run()
  nearEnd.hear()
  call.forget()
  await world.untilIdle()
  t.same([near.callsInFlight, isAnswered, near.isEnded], [0, false, false])
  near.call('get', REQUESTS.get, () => undefined)
  await world.untilIdle()
  t.equal(farEvents.calls.length, 2, 'the connection goes on')
})

t.test('chunks of an answer that were under way when it was forgotten are dropped', async (t) => {
  const { world, raw, session } = await rawNode()
  const answers: string[] = []
  const forgotten = session.call('get', REQUESTS.get, (answer) => answers.push(codeOf(answer)))
  session.call('get', REQUESTS.get, (answer) => answers.push(codeOf(answer)))
  world.run()
  const reply = { ...REPLIES.get, siblings: [new Uint8Array(100_000)] }
  const body = bytesOf(encodeReply('get', reply))
  const half = body.length >> 1
  for (const callId of [1, 2, 3]) announce(raw, GET + REPLY, callId, body.length)
  world.run()
  for (const callId of [1, 2]) raw.send(GET + REPLY, callId, body.subarray(0, half), FLAG_MORE)
  world.run()
  forgotten.forget()
  for (const callId of [1, 2]) raw.send(GET + REPLY, callId, body.subarray(half))
  world.run()
  t.same(answers, ['reply'])
  t.same([session.callsInFlight, session.isEnded], [0, false])
})
