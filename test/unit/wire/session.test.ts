/** Calls over a session: numbers, answers, tokens and bounds. */
import t from 'tap'
import type { Digest } from '../../../src/native/digest.ts'
import { u64 } from '../../../src/base/u64.ts'
import { assert } from '../../../src/base/assert.ts'
import { utf8Bytes } from '../../../src/base/bytes.ts'
import { isOperatingError, OperatingError } from '../../../src/base/errors.ts'
import {
  ANSWER_BYTES_FIRST,
  CALLS_PER_CONNECTION_MAX,
  OVERLOAD_RETRY_MS,
  WINDOW_BYTES,
} from '../../../src/limits.ts'
import { tokenOf } from '../../../src/native/digest.ts'
import { FramedSession } from '../../../src/wire/framed-session.ts'
import {
  decodeControl,
  encodeControl,
  encodeReply,
  encodeRequest,
} from '../../../src/wire/convert.ts'
import { FramedConnection } from '../../../src/wire/framed-connection.ts'
import { CONTROL_KINDS, FAILURE_KIND, REPLY } from '../../../src/wire/message/session.ts'
import { REQUEST_KINDS } from '../../../src/wire/message/table.ts'
import { sessionMemory } from '../../../src/wire/session-memory.ts'
import type { CallHandle, IncomingCallOf } from '../../../src/wire/session.ts'
import { REPLIES } from '../../support/wire-replies.ts'
import { REQUESTS } from '../../support/wire-requests.ts'
import { NAME } from '../../support/wire-values.ts'
import {
  bytesOf,
  FACTS,
  type GotFrame,
  PEER_A,
  PEER_B,
  rawClient,
  RawEnd,
  sessionPair,
  RecordedEvents,
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

t.test('100,000 calls answered in random order each get their own answer', async (t) => {
  const { world, near, farEvents, nearEnd, farEnd } = await sessionPair()
  nearEnd.cut = farEnd.cut = (available) => Math.min(available, 1 + world.random(3000))
  const open: IncomingCallOf<'get'>[] = []
  const answerOne = (): void => {
    const call = open.splice(world.random(open.length), 1)[0]
    const found = { siblings: [call?.request.name.key.slice() as Uint8Array], context: NAME.key }
    const counts = { tombstones: 0, answered: 1, needed: 1 }
    call?.answer({ ...found, ...counts, hasMore: false, receipt: new Uint8Array(0) })
  }
  farEvents.onCall = (call) => void open.push(call as IncomingCallOf<'get'>)
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

t.test('both peers call each other with the same call ids', async (t) => {
  const { world, near, far, nearEvents, farEvents } = await sessionPair(PEER_A, PEER_B)
  const echo = (digest: number) => (call: unknown) => {
    const reply = { ...REPLIES.peerRead, digest: u64<Digest>(digest, 0) }
    ;(call as IncomingCallOf<'peerRead'>).answer(reply)
  }
  nearEvents.onCall = echo(1)
  farEvents.onCall = echo(2)
  const got: unknown[] = []
  for (let i = 0; i < 3; i++) {
    near.call('peerRead', REQUESTS.peerRead, (answer) => got.push(['near', answer]))
    far.call('peerRead', REQUESTS.peerRead, (answer) => got.push(['far', answer]))
  }
  t.equal(got.length, 0, 'not before call has returned')
  world.run()
  const of = (digest: number): unknown => ({ ...REPLIES.peerRead, digest: u64<Digest>(digest, 0) })
  const expected = Array.from({ length: 3 }, () => [
    ['near', of(2)],
    ['far', of(1)],
  ]).flat()
  const order = (list: unknown[]): unknown[] => list.map((x) => JSON.stringify(x)).sort()
  t.same(order(got), order(expected))
})

t.test('a call has its request and the token of its key', async (t) => {
  const { world, near, farEvents } = await sessionPair()
  near.call('put', REQUESTS.put, () => undefined)
  near.call('status', REQUESTS.status, () => undefined)
  world.run()
  const [put, status] = farEvents.calls
  t.same(put?.request, REQUESTS.put)
  t.same(put?.token, tokenOf(NAME.bucket, NAME.key))
  t.equal(status?.token, undefined)
})

t.test(
  'a token that the frame scanner could not compute is computed from the request',
  async (t) => {
    const { world, raw, events } = await rawClient()
    const get = bytesOf(encodeRequest('get', REQUESTS.get))
    const name = { ...NAME, key: NAME.bucket }
    const other = bytesOf(encodeRequest('get', { ...REQUESTS.get, name, receipts: [] }))
    raw.send(REQUEST_KINDS.get, 1, Buffer.concat([other, get]))
    world.run()
    t.same(events.calls[0]?.request, REQUESTS.get, 'the last of two equal fields counts')
    t.same(events.calls[0]?.token, tokenOf(NAME.bucket, NAME.key))
  },
)

t.test('a failure arrives with its code, certainty and sentence', async (t) => {
  const { world, near, farEvents } = await sessionPair()
  const answers: unknown[] = []
  const failures = [
    () => new OperatingError('write-in-doubt', 'one machine answered'),
    () => new OperatingError('overloaded', 'x'.repeat(5000)),
    () => new OperatingError('replicas-short', 'maybe', { certainty: 'in-doubt' }),
  ]
  farEvents.onCall = (call) => {
    const error = failures.shift()?.() as OperatingError
    if (failures.length === 0) throw error
    call.fail(error)
  }
  for (let i = 0; i < 3; i++) near.call('put', REQUESTS.put, (answer) => answers.push(answer))
  world.run()
  const [doubt, overloaded, short] = answers as OperatingError[]
  t.match(doubt, { code: 'write-in-doubt', certainty: 'in-doubt', message: 'one machine answered' })
  t.match(overloaded, { code: 'overloaded', certainty: 'refused', isRetryable: true })
  t.equal(overloaded?.message.length, 1024)
  t.match(
    short,
    { code: 'replicas-short', certainty: 'in-doubt' },
    'an error that onCall throws is the answer',
  )
})

/** A client's session that numbers its calls from `firstId`, and a raw end as its node. */
function numberedFrom(firstId: number): {
  near: FramedSession
  raw: RawEnd
  run: () => void
  events: RecordedEvents
} {
  const world = new WirePipeWorld()
  const [nearEnd, farEnd] = wirePipe(world)
  const raw = new RawEnd(farEnd)
  const never = (): void => assert(false, 'the session takes over before anything happens')
  const none = { onFrame: never, onLeft: never, onEnd: never, onProgressCheck: () => false }
  const line = new FramedConnection(nearEnd, 'connector', world, 2 ** 20, none)
  const events = new RecordedEvents()
  const near = new FramedSession(line, FACTS, events, sessionMemory(), firstId)
  line.open(2 ** 20, near)
  return { near, raw, run: () => world.run(), events }
}

t.test(
  'a forgotten call is not answered; the other side is told, and its number is not used again',
  async (t) => {
    const { near, raw, run } = numberedFrom(1)
    const reply = bytesOf(encodeReply('put', REPLIES.put))
    let answered = 0
    const ask = (): CallHandle => near.call('put', REQUESTS.put, () => void (answered += 1))
    const sent = (): string[] => {
      run()
      return raw.take().map(({ kind, callId }) => `${kind}:${callId}`)
    }
    ask().forget()
    const second = ask()
    ask()
    t.same(sent(), ['33:1', '8:1', '33:2', '33:3'])
    second.forget()
    t.same(sent(), ['8:2'])
    t.equal(near.callsInFlight, 3)
    for (const callId of [1, 2, 3, 4]) raw.send(REQUEST_KINDS.put + REPLY, callId, reply)
    t.same(sent(), [])
    t.equal(answered, 1, 'two calls were forgotten')
    t.equal(near.callsInFlight, 0)
    second.forget()
    ask()
    t.same(sent(), ['33:4'], 'a call that was answered is not cancelled')
  },
)

t.test('a connection ends before the numbers of its calls start again', async (t) => {
  const { near, raw, run, events } = numberedFrom(0xffff_fffe)
  const answers: string[] = []
  const ask = (): void =>
    void near.call('put', REQUESTS.put, (answer) => {
      answers.push(isOperatingError(answer) ? answer.code : 'reply')
    })
  for (let i = 0; i < 3; i++) ask()
  run()
  t.same(
    raw.take().map(({ callId }) => callId),
    [0xffff_fffe, 0xffff_ffff],
  )
  t.same(answers, ['not-connected'])
  const reply = bytesOf(encodeReply('put', REPLIES.put))
  for (const callId of [0xffff_fffe, 0xffff_ffff])
    raw.send(REQUEST_KINDS.put + REPLY, callId, reply)
  run()
  t.same(answers, ['not-connected', 'reply', 'reply'])
  const [goodbye] = raw.take()
  t.match(
    decodeControl('goodbye', (goodbye as GotFrame).body, 0, (goodbye as GotFrame).body.length),
    {
      code: 'closed',
      lastTaken: 0,
    },
  )
  t.same(events.ends, ['closed'])
})

t.test('calls above the last that a goodbye names are certainly not done', async (t) => {
  const { near, raw, run } = numberedFrom(1)
  const answers: string[] = []
  for (let i = 0; i < 3; i++) {
    near.call('put', REQUESTS.put, (answer) => {
      const { code, certainty } = answer as OperatingError
      answers.push(`${code} ${certainty}`)
    })
  }
  run()
  const goodbye = {
    code: 'node-stopping',
    message: '',
    certainty: 'refused',
    lastTaken: 2,
  } as const
  raw.send(CONTROL_KINDS.goodbye, 0, bytesOf(encodeControl('goodbye', goodbye)))
  run()
  t.same(answers, ['connection-lost in-doubt', 'connection-lost in-doubt', 'not-connected refused'])
})

t.test('calls in flight are bounded on both sides', async (t) => {
  const { world, near, farEvents } = await sessionPair()
  const codes: string[] = []
  const ask = (): CallHandle =>
    near.call('put', REQUESTS.put, (answer) => void codes.push(codeOf(answer)))
  for (let i = 0; i < CALLS_PER_CONNECTION_MAX; i++) t.ok(ask().isSent)
  world.run()
  t.notOk(ask().isSent)
  t.same(codes, [], 'not before call has returned')
  t.equal(near.callsInFlight, CALLS_PER_CONNECTION_MAX, 'no request is sent')
  world.run()
  t.same(codes, ['overloaded'])
  t.equal(farEvents.calls.length, CALLS_PER_CONNECTION_MAX)

  const { world: world2, raw, events, session } = await rawClient()
  const get = bytesOf(encodeRequest('get', REQUESTS.get))
  for (let i = 0; i <= CALLS_PER_CONNECTION_MAX; i++) raw.send(REQUEST_KINDS.get, i + 1, get)
  world2.run()
  t.equal(session.callsToAnswer, CALLS_PER_CONNECTION_MAX)
  t.equal(events.calls.length, WINDOW_BYTES / ANSWER_BYTES_FIRST, 'the others wait for memory')
  const refused = raw.take()
  t.equal(refused.length, 1)
  const { body } = refused[0] as GotFrame
  t.match(decodeControl('failure', body, 0, body.length), {
    code: 'overloaded',
    details: {
      retryAfterMs: OVERLOAD_RETRY_MS,
      limit: { name: 'CALLS_PER_CONNECTION_MAX', value: CALLS_PER_CONNECTION_MAX },
    },
  })
  t.equal(refused[0]?.callId, CALLS_PER_CONNECTION_MAX + 1)
  const begun = events.calls.length
  ;(events.calls[0] as IncomingCallOf<'get'>).answer(REPLIES.get)
  world2.run()
  t.equal(events.calls.length, begun + 1, 'an answer that has left makes room for one call')
  raw.send(REQUEST_KINDS.get, 5000, get)
  world2.run()
  t.equal(session.callsToAnswer, CALLS_PER_CONNECTION_MAX)
})

t.test('the ids of calls ascend, or the connection ends', async (t) => {
  const get = bytesOf(encodeRequest('get', REQUESTS.get))
  for (const ids of [[0], [1, 1], [7, 3]]) {
    const { world, raw, events } = await rawClient()
    for (const callId of ids) raw.send(REQUEST_KINDS.get, callId, get)
    world.run()
    t.same(events.ends, ['call-id-wrong'], ids.join())
  }
})

t.test('a call that has not begun can be cancelled, one that has goes on', async (t) => {
  const { world, raw, events, session } = await rawClient()
  const get = bytesOf(encodeRequest('get', REQUESTS.get))
  const begun = WINDOW_BYTES / ANSWER_BYTES_FIRST
  for (let i = 0; i < begun + 2; i++) raw.send(REQUEST_KINDS.get, i + 1, get)
  raw.send(CONTROL_KINDS.cancel, begun + 1)
  raw.send(CONTROL_KINDS.cancel, 1)
  raw.send(CONTROL_KINDS.cancel, 9999)
  world.run()
  const frames = raw.take()
  t.equal(codeIn(frames, FAILURE_KIND), 'cancelled')
  t.equal(frames[0]?.callId, begun + 1)
  t.equal(session.callsToAnswer, begun + 1)
  ;(events.calls[0] as IncomingCallOf<'get'>).answer(REPLIES.get)
  world.run()
  t.same(
    raw.take().map(({ kind, callId }) => [kind, callId]),
    [[REQUEST_KINDS.get + REPLY, 1]],
    'a short answer is sent all the same',
  )
  t.equal(events.calls.length, begun + 1, 'the cancelled call never begins')
})

t.test('a request that breaks a bound fails and is not sent', async (t) => {
  const { world, near, farEvents } = await sessionPair()
  const codes: string[] = []
  near.call('put', { ...REQUESTS.put, w: 99 }, (answer) => codes.push(codeOf(answer)))
  t.same(codes, [])
  world.run()
  t.same(codes, ['quorum-wrong'])
  t.same([near.callsInFlight, farEvents.calls.length], [0, 0])
})
