/** O5: a call's deadline counts from its first bytes, and what waits beyond it is not done. */
import t from 'tap'
import { isOperatingError, OperatingError } from '../../../src/base/errors.ts'
import { ANSWER_BYTES_FIRST, WINDOW_BYTES } from '../../../src/limits.ts'
import type { Admission } from '../../../src/wire/admission.ts'
import { decodeControl, encodeControl, encodeRequest } from '../../../src/wire/convert.ts'
import { CONTROL_KINDS, FAILURE_KIND } from '../../../src/wire/message/session.ts'
import { REQUEST_KINDS } from '../../../src/wire/message/table.ts'
import { sessionMemory } from '../../../src/wire/session-memory.ts'
import type { IncomingCallOf } from '../../../src/wire/session.ts'
import { REPLIES } from '../../support/wire-replies.ts'
import { REQUESTS } from '../../support/wire-requests.ts'
import {
  bytesOf,
  CLIENT,
  FOR_CLIENTS,
  frameOf,
  PEER_A,
  PEER_B,
  rawClient,
  type RawPair,
  sessionPair,
} from '../../support/wire-frames.ts'

const OWN_MS = 400

/** Records what the wire refused; a bucket's own time is `OWN_MS`. */
function recording(): Admission & { readonly notBegun: string[] } {
  const notBegun: string[] = []
  return {
    notBegun,
    refusalOf: () => undefined,
    deadlineMsOf: () => OWN_MS,
    onNotBegun: (reason) => void notBegun.push(reason),
  }
}

function getBytes(deadlineMs: number): Uint8Array {
  return bytesOf(encodeRequest('get', { ...REQUESTS.get, deadlineMs }))
}

/** Codes of the failures that a raw client got since the last time. */
function failures({ raw, world }: RawPair): string[] {
  world.run()
  return raw
    .take()
    .filter(({ kind }) => kind === FAILURE_KIND)
    .map(({ body }) => decodeControl('failure', body, 0, body.length).code)
}

t.test('a deadline counts from the first bytes of a frame', async (t) => {
  const admission = recording()
  const pair = await rawClient(undefined, admission)
  const { raw, world, events } = pair
  const frame = frameOf(REQUEST_KINDS.get, 1, getBytes(300))
  const next = frameOf(REQUEST_KINDS.get, 2, getBytes(300))
  raw.end.write(frame.slice(0, 7))
  world.run()
  const began = world.clock.now()
  world.pass(250)
  raw.end.write(Uint8Array.from([...frame.slice(7), ...next]))
  world.run()
  const [first, second] = events.calls
  t.equal(first?.deadline, began + 300)
  t.equal(second?.deadline, began + 250 + 300, 'that of the frame behind it: its own')
  raw.end.write(frameOf(REQUEST_KINDS.get, 3, getBytes(300)).slice(0, 7))
  world.run()
  world.pass(301)
  raw.end.write(frameOf(REQUEST_KINDS.get, 3, getBytes(300)).slice(7))
  t.same(failures(pair), ['overloaded'])
  t.equal(events.calls.length, 2, 'the call that came too late was not begun')
  t.same(admission.notBegun, ['expired'])
})

t.test('a deadline counts from the announcement of a request in chunks', async (t) => {
  const admission = recording()
  const pair = await rawClient(undefined, admission)
  const { raw, world, events } = pair
  const put = bytesOf(
    encodeRequest('put', { ...REQUESTS.put, value: new Uint8Array(70_000), deadlineMs: 0 }),
  )
  const began = world.clock.now()
  for (const [callId, delayMs] of [
    [1, OWN_MS - 1],
    [2, 1],
  ] as const) {
    const length = { kind: REQUEST_KINDS.put, bytes: put.length }
    raw.send(CONTROL_KINDS.length, callId, bytesOf(encodeControl('length', length)))
    world.run()
    raw.send(REQUEST_KINDS.put, callId, put.slice(0, 60_000), 1)
    world.run()
    world.pass(callId === 1 ? delayMs : OWN_MS)
    raw.send(REQUEST_KINDS.put, callId, put.slice(60_000))
    world.run()
  }
  t.same(
    events.calls.map(({ deadline }) => deadline),
    [began + OWN_MS],
    'one that names no deadline has its bucket’s, and the second came too late',
  )
  t.same(failures(pair), ['overloaded'])
  t.same(admission.notBegun, ['expired'])
})

for (const deadlineMs of [0, 300]) {
  t.test(`a call with deadline_ms ${deadlineMs} stops waiting for memory in time`, async (t) => {
    const admission = recording()
    const memory = sessionMemory(WINDOW_BYTES, 4 * ANSWER_BYTES_FIRST)
    const pair = await rawClient(memory, admission)
    const { raw, world, events } = pair
    for (const callId of [1, 2]) raw.send(REQUEST_KINDS.get, callId, getBytes(deadlineMs))
    world.run()
    t.equal(events.calls.length, 1)
    world.pass((deadlineMs || OWN_MS) - 1)
    t.same(failures(pair), [])
    world.pass(1)
    t.same(failures(pair), ['overloaded'], 'before any memory is there')
    t.same(admission.notBegun, ['expired'])
    ;(events.calls[0] as IncomingCallOf<'get'>).answer(REPLIES.get)
    world.run()
    t.equal(events.calls.length, 1)
    t.equal(memory.begun.taken + memory.requests.taken, 0)
    t.equal(world.timers, 0)
  })
}

t.test(
  'a call whose turn comes after its deadline is not begun, though no timer fired',
  async (t) => {
    const admission = recording()
    const memory = sessionMemory(WINDOW_BYTES, 4 * ANSWER_BYTES_FIRST)
    const pair = await rawClient(memory, admission)
    const { raw, world, events } = pair
    for (const callId of [1, 2]) raw.send(REQUEST_KINDS.get, callId, getBytes(300))
    world.run()
    world.leap(300)
    ;(events.calls[0] as IncomingCallOf<'get'>).answer(REPLIES.get)
    t.same(failures(pair), ['overloaded'])
    t.equal(events.calls.length, 1)
    t.equal(memory.begun.taken, 0)
    t.same(admission.notBegun, ['expired'])
  },
)

t.test('a session that ends while calls wait for memory leaves no timer', async (t) => {
  const memory = sessionMemory(WINDOW_BYTES, 4 * ANSWER_BYTES_FIRST)
  const { raw, world, session } = await rawClient(memory, recording())
  for (const callId of [1, 2]) raw.send(REQUEST_KINDS.get, callId, getBytes(300))
  world.run()
  session.drop(new OperatingError('connection-lost', 'it was dropped'))
  world.run()
  t.equal(world.timers, 0)
})

for (const isStopped of [false, true]) {
  const how = isStopped ? 'whose turn comes too late' : 'that waits'
  t.test(`a peer's read ${how} for the memory of its copy is dropped`, async (t) => {
    const admission = recording()
    const memory = sessionMemory(WINDOW_BYTES, 8 * WINDOW_BYTES)
    const pair = await sessionPair(PEER_A, PEER_B, undefined, memory, undefined, admission)
    const { near, farEvents, world } = pair
    for (let i = 0; i < 2; i++) {
      near.call('peerRead', { ...REQUESTS.peerRead, deadlineMs: 300 }, () => undefined)
    }
    world.run()
    const [first, second] = farEvents.calls as IncomingCallOf<'peerRead'>[]
    t.equal(first?.room.reserve(WINDOW_BYTES), undefined)
    const waiting = Promise.resolve(second?.room.reserve(9_000_000)).catch((error) => error)
    if (isStopped) world.leap(300)
    else world.pass(300)
    if (isStopped) first?.answer(REPLIES.peerRead)
    world.run()
    t.match(await waiting, { code: 'deadline-passed', certainty: 'refused' })
    t.same(admission.notBegun, ['expired'])
    t.equal(second?.room.isWaiting, false)
    second?.fail(new OperatingError('deadline-passed', 'too late'))
    if (!isStopped) first?.answer(REPLIES.peerRead)
    world.run()
    t.equal(memory.grown.taken + memory.begun.taken + memory.requests.taken, 0)
  })
}

t.test('a call that is refused by the node is not decoded, and costs no memory', async (t) => {
  const memory = sessionMemory(WINDOW_BYTES, 8 * WINDOW_BYTES)
  const refusal = new OperatingError('overloaded', 'wait', { details: { retryAfterMs: 50 } })
  const admission = { ...recording(), refusalOf: () => refusal }
  const pair = await rawClient(memory, admission)
  const { raw, world, events } = pair
  raw.send(REQUEST_KINDS.put, 1, new Uint8Array([255]))
  const length = { kind: REQUEST_KINDS.put, bytes: 100_000 }
  raw.send(CONTROL_KINDS.length, 2, bytesOf(encodeControl('length', length)))
  t.same(failures(pair), ['overloaded', 'overloaded'])
  world.run()
  t.equal(events.calls.length + memory.requests.taken + memory.received.taken, 0)
  t.notOk(isOperatingError(events.ends[0]))
})

t.test('a failure that is sent again says what is so by then', async (t) => {
  const busy = new OperatingError('overloaded', 'wait', { details: { retryAfterMs: 50 } })
  const other = new OperatingError('node-stopping', 'ask another')
  let [refusal, ring] = [busy, 7]
  const admission = { ...recording(), refusalOf: () => refusal }
  const pair = await sessionPair(CLIENT, FOR_CLIENTS, undefined, undefined, () => ring, admission)
  const { near, world } = pair
  const told: unknown[] = []
  near.onRing = (now) => told.push(now)
  for (const [now, error] of [
    [7, busy],
    [7, busy],
    [8, busy],
    [8, other],
    [8, busy],
  ] as const) {
    ;[refusal, ring] = [error, now]
    near.call('get', REQUESTS.get, (answer) => {
      told.push(isOperatingError(answer) ? `${answer.code}: ${answer.message}` : 'a reply')
    })
    world.run()
  }
  const again = 'overloaded: wait'
  t.same(told, [again, 7, again, again, 8, 'node-stopping: ask another', again])
})
