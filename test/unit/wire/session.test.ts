/** Calls find their answers, mistakes cost one call, and broken streams cost one connection. */
import t from 'tap'
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
  near: FramedSession
  raw: RawEnd
  run: () => void
} {
  const world = new WirePipeWorld()
  const [nearEnd, farEnd] = wirePipe(world)
  const raw = new RawEnd(farEnd)
  const never = (): void => assert(false, 'the line is handed on before anything happens')
  const none = { onFrame: never, onRoom: never, onEnd: never, onProgressCheck: () => false }
  const line = new FramedConnection(nearEnd, 'connector', world, 2 ** 20, none)
  const facts = { role: 'client' as const, cluster: 'shop', node: undefined }
  const near = new FramedSession(line, facts, new Told(), callIds)
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
