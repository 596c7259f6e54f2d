/** Long messages: chunks that take turns, credit, and bounds on memory. */
import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import t from 'tap'
import { isOperatingError } from '../../../src/base/errors.ts'
import {
  CALLS_PER_CONNECTION_MAX,
  CHUNK_BYTES_MAX,
  CREDIT_BYTES_MAX,
  INCOMING_BYTES_PER_CONNECTION_MAX,
  MESSAGE_BYTES_MAX,
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
import { NAME, REPLIES, REQUESTS } from '../../support/wire-examples.ts'
import {
  bytesOf,
  type GotFrame,
  rawClient,
  rawNode,
  sessionPair,
} from '../../support/wire-frames.ts'

const { put: PUT, get: GET } = REQUEST_KINDS
const CREDIT = CONTROL_KINDS.credit

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
function chunksOf(put: Put, length = CHUNK_BYTES_MAX): Uint8Array[] {
  const body = bytesOf(encodeRequest('put', put))
  const chunks: Uint8Array[] = []
  for (let at = 0; at < body.length; at += length) chunks.push(body.subarray(at, at + length))
  return chunks
}

t.test('long and short messages arrive whole when they are interleaved', async (t) => {
  const { world, near, farEvents, nearEnd, farEnd } = await sessionPair()
  nearEnd.cut = farEnd.cut = (available) => Math.min(available, 1 + world.random(90_000))
  const lengths = [CHUNK_BYTES_MAX, 300_000, 8_000_000, 5, 2_000_000, 1_000_000, 70_000]
  farEvents.onCall = (call) => {
    const put = call as IncomingCallOf<'put'>
    const { request, token } = put
    if (token.hi !== tokenOf(NAME.bucket, NAME.key).hi) t.fail('the token is of the whole message')
    put.answer({
      context: (request.value as Uint8Array).slice(),
      attempts: 1,
      answered: 0,
      needed: 0,
    })
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

t.test('long messages take turns, and a short one overtakes them', async (t) => {
  const { world, raw, session } = await rawNode()
  for (let i = 0; i < 3; i++) session.call('put', putOf(1_000_000), () => undefined)
  session.call('get', REQUESTS.get, () => undefined)
  world.run()
  const sent = raw.take()
  const order = sent.map(({ kind, callId }) => (kind === GET ? 'get' : callId))
  const turns = order.filter((callId) => callId === 2 || callId === 3)
  t.same(turns, [2, 3, 2, 3, 2, 3, 2, 3])
  const place = order.indexOf('get')
  t.ok(place >= 0 && place <= 3, `the get was frame ${place}`)
  t.ok(sent.every(({ body }) => body.length <= CHUNK_BYTES_MAX))
})

t.test('a sender stops at its credit and continues with more', async (t) => {
  const { world, raw, session } = await rawNode()
  const put = putOf(4_000_000)
  const length = bytesOf(encodeRequest('put', put)).length
  session.call('put', put, () => undefined)
  let got = 0
  const take = (): number => {
    world.run()
    for (const { body } of raw.take()) got += body.length
    return got
  }
  t.equal(take(), CREDIT_BYTES_MAX)
  world.pass(1000)
  t.equal(take(), CREDIT_BYTES_MAX, 'no credit, no chunk')
  raw.send(CREDIT, 1, bytesOf(encodeControl('credit', { bytes: 10, isAnswer: false })))
  t.equal(take(), CREDIT_BYTES_MAX + 10)
  raw.send(CREDIT, 1, bytesOf(encodeControl('credit', { bytes: 2 ** 20, isAnswer: true })))
  raw.send(CREDIT, 2, bytesOf(encodeControl('credit', { bytes: 2 ** 20, isAnswer: false })))
  t.equal(take(), CREDIT_BYTES_MAX + 10, 'credit for other messages is not used')
  raw.send(CREDIT, 1, bytesOf(encodeControl('credit', { bytes: 2 ** 24, isAnswer: false })))
  t.equal(take(), length)
})

t.test('a receiver grants credit in time, and never more than its bound', async (t) => {
  const { world, raw, events } = await rawClient()
  const chunks = chunksOf(putOf(6_000_000))
  let granted = CREDIT_BYTES_MAX
  let sent = 0
  for (const [i, chunk] of chunks.entries()) {
    t.ok(sent + chunk.length <= granted, 'credit comes before it is used')
    raw.send(PUT, 1, chunk, i + 1 < chunks.length ? FLAG_MORE : 0)
    sent += chunk.length
    world.run()
    for (const { kind, callId, body } of raw.take()) {
      t.same([kind, callId], [CREDIT, 1])
      const credit = decodeControl('credit', body, 0, body.length)
      t.equal(credit.isAnswer, false)
      granted += credit.bytes
    }
    t.ok(granted - sent <= CREDIT_BYTES_MAX)
  }
  t.equal(events.calls.length, 1)
})

t.test('a sender that exceeds its credit loses its connection', async (t) => {
  const { world, raw, events } = await rawClient()
  raw.send(PUT, 1, new Uint8Array(CREDIT_BYTES_MAX), FLAG_MORE)
  await world.untilIdle()
  t.same(events.ends, [])
  const second = await rawClient()
  second.raw.send(PUT, 1, new Uint8Array(CREDIT_BYTES_MAX + 1), FLAG_MORE)
  await second.world.untilIdle()
  t.same(second.events.ends, ['credit-overrun'])
  t.equal(failureIn(second.raw.take().at(-1)), 'credit-overrun')
})

t.test('a message that is too long fails alone, and its further chunks are dropped', async (t) => {
  const { world, raw, events, session } = await rawClient()
  const chunk = new Uint8Array(CHUNK_BYTES_MAX)
  const before = process.memoryUsage().arrayBuffers
  const failures: string[] = []
  for (let sent = 0; sent <= MESSAGE_BYTES_MAX + 40 * CHUNK_BYTES_MAX; sent += chunk.length) {
    raw.send(PUT, 1, chunk, FLAG_MORE)
    world.run()
    for (const frame of raw.take()) if (frame.kind !== CREDIT) failures.push(failureIn(frame))
  }
  raw.send(PUT, 1, chunk)
  raw.send(GET, 2, bytesOf(encodeRequest('get', REQUESTS.get)))
  world.run()
  t.same(failures, ['message-too-long'], 'refused once')
  t.equal(events.calls[0]?.kind, 'get', 'the connection goes on')
  t.equal(session.isEnded, false)
  const held = process.memoryUsage().arrayBuffers - before
  t.ok(held < 4 * MESSAGE_BYTES_MAX, `${held} bytes`)
})

t.test(
  'an answer that is too long fails its call once, also when the connection ends',
  async (t) => {
    const { world, raw, session } = await rawNode()
    const answers: string[] = []
    session.call('get', REQUESTS.get, (answer) => answers.push(codeOf(answer)))
    world.run()
    const chunk = new Uint8Array(CHUNK_BYTES_MAX)
    for (let sent = 0; sent <= MESSAGE_BYTES_MAX; sent += chunk.length) {
      raw.send(GET + REPLY, 1, chunk, FLAG_MORE)
      world.run()
    }
    t.same(answers, ['message-too-long'])
    raw.end.destroy()
    world.run()
    t.same(answers, ['message-too-long'])
  },
)

/** Bytes of array buffers after a garbage collection. */
async function arrayBytes(): Promise<number> {
  setFlagsFromString('--expose-gc')
  const collect = runInNewContext('gc') as () => void
  for (let i = 0; i < 3; i++) {
    collect()
    await new Promise((resolve) => setTimeout(resolve, 20))
  }
  return process.memoryUsage().arrayBuffers
}

t.test('dropped messages hold no memory', async (t) => {
  const before = await arrayBytes()
  const receivers = [1, 2, 3].map(() => new ChunkReceiver(() => undefined))
  for (const receiver of receivers) {
    for (let i = 0; i <= MESSAGE_BYTES_MAX / CHUNK_BYTES_MAX; i++) {
      receiver.add(frame(1, CHUNK_BYTES_MAX, false), false, true)
    }
  }
  const held = (await arrayBytes()) - before
  t.ok(held < MESSAGE_BYTES_MAX, `${held} bytes are held for three dropped messages`)
  t.same(
    receivers.map(({ heldBytes, count }) => [heldBytes, count]),
    Array(3).fill([0, 1]),
  )
})

const frame = (callId: number, length: number, isLast: boolean, kind = PUT as number): Frame => ({
  kind,
  flags: isLast ? 0 : FLAG_MORE,
  callId,
  bytes: new Uint8Array(length),
  start: 0,
  length,
  hasToken: false,
  tokenHi: 0,
  tokenLo: 0,
})

t.test('partly received messages have one bound together', async (t) => {
  const receiver = new ChunkReceiver(() => undefined)
  const refused: number[] = []
  for (let callId = 1; callId <= 160; callId++) {
    for (let i = 0; i < 4; i++) {
      const outcome = receiver.add(frame(callId, CHUNK_BYTES_MAX, false), false, true)
      if (outcome.kind === 'refused') refused.push(callId)
      else if (outcome.kind !== 'nothing') t.fail(outcome.kind)
    }
  }
  t.same(
    refused,
    Array.from({ length: 96 }, (_, i) => 65 + i),
    'each refused once',
  )
  t.equal(receiver.heldBytes, 64 * 4 * CHUNK_BYTES_MAX)
  t.equal(
    receiver.add(frame(1, 9, true), false, true).kind,
    'whole',
    'a message that was begun may end',
  )
  t.equal(
    receiver.add(frame(160, 9, true), false, true).kind,
    'nothing',
    'this message was refused',
  )
  t.equal(receiver.heldBytes, 63 * 4 * CHUNK_BYTES_MAX, 'an ended message is not held')
  const kinds: string[] = []
  for (let callId = 2; callId <= 64; callId++) {
    for (let i = 0; i < 8; i++) {
      kinds.push(receiver.add(frame(callId, CHUNK_BYTES_MAX, false), false, true).kind)
    }
  }
  t.ok(kinds.includes('refused') && !kinds.includes('broken'))
  t.ok(receiver.heldBytes <= INCOMING_BYTES_PER_CONNECTION_MAX)
  receiver.clear()
  t.same([receiver.count, receiver.heldBytes], [0, 0])
})

t.test('memory follows the bytes received', async (t) => {
  const receiver = new ChunkReceiver(() => undefined)
  const before = process.memoryUsage().arrayBuffers
  for (let callId = 1; callId <= 1000; callId++)
    receiver.add(frame(callId, 100, false), false, true)
  t.ok(process.memoryUsage().arrayBuffers - before < 1000 * 500)
  t.equal(receiver.count, 1000)
})

t.test('too many begun messages, or two kinds in one message, break the stream', async (t) => {
  const receiver = new ChunkReceiver(() => undefined)
  for (let callId = 1; callId <= 2 * CALLS_PER_CONNECTION_MAX; callId++) {
    receiver.add(frame(callId, 1, false), false, true)
  }
  t.match(receiver.add(frame(9999, 1, false), false, true), { kind: 'broken', code: 'overloaded' })
  t.match(receiver.add(frame(1, 1, false, GET), false, true), {
    kind: 'broken',
    code: 'message-garbled',
  })
})

t.test('the chunks of an answer to a forgotten call are dropped', async (t) => {
  const { world, raw, session } = await rawNode()
  const answers: string[] = []
  const forgotten = session.call('get', REQUESTS.get, (answer) => answers.push(codeOf(answer)))
  session.call('get', REQUESTS.get, (answer) => answers.push(codeOf(answer)))
  world.run()
  raw.take()
  forgotten.forget()
  const reply = { ...REPLIES.get, siblings: [new Uint8Array(900_000)] }
  const body = bytesOf(encodeReply('get', reply))
  const half = body.length >> 1
  for (const callId of [1, 2, 3]) raw.send(GET + REPLY, callId, body.subarray(0, half), FLAG_MORE)
  world.run()
  t.equal(session.callsInFlight, 2)
  for (const callId of [1, 2, 3]) raw.send(GET + REPLY, callId, body.subarray(half))
  world.run()
  t.same(answers, ['reply'])
  t.equal(session.callsInFlight, 0)
})
