/** Sides that stall or read slowly: they are paused, then dropped. */
import t from 'tap'
import { isOperatingError } from '../../../src/base/errors.ts'
import {
  CHUNK_BYTES_MAX,
  MESSAGE_STALL_MS_MAX,
  OUTGOING_BYTES_PAUSE,
  OUTGOING_BYTES_PER_CONNECTION_MAX,
} from '../../../src/limits.ts'
import { decodeControl, encodeRequest } from '../../../src/wire/convert.ts'
import type { Put } from '../../../src/wire/message/client.ts'
import { FAILURE_KIND, FLAG_MORE } from '../../../src/wire/message/session.ts'
import { REQUEST_KINDS } from '../../../src/wire/message/table.ts'
import type { IncomingCallOf } from '../../../src/wire/session.ts'
import { REPLIES, REQUESTS } from '../../support/wire-examples.ts'
import { bytesOf, type GotFrame, rawClient, rawNode } from '../../support/wire-frames.ts'

const { put: PUT, get: GET } = REQUEST_KINDS

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

t.test('a message without progress ends its connection', async (t) => {
  const { world, raw, events } = await rawClient()
  raw.send(PUT, 1, new Uint8Array(100), FLAG_MORE)
  world.pass(MESSAGE_STALL_MS_MAX - 1000)
  t.same(events.ends, [])
  world.pass(30_000)
  t.same(events.ends, ['frame-late'])
  t.equal(failureIn(raw.take().at(-1)), 'frame-late')
  t.equal(world.timers, 0)
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
    const get = bytesOf(encodeRequest('get', REQUESTS.get))
    const reply = { ...REPLIES.get, siblings: [new Uint8Array(100_000)] }
    const far = raw.end.other
    raw.end.isDeaf = true
    for (let i = 0; i < 40; i++) {
      raw.send(GET, i + 1, get)
      world.run()
      ;(events.calls.at(-1) as IncomingCallOf<'get'>).answer(reply)
      world.run()
      if (far.isPaused) break
    }
    t.ok(far.isPaused, 'waiting bytes above the bound pause reading')
    t.ok(far.unsentBytes > OUTGOING_BYTES_PAUSE)
    t.ok(far.unsentBytes < OUTGOING_BYTES_PAUSE + 400_000)
    const asked = events.calls.length
    raw.send(GET, 100, get)
    world.run()
    t.equal(events.calls.length, asked)
    raw.end.hear()
    world.run()
    t.equal(far.isPaused, false)
    t.equal(events.calls.length, asked + 1, 'reading resumes when the bytes have left')

    raw.end.isDeaf = true
    for (let i = 0; i < 30; i++) {
      raw.send(GET, 200 + i, get)
      world.run()
      if (events.calls.length > asked + 1 + i)
        (events.calls.at(-1) as IncomingCallOf<'get'>).answer(reply)
      world.run()
    }
    t.ok(far.isPaused)
    world.pass(25_000)
    t.same(events.ends, ['reader-too-slow'])
    t.ok(session.isEnded)
    t.ok(world.facts.some(({ fact }) => fact === 'slow-reader-cut'))
    t.equal(world.timers, 0)
  },
)

t.test('the bytes that wait for one reader are bounded', async (t) => {
  const { world, raw, events } = await rawClient()
  const get = bytesOf(encodeRequest('get', REQUESTS.get))
  const big = { ...REPLIES.get, siblings: [new Uint8Array(8_000_000)] }
  const refused: string[] = []
  for (let i = 0; i < 40; i++) {
    raw.send(GET, i + 1, get)
    world.run()
    for (const frame of raw.take()) if (frame.kind === FAILURE_KIND) refused.push(failureIn(frame))
    if (events.calls.length > i) (events.calls[i] as IncomingCallOf<'get'>).answer(big)
  }
  t.ok(refused.length > 20, 'no more is begun')
  t.ok(refused.every((code) => code === 'overloaded'))

  const second = await rawClient()
  for (let i = 0; i < 40; i++) second.raw.send(GET, i + 1, get)
  second.world.run()
  for (const call of second.events.calls) (call as IncomingCallOf<'get'>).answer(big)
  second.world.run()
  t.same(second.events.ends, ['reader-too-slow'], 'what was asked before is cut off')
  t.ok(second.session.waitingBytes <= OUTGOING_BYTES_PER_CONNECTION_MAX + 9_000_000)
})

t.test(
  'the bytes that wait for one reader are bounded, also if every answer is short',
  async (t) => {
    const { world, raw, events, session } = await rawClient()
    const get = bytesOf(encodeRequest('get', REQUESTS.get))
    const short = { ...REPLIES.get, siblings: [new Uint8Array(CHUNK_BYTES_MAX - 1_000)] }
    for (let i = 0; i < 900; i++) raw.send(GET, i + 1, get)
    world.run()
    t.equal(events.calls.length, 900)
    raw.end.isDeaf = true
    for (const call of events.calls) {
      if (session.isEnded) break
      ;(call as IncomingCallOf<'get'>).answer(short)
      world.run()
    }
    t.same(events.ends, ['reader-too-slow'])
    t.ok(session.waitingBytes <= OUTGOING_BYTES_PER_CONNECTION_MAX + 2 * CHUNK_BYTES_MAX)
  },
)

t.test('the side that connected always reads', async (t) => {
  const { world, raw, session } = await rawNode()
  raw.end.isDeaf = true
  const answers: string[] = []
  for (let i = 0; i < 900; i++) session.call('put', putOf(250_000), (a) => answers.push(codeOf(a)))
  world.run()
  t.equal(raw.end.other.isPaused, false)
  t.ok(answers.length > 300 && answers.every((code) => code === 'overloaded'))
})
