/** A faulty message fails its call; a faulty stream ends the connection. */
import t from 'tap'
import { utf8Bytes } from '../../../src/base/bytes.ts'
import { isOperatingError, OperatingError } from '../../../src/base/errors.ts'
import { decodeControl, encodeReply, encodeRequest } from '../../../src/wire/convert.ts'
import { CONTROL_KINDS, FAILURE_KIND, REPLY } from '../../../src/wire/message/session.ts'
import { REQUEST_KINDS } from '../../../src/wire/message/table.ts'
import type { IncomingCallOf } from '../../../src/wire/session.ts'
import { REPLIES } from '../../support/wire-replies.ts'
import { REQUESTS } from '../../support/wire-requests.ts'
import {
  bytesOf,
  frameOf,
  type GotFrame,
  PEER_A,
  PEER_B,
  rawClient,
  rawNode,
  sessionPair,
} from '../../support/wire-frames.ts'

/** The code of an answer. */
function codeOf(answer: unknown): string {
  return isOperatingError(answer) ? answer.code : 'reply'
}

/** The code in the only frame that came: a failure, or a goodbye. */
function codeIn(frames: readonly GotFrame[], kind: number): string {
  if (frames.length !== 1 || frames[0]?.kind !== kind) return JSON.stringify(frames)
  const { body } = frames[0]
  const name = kind === FAILURE_KIND ? 'failure' : 'goodbye'
  return decodeControl(name, body, 0, body.length).code
}

t.test('a faulty request fails alone', async (t) => {
  const { world, raw, events, session } = await rawClient()
  const get = bytesOf(encodeRequest('get', REQUESTS.get))
  const mistakes: readonly (readonly [number, Uint8Array, string])[] = [
    [REQUEST_KINDS.get, Uint8Array.of(0xff), 'message-garbled'],
    [REQUEST_KINDS.get, new Uint8Array(0), 'bucket-wrong'],
    [REQUEST_KINDS.peerRead, bytesOf(encodeRequest('peerRead', REQUESTS.peerRead)), 'kind-unknown'],
    [REQUEST_KINDS.peerWrite, get, 'kind-unknown'],
    [REQUEST_KINDS.peerRange, get, 'kind-unknown'],
    [63, get, 'kind-unknown'],
    [16 + 7, get, 'kind-unknown'],
  ]
  for (const [i, [kind, body, code]] of mistakes.entries()) {
    raw.send(kind, i + 1, body)
    world.run()
    t.equal(codeIn(raw.take(), FAILURE_KIND), code, `kind ${kind}`)
  }
  t.equal(events.calls.length, 0)
  raw.send(REQUEST_KINDS.get, 10, get)
  world.run()
  t.equal(events.calls.length, 1, 'the connection goes on')
  t.equal(session.isEnded, false)
})

t.test('a client refuses requests', async (t) => {
  const { world, raw, events } = await rawNode()
  raw.send(REQUEST_KINDS.get, 1, bytesOf(encodeRequest('get', REQUESTS.get)))
  world.run()
  t.equal(codeIn(raw.take(), FAILURE_KIND), 'kind-unknown')
  t.equal(events.calls.length, 0)
})

t.test('a peer refuses requests of clients', async (t) => {
  const { world, near } = await sessionPair(PEER_A, PEER_B)
  const codes: string[] = []
  near.call('get', REQUESTS.get, (answer) => codes.push(codeOf(answer)))
  near.call('scan', REQUESTS.scan, (answer) => codes.push(codeOf(answer)))
  world.run()
  t.same(codes, ['kind-unknown', 'kind-unknown'])
})

t.test('a faulty stream ends the connection with a goodbye', async (t) => {
  const hello = CONTROL_KINDS.hello
  const spoiled = Uint8Array.of(0x45, 0x57, 1, 33, 0, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 9, 9, 9, 9)
  const breaks: readonly (readonly [
    string,
    (raw: Awaited<ReturnType<typeof rawClient>>['raw']) => void,
  ])[] = [
    ['frame-checksum', (raw) => raw.end.write(spoiled)],
    ['frame-magic', (raw) => raw.end.write(utf8Bytes('GET / HTTP/1.1\r\n\r\n'))],
    ['frame-reserved', (raw) => raw.send(REQUEST_KINDS.get, 1, new Uint8Array(0), 2)],
    ['kind-unknown', (raw) => raw.send(hello, 0)],
    ['kind-unknown', (raw) => raw.send(CONTROL_KINDS.ready, 0)],
    ['kind-unknown', (raw) => raw.send(15, 0)],
    ['kind-unknown', (raw) => raw.send(128, 0)],
    ['kind-unknown', (raw) => raw.send(255, 0)],
    ['message-garbled', (raw) => raw.send(CONTROL_KINDS.credit, 1, Uint8Array.of(0xff))],
  ]
  for (const [code, act] of breaks) {
    const { world, raw, events, session } = await rawClient()
    act(raw)
    raw.send(REQUEST_KINDS.get, 1, bytesOf(encodeRequest('get', REQUESTS.get)))
    await world.untilIdle()
    t.equal(codeIn(raw.take(), CONTROL_KINDS.goodbye), code)
    t.same(
      [raw.isClosed, session.isEnded, events.ends, events.calls.length],
      [true, true, [code], 0],
    )
    t.ok(
      world.facts.some(({ fact, fields }) => fact === 'stream-broken' && fields['code'] === code),
    )
    t.equal(world.timers, 0)
  }
})

t.test('an answer of the wrong kind ends the connection', async (t) => {
  const { world, raw, session, events } = await rawNode()
  const codes: string[] = []
  session.call('get', REQUESTS.get, (answer) => codes.push(codeOf(answer)))
  world.run()
  raw.send(REQUEST_KINDS.put + REPLY, 1, bytesOf(encodeReply('put', REPLIES.put)))
  world.run()
  t.same(events.ends, ['message-garbled'])
  t.same(codes, ['connection-lost'])
})

t.test('an unreadable answer leaves its call in doubt', async (t) => {
  const { world, raw, session } = await rawNode()
  const answers: unknown[] = []
  session.call('put', REQUESTS.put, (answer) => answers.push(answer))
  session.call('put', REQUESTS.put, (answer) => answers.push(answer))
  session.call('put', REQUESTS.put, (answer) => answers.push(answer))
  world.run()
  raw.send(REQUEST_KINDS.put + REPLY, 1, Uint8Array.of(0xff))
  raw.send(FAILURE_KIND, 2, Uint8Array.of(0xff))
  raw.send(FAILURE_KIND, 3, Uint8Array.of(8, 119))
  raw.send(REQUEST_KINDS.put + REPLY, 77, Uint8Array.of(0xff))
  world.run()
  t.match(answers, [
    { code: 'message-garbled', certainty: 'in-doubt' },
    { code: 'message-garbled', certainty: 'in-doubt' },
    { code: 'internal' },
  ])
  t.equal(session.isEnded, false)
})

t.test(
  'when the connection ends, every call in flight is answered connection-lost, once',
  async (t) => {
    const ways: readonly (readonly [
      string,
      (pair: Awaited<ReturnType<typeof sessionPair>>) => void,
    ])[] = [
      ['connection-lost', ({ farEnd }) => farEnd.destroy(new Error('reset'))],
      ['connection-lost', ({ farEnd }) => farEnd.end()],
      ['node-stopping', ({ far }) => far.end(new OperatingError('node-stopping', 'stopping'))],
      ['closed', ({ near }) => near.end(new OperatingError('closed', 'done'))],
      ['closed', ({ near }) => near.drop(new OperatingError('closed', 'done'))],
    ]
    for (const [code, act] of ways) {
      const pair = await sessionPair()
      const { world, near, far, nearEvents, farEvents } = pair
      const answers: unknown[] = []
      const calls = [0, 1, 2].map(() => near.call('put', REQUESTS.put, (a) => answers.push(a)))
      calls[1]?.forget()
      world.run()
      act(pair)
      t.equal(answers.length, 0)
      await world.untilIdle()
      t.match(answers, Array(2).fill({ code: 'connection-lost', certainty: 'in-doubt' }))
      t.same(nearEvents.ends, [code])
      t.equal(farEvents.ends.length, 1)
      t.same([near.isEnded, far.isEnded], [true, true])
      for (const call of farEvents.calls) (call as IncomingCallOf<'put'>).answer(REPLIES.put)
      near.call('put', REQUESTS.put, (answer) => answers.push(answer))
      world.pass(120_000)
      t.match(answers[2], { code: 'not-connected', certainty: 'refused' })
      t.same([nearEvents.ends.length, world.timers], [1, 0])
    }
  },
)

t.test('no event comes after the end, also for the rest of a chunk', async (t) => {
  const { world, raw, events, session } = await rawClient()
  const handed: string[] = []
  events.onCall = (call) => {
    handed.push(call.kind)
    session.end(new OperatingError('node-stopping', 'this node is stopping'))
  }
  const get = bytesOf(encodeRequest('get', REQUESTS.get))
  const frames = [1, 2, 3].map((callId) => frameOf(REQUEST_KINDS.get, callId, get))
  raw.end.write(Buffer.concat([...frames, Uint8Array.of(0x45)]))
  world.run()
  t.same(handed, ['get'])
  t.equal(world.timers, 0)

  const second = await rawClient()
  second.raw.end.write(Uint8Array.of(0x45, 0x57))
  second.world.run()
  t.equal(second.world.timers, 1, 'progress of a half frame is checked')
  second.session.end(new OperatingError('node-stopping', 'this node is stopping'))
  second.world.run()
  t.equal(second.world.timers, 0, 'not after the end')
})

t.test('a half frame without progress ends the connection; an idle connection stays', async (t) => {
  const { world, raw, events, session } = await rawClient()
  world.pass(3_600_000)
  t.equal(session.isEnded, false, 'an hour without a frame is allowed')
  raw.end.write(Uint8Array.of(0x45, 0x57))
  world.pass(60_000)
  t.equal(codeIn(raw.take(), CONTROL_KINDS.goodbye), 'frame-late')
  t.same(events.ends, ['frame-late'])
})

t.test('a frame at 10 bytes a second ends the connection, one at 5,000 does not', async (t) => {
  for (const [bytesPerSecond, isCut] of [
    [10, true],
    [5_000, false],
  ] as const) {
    const { world, raw, session } = await rawClient()
    const value = new Uint8Array(60_000)
    raw.end.cut = () => bytesPerSecond
    const body = bytesOf(encodeRequest('put', { ...REQUESTS.put, value }))
    raw.send(REQUEST_KINDS.put, 1, body)
    raw.end.other.isDeaf = true
    for (let second = 0; second < 45 && !session.isEnded; second++) {
      raw.end.other.isDeaf = false
      raw.end.other.pause()
      raw.end.other.resume()
      raw.end.cut = (available) => {
        raw.end.other.isDeaf = true
        return Math.min(available, bytesPerSecond)
      }
      world.pass(1000)
    }
    t.equal(session.isEnded, isCut, `${bytesPerSecond} bytes a second`)
  }
})
