/** Calls find their answers, mistakes cost one call, and broken streams cost one connection. */
import t from 'tap'
import { assert } from '../../../src/base/assert.ts'
import { utf8Bytes } from '../../../src/base/bytes.ts'
import { isOperatingError, OperatingError } from '../../../src/base/errors.ts'
import { CALLS_PER_CONNECTION_MAX } from '../../../src/limits.ts'
import { tokenOf } from '../../../src/native/digest.ts'
import type { CallIds } from '../../../src/wire/asker.ts'
import { Conversation } from '../../../src/wire/conversation.ts'
import { decodeControl, encodeReply, encodeRequest } from '../../../src/wire/convert.ts'
import { Line } from '../../../src/wire/line.ts'
import { CONTROL_KINDS, FAILURE_KIND, REPLY, REQUEST_KINDS } from '../../../src/wire/message.ts'
import type { CallHandle, IncomingCallOf } from '../../../src/wire/session.ts'
import { NAME, REPLIES, REQUESTS } from '../../support/wire-examples.ts'
import {
  bytesOf,
  type GotFrame,
  PEER_A,
  PEER_B,
  rawClient,
  RawEnd,
  rawNode,
  sessionPair,
  Told,
} from '../../support/wire-frames.ts'
import { WirePipeWorld, wirePipe } from '../../support/wire-pipe.ts'

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

t.test('100,000 calls, answered in random order, each get their own answer', async (t) => {
  const { world, near, farTold, nearEnd, farEnd } = await sessionPair()
  nearEnd.cut = farEnd.cut = (available) => Math.min(available, 1 + world.random(3000))
  const open: IncomingCallOf<'get'>[] = []
  const answerOne = (): void => {
    const call = open.splice(world.random(open.length), 1)[0]
    call?.answer({ siblings: [call.request.name.key.slice()], context: NAME.key, tombstones: 0 })
  }
  farTold.onCall = (call) => void open.push(call as IncomingCallOf<'get'>)
  let made = 0
  let answered = 0
  let wrong = 0
  for (let round = 0; round < 100_000; round++) {
    if (answered === 100_000) break
    while (made < 100_000 && near.callsInFlight < CALLS_PER_CONNECTION_MAX) {
      const key = `key ${made}`
      made += 1
      near.call('get', { ...REQUESTS.get, name: { ...NAME, key: utf8Bytes(key) } }, (answer) => {
        answered += 1
        if (answer instanceof OperatingError) wrong += 1
        else if (Buffer.from(answer.siblings[0] ?? '').toString() !== key) wrong += 1
      })
    }
    world.run()
    for (let i = 1 + world.random(500); i > 0 && open.length > 0; i--) answerOne()
    world.run()
  }
  t.same([answered, wrong, near.callsInFlight], [100_000, 0, 0])
})

t.test('either peer calls the other, under the same numbers', async (t) => {
  const { world, near, far, nearTold, farTold } = await sessionPair(PEER_A, PEER_B)
  const echo = (digest: number) => (call: unknown) => {
    const reply = { ...REPLIES.peerRead, digest: { hi: digest, lo: 0 } }
    ;(call as IncomingCallOf<'peerRead'>).answer(reply)
  }
  nearTold.onCall = echo(1)
  farTold.onCall = echo(2)
  const got: unknown[] = []
  for (let i = 0; i < 3; i++) {
    near.call('peerRead', REQUESTS.peerRead, (answer) => got.push(['near', answer]))
    far.call('peerRead', REQUESTS.peerRead, (answer) => got.push(['far', answer]))
  }
  t.equal(got.length, 0, 'never within the call')
  world.run()
  const of = (digest: number): unknown => ({ ...REPLIES.peerRead, digest: { hi: digest, lo: 0 } })
  const expected = Array.from({ length: 3 }, () => [
    ['near', of(2)],
    ['far', of(1)],
  ]).flat()
  const order = (list: unknown[]): unknown[] => list.map((x) => JSON.stringify(x)).sort()
  t.same(order(got), order(expected))
})

t.test('a call carries its request, and the token of its key', async (t) => {
  const { world, near, farTold } = await sessionPair()
  near.call('put', REQUESTS.put, () => undefined)
  near.call('status', REQUESTS.status, () => undefined)
  world.run()
  const [put, status] = farTold.calls
  t.same(put?.request, REQUESTS.put)
  t.same(put?.token, tokenOf(NAME.bucket, NAME.key))
  t.equal(status?.token, undefined)
})

t.test('a token that no scan could tell is computed', async (t) => {
  const { world, raw, told } = await rawClient()
  const get = bytesOf(encodeRequest('get', REQUESTS.get))
  const other = bytesOf(
    encodeRequest('get', { ...REQUESTS.get, name: { ...NAME, key: NAME.bucket } }),
  )
  raw.send(REQUEST_KINDS.get, 1, Buffer.concat([other, get]))
  world.run()
  t.same(told.calls[0]?.request, REQUESTS.get, 'of a field that is said twice the last one counts')
  t.same(told.calls[0]?.token, tokenOf(NAME.bucket, NAME.key))
})

t.test('a failure arrives as it was said', async (t) => {
  const { world, near, farTold } = await sessionPair()
  const answers: unknown[] = []
  const sayings = [
    () => new OperatingError('write-in-doubt', 'one machine answered'),
    () => new OperatingError('overloaded', 'x'.repeat(5000)),
    () => new OperatingError('replicas-short', 'maybe', { certainty: 'in-doubt' }),
  ]
  farTold.onCall = (call) => {
    const error = sayings.shift()?.() as OperatingError
    if (sayings.length === 0) throw error
    call.fail(error)
  }
  for (let i = 0; i < 3; i++) near.call('put', REQUESTS.put, (answer) => answers.push(answer))
  world.run()
  const [doubt, overloaded, short] = answers as OperatingError[]
  t.match(doubt, { code: 'write-in-doubt', certainty: 'in-doubt', message: 'one machine answered' })
  t.match(overloaded, { code: 'overloaded', certainty: 'refused', isRetryable: true })
  t.equal(overloaded?.message.length, 1024)
  t.match(short, { code: 'replicas-short', certainty: 'in-doubt' }, 'thrown is failed')
})

/** A session that numbers its calls from `callIds`, with a node by hand. */
function fewNumbers(callIds: CallIds): {
  near: Conversation
  raw: RawEnd
  run: () => void
} {
  const world = new WirePipeWorld()
  const [nearEnd, farEnd] = wirePipe(world)
  const raw = new RawEnd(farEnd)
  const never = (): void => assert(false, 'the line is handed on before anything happens')
  const none = { onFrame: never, onRoom: never, onEnd: never, onProgressCheck: () => false }
  const line = new Line(nearEnd, 'connector', world, 2 ** 20, none)
  const facts = { role: 'client' as const, cluster: 'shop', node: undefined }
  const near = new Conversation(line, facts, new Told(), callIds)
  line.open(2 ** 20, near)
  return { near, raw, run: () => world.run() }
}

t.test('what is forgotten is not told, and no number is used again while in flight', async (t) => {
  const { near, raw, run } = fewNumbers({ first: 1, last: 6 })
  const reply = bytesOf(encodeReply('put', REPLIES.put))
  let told = 0
  const ask = (): CallHandle => near.call('put', REQUESTS.put, () => void (told += 1))
  const idsOf = (): number[] => {
    run()
    return raw.take().map(({ callId }) => callId)
  }
  ask().forget()
  const second = ask()
  for (let i = 0; i < 4; i++) ask()
  t.same(idsOf(), [1, 2, 3, 4, 5, 6])
  for (const callId of [3, 5, 6]) raw.send(REQUEST_KINDS.put + REPLY, callId, reply)
  run()
  t.equal(told, 3)
  ask()
  ask()
  t.same(idsOf(), [3, 5], 'after the last number comes the first that is free')
  second.forget()
  for (const callId of [1, 2, 3, 4, 5]) raw.send(REQUEST_KINDS.put + REPLY, callId, reply)
  run()
  t.equal(told, 6, 'two were forgotten')
  t.equal(near.callsInFlight, 0)
  const { near: next, raw: end, run: go } = fewNumbers({ first: 0xffff_fffe, last: 0xffff_ffff })
  next.call('put', REQUESTS.put, () => undefined)
  next.call('put', REQUESTS.put, () => undefined)
  go()
  t.same(
    end.take().map(({ callId }) => callId),
    [0xffff_fffe, 0xffff_ffff],
  )
})

t.test('a mistake costs its own request', async (t) => {
  const { world, raw, told, session } = await rawClient()
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
  for (const [kind, body, code] of mistakes) {
    raw.send(kind, 9, body)
    world.run()
    t.equal(codeIn(raw.take(), FAILURE_KIND), code, `kind ${kind}`)
  }
  t.equal(told.calls.length, 0)
  raw.send(REQUEST_KINDS.get, 10, get)
  world.run()
  t.equal(told.calls.length, 1, 'and the connection goes on')
  t.equal(session.isEnded, false)
})

t.test('a client is asked nothing', async (t) => {
  const { world, raw, told } = await rawNode()
  raw.send(REQUEST_KINDS.get, 1, bytesOf(encodeRequest('get', REQUESTS.get)))
  world.run()
  t.equal(codeIn(raw.take(), FAILURE_KIND), 'kind-unknown')
  t.equal(told.calls.length, 0)
})

t.test('a peer is not asked what is for clients', async (t) => {
  const { world, near } = await sessionPair(PEER_A, PEER_B)
  const codes: string[] = []
  near.call('get', REQUESTS.get, (answer) => codes.push(codeOf(answer)))
  near.call('scan', REQUESTS.scan, (answer) => codes.push(codeOf(answer)))
  world.run()
  t.same(codes, ['kind-unknown', 'kind-unknown'])
})

t.test('a stream that cannot be believed costs the connection', async (t) => {
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
    const { world, raw, told, session } = await rawClient()
    act(raw)
    raw.send(REQUEST_KINDS.get, 1, bytesOf(encodeRequest('get', REQUESTS.get)))
    await world.settle()
    t.equal(codeIn(raw.take(), CONTROL_KINDS.goodbye), code)
    t.same([raw.isClosed, session.isEnded, told.ends, told.calls.length], [true, true, [code], 0])
    t.ok(
      world.facts.some(({ fact, fields }) => fact === 'stream-broken' && fields['code'] === code),
    )
    t.equal(world.timers, 0)
  }
})

t.test('an answer of another kind than its call cannot be believed', async (t) => {
  const { world, raw, session, told } = await rawNode()
  const codes: string[] = []
  session.call('get', REQUESTS.get, (answer) => codes.push(codeOf(answer)))
  world.run()
  raw.send(REQUEST_KINDS.put + REPLY, 1, bytesOf(encodeReply('put', REPLIES.put)))
  world.run()
  t.same(told.ends, ['message-garbled'])
  t.same(codes, ['connection-lost'])
})

t.test('an answer that cannot be read leaves its call in doubt', async (t) => {
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

t.test('calls in flight are bounded, both ways', async (t) => {
  const { world, near, farTold } = await sessionPair()
  const codes: string[] = []
  const ask = (): CallHandle =>
    near.call('put', REQUESTS.put, (answer) => void codes.push(codeOf(answer)))
  for (let i = 0; i < CALLS_PER_CONNECTION_MAX; i++) ask()
  world.run()
  ask()
  t.same(codes, [], 'never within the call')
  t.equal(near.callsInFlight, CALLS_PER_CONNECTION_MAX, 'the other side is not asked')
  world.run()
  t.same(codes, ['overloaded'])
  t.equal(farTold.calls.length, CALLS_PER_CONNECTION_MAX)

  const { world: world2, raw, told } = await rawClient()
  const get = bytesOf(encodeRequest('get', REQUESTS.get))
  for (let i = 0; i <= CALLS_PER_CONNECTION_MAX; i++) raw.send(REQUEST_KINDS.get, i + 1, get)
  world2.run()
  t.equal(told.calls.length, CALLS_PER_CONNECTION_MAX)
  const refused = raw.take()
  t.equal(codeIn(refused, FAILURE_KIND), 'overloaded')
  t.equal(refused[0]?.callId, CALLS_PER_CONNECTION_MAX + 1)
  ;(told.calls[0] as IncomingCallOf<'get'>).answer(REPLIES.get)
  raw.send(REQUEST_KINDS.get, 5000, get)
  world2.run()
  t.equal(told.calls.length, CALLS_PER_CONNECTION_MAX + 1, 'an answer makes room')
})

t.test('a request that breaks a bound is not sent', async (t) => {
  const { world, near, farTold } = await sessionPair()
  const codes: string[] = []
  near.call('put', { ...REQUESTS.put, w: 99 }, (answer) => codes.push(codeOf(answer)))
  t.same(codes, [])
  world.run()
  t.same(codes, ['quorum-wrong'])
  t.same([near.callsInFlight, farTold.calls.length], [0, 0])
})

t.test('when the connection goes, every call in flight is told so, once', async (t) => {
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
    const { world, near, far, nearTold, farTold } = pair
    const answers: unknown[] = []
    const calls = [0, 1, 2].map(() => near.call('put', REQUESTS.put, (a) => answers.push(a)))
    calls[1]?.forget()
    world.run()
    act(pair)
    t.equal(answers.length, 0)
    await world.settle()
    t.match(answers, Array(2).fill({ code: 'connection-lost', certainty: 'in-doubt' }))
    t.same(nearTold.ends, [code])
    t.equal(farTold.ends.length, 1)
    t.same([near.isEnded, far.isEnded], [true, true])
    for (const call of farTold.calls) (call as IncomingCallOf<'put'>).answer(REPLIES.put)
    near.call('put', REQUESTS.put, (answer) => answers.push(answer))
    world.pass(120_000)
    t.match(answers[2], { code: 'not-connected', certainty: 'refused' })
    t.same([nearTold.ends.length, world.timers], [1, 0])
  }
})

t.test('a half frame that does not go on is cut off; a quiet connection stays', async (t) => {
  const { world, raw, told, session } = await rawClient()
  world.pass(3_600_000)
  t.equal(session.isEnded, false, 'an hour of silence is no offence')
  raw.end.write(Uint8Array.of(0x45, 0x57))
  world.pass(60_000)
  t.equal(codeIn(raw.take(), CONTROL_KINDS.goodbye), 'frame-late')
  t.same(told.ends, ['frame-late'])
})

t.test(
  'a frame that comes slowly enough to be an attack is cut off, a slow link is not',
  async (t) => {
    for (const [bytesPerSecond, isCut] of [
      [10, true],
      [5_000, false],
    ] as const) {
      const { world, raw, session } = await rawClient()
      const value = new Uint8Array(200_000)
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
  },
)
