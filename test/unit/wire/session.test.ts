/** Calls over a session: numbers, answers, tokens and bounds. */
import t from 'tap'
import type { Digest } from '../../../src/native/digest.ts'
import { u64 } from '../../../src/base/u64.ts'
import { assert } from '../../../src/base/assert.ts'
import { utf8Bytes } from '../../../src/base/bytes.ts'
import { isOperatingError, OperatingError } from '../../../src/base/errors.ts'
import { CALLS_PER_CONNECTION_MAX } from '../../../src/limits.ts'
import { tokenOf } from '../../../src/native/digest.ts'
import type { CallIds } from '../../../src/wire/outgoing-calls.ts'
import { FramedSession } from '../../../src/wire/framed-session.ts'
import { decodeControl, encodeReply, encodeRequest } from '../../../src/wire/convert.ts'
import { FramedConnection } from '../../../src/wire/framed-connection.ts'
import { FAILURE_KIND, REPLY } from '../../../src/wire/message/session.ts'
import { REQUEST_KINDS } from '../../../src/wire/message/table.ts'
import type { CallHandle, IncomingCallOf } from '../../../src/wire/session.ts'
import { NAME, REPLIES, REQUESTS } from '../../support/wire-examples.ts'
import {
  bytesOf,
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
    call?.answer({ ...found, tombstones: 0, answered: 1, needed: 1 })
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
    const other = bytesOf(
      encodeRequest('get', { ...REQUESTS.get, name: { ...NAME, key: NAME.bucket } }),
    )
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

/** A client's session that numbers its calls from `callIds`, and a raw end as its node. */
function fewNumbers(callIds: CallIds): {
  near: FramedSession
  raw: RawEnd
  run: () => void
} {
  const world = new WirePipeWorld()
  const [nearEnd, farEnd] = wirePipe(world)
  const raw = new RawEnd(farEnd)
  const never = (): void => assert(false, 'the session takes over before anything happens')
  const none = { onFrame: never, onRoom: never, onEnd: never, onProgressCheck: () => false }
  const line = new FramedConnection(nearEnd, 'connector', world, 2 ** 20, none)
  const facts = { role: 'client' as const, cluster: 'shop', node: undefined }
  const near = new FramedSession(line, facts, new RecordedEvents(), callIds)
  line.open(2 ** 20, near)
  return { near, raw, run: () => world.run() }
}

t.test(
  'a forgotten call is not answered, and its number stays in use until the answer comes',
  async (t) => {
    const { near, raw, run } = fewNumbers({ first: 1, last: 6 })
    const reply = bytesOf(encodeReply('put', REPLIES.put))
    let answered = 0
    const ask = (): CallHandle => near.call('put', REQUESTS.put, () => void (answered += 1))
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
    t.equal(answered, 3)
    ask()
    ask()
    t.same(idsOf(), [3, 5], 'after the last number the first free one follows')
    second.forget()
    for (const callId of [1, 2, 3, 4, 5]) raw.send(REQUEST_KINDS.put + REPLY, callId, reply)
    run()
    t.equal(answered, 6, 'two calls were forgotten')
    t.equal(near.callsInFlight, 0)
    const { near: next, raw: end, run: go } = fewNumbers({ first: 0xffff_fffe, last: 0xffff_ffff })
    next.call('put', REQUESTS.put, () => undefined)
    next.call('put', REQUESTS.put, () => undefined)
    go()
    t.same(
      end.take().map(({ callId }) => callId),
      [0xffff_fffe, 0xffff_ffff],
    )
  },
)

t.test('calls in flight are bounded on both sides', async (t) => {
  const { world, near, farEvents } = await sessionPair()
  const codes: string[] = []
  const ask = (): CallHandle =>
    near.call('put', REQUESTS.put, (answer) => void codes.push(codeOf(answer)))
  for (let i = 0; i < CALLS_PER_CONNECTION_MAX; i++) ask()
  world.run()
  ask()
  t.same(codes, [], 'not before call has returned')
  t.equal(near.callsInFlight, CALLS_PER_CONNECTION_MAX, 'no request is sent')
  world.run()
  t.same(codes, ['overloaded'])
  t.equal(farEvents.calls.length, CALLS_PER_CONNECTION_MAX)

  const { world: world2, raw, events } = await rawClient()
  const get = bytesOf(encodeRequest('get', REQUESTS.get))
  for (let i = 0; i <= CALLS_PER_CONNECTION_MAX; i++) raw.send(REQUEST_KINDS.get, i + 1, get)
  world2.run()
  t.equal(events.calls.length, CALLS_PER_CONNECTION_MAX)
  const refused = raw.take()
  t.equal(codeIn(refused, FAILURE_KIND), 'overloaded')
  t.equal(refused[0]?.callId, CALLS_PER_CONNECTION_MAX + 1)
  ;(events.calls[0] as IncomingCallOf<'get'>).answer(REPLIES.get)
  raw.send(REQUEST_KINDS.get, 5000, get)
  world2.run()
  t.equal(events.calls.length, CALLS_PER_CONNECTION_MAX + 1, 'an answer makes room for one call')
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
