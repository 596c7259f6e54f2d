/** Calls beyond `callsMax` wait for their turn, within bounds, and leave when they must. */
import t from 'tap'
import { utf8Bytes, utf8Text } from '../../../src/base/bytes.ts'
import { bytes } from '../../../src/client/codec.ts'
import type { CallError } from '../../../src/client/failure.ts'
import { WaitingCalls } from '../../../src/client/waiting-calls.ts'
import { WAITING_BYTES_MAX } from '../../../src/limits.ts'
import type { Put } from '../../../src/wire/message/client.ts'
import type { Answer } from '../../../src/wire/session.ts'
import type { RequestKind } from '../../../src/wire/message/table.ts'
import { foundReply, Stage, untilIdle, WRITTEN } from './scripted.ts'

/** The error with which the promise rejects. */
function failureOf(promise: Promise<unknown>): Promise<CallError> {
  return promise.then(
    () => {
      throw new Error('it succeeded')
    },
    (error: unknown) => error as CallError,
  )
}

/** Keys of the puts that were sent, in order. */
function keysOf(stage: Stage): string[] {
  return stage.nodes
    .flatMap((node) => node.puts())
    .map(({ name }) => utf8Text(name.key))
    .toSorted()
}

t.test('ten thousand puts at once succeed', async (t) => {
  const stage = new Stage()
  const client = await stage.connect()
  let [inFlight, most] = [0, 0]
  for (const node of stage.nodes) {
    node.reply = (): Answer<RequestKind> => {
      most = Math.max(most, ++inFlight)
      queueMicrotask(() => inFlight--)
      return WRITTEN
    }
  }
  const keys = Array.from({ length: 10_000 }, (_, i) => `key-${i}`)
  const results = await Promise.all(keys.map((key) => client.put(key, 'v')))
  t.equal(results.length, 10_000)
  t.ok(most > 0 && most <= 1024, `${most} in flight`)
})

t.test('calls begin in their order, as earlier ones end', async (t) => {
  const stage = new Stage(1)
  const client = await stage.connect({ callsMax: 2 })
  const puts = ['a', 'b', 'c', 'd'].map((key) => client.put(key, 'v'))
  await untilIdle()
  t.same(keysOf(stage), ['a', 'b'])
  stage.asked[1]?.asked.answer(WRITTEN)
  await puts[1]
  t.same(keysOf(stage), ['a', 'b', 'c'])
  stage.asked[0]?.asked.fail('siblings-full')
  t.equal((await failureOf(puts[0] as Promise<unknown>)).code, 'siblings-full')
  t.same(keysOf(stage), ['a', 'b', 'c', 'd'], 'a failed call makes room too')
  for (const { asked } of stage.asked) asked.answer(WRITTEN)
  await Promise.all(puts.slice(1))
})

t.test('the deadline of a call counts while it waits', async (t) => {
  const stage = new Stage(1)
  const client = await stage.connect({ callsMax: 1 })
  const first = client.put('a', 'v')
  const began = stage.clock.now()
  let endedAt = 0
  const late = failureOf(client.put('b', 'v', { timeout: 100 }))
  void late.then(() => (endedAt = stage.clock.now()))
  const patient = client.put('c', 'v', { timeout: 1_000 })
  await stage.clock.pass(200)
  const failure = await late
  t.equal(failure.code, 'deadline-passed')
  t.equal(failure.certainty, 'refused')
  t.equal(failure.attempts, 0)
  t.ok(endedAt - began >= 100 && endedAt - began <= 120, `it took ${endedAt - began} ms`)
  stage.asked[0]?.asked.answer(WRITTEN)
  await first
  t.same(keysOf(stage), ['a', 'c'], 'the late call is never sent')
  const sent = stage.asked[1]?.asked.request as unknown as Put
  t.ok(sent.deadlineMs <= 450)
  stage.asked[1]?.asked.answer(WRITTEN)
  await patient
  await stage.clock.pass(500)
  t.equal(stage.clock.waiting, 1, 'that which asks whether the node is there')
})

t.test('of the calls of an aborted signal none begins any more', async (t) => {
  const stage = new Stage(1)
  const client = await stage.connect({ callsMax: 1 })
  const abort = new AbortController()
  const { signal } = abort
  const puts = ['a', 'b', 'c'].map((key) => failureOf(client.put(key, 'v', { signal })))
  const other = client.put('d', 'v')
  await untilIdle()
  abort.abort()
  const failures = await Promise.all(puts)
  t.same(
    failures.map(({ code, certainty }) => `${code} ${certainty}`),
    ['aborted in-doubt', 'aborted refused', 'aborted refused'],
  )
  t.same(keysOf(stage), ['a', 'd'])
  stage.asked[1]?.asked.answer(WRITTEN)
  await other
})

t.test('an aborted call leaves while others wait on', async (t) => {
  const stage = new Stage(1)
  const client = await stage.connect({ callsMax: 1, waitingMax: 2 })
  const first = client.get('a')
  const abort = new AbortController()
  const second = failureOf(client.get('b', { signal: abort.signal }))
  const third = client.get('c')
  const beyond = await failureOf(client.get('d'))
  t.equal(beyond.code, 'overloaded')
  t.match(beyond.message, /1 calls are in flight and 2 wait, with 2 bytes/)
  t.equal(beyond.certainty, 'refused')
  abort.abort()
  t.equal((await second).code, 'aborted')
  const fourth = client.get('e')
  for (let i = 0; i < 3; i++) {
    await untilIdle()
    stage.asked[i]?.asked.answer(foundReply('v'))
  }
  await Promise.all([first, third, fourth])
})

t.test('close ends the calls that wait; they are not in doubt', async (t) => {
  const stage = new Stage(1)
  const client = await stage.connect({ callsMax: 1 })
  const puts = ['a', 'b', 'c'].map((key) => failureOf(client.put(key, 'v')))
  await untilIdle()
  await client.close()
  t.same(
    (await Promise.all(puts)).map(({ code, certainty }) => `${code} ${certainty}`),
    ['closed in-doubt', 'closed refused', 'closed refused'],
  )
  t.same(keysOf(stage), ['a'])
})

t.test('a put that waited has the key, value and id that it was called with', async (t) => {
  const stage = new Stage(1)
  const client = await stage.connect({ callsMax: 1 })
  const bucket = client.bucket('b', { codec: bytes })
  const first = bucket.put('first', utf8Bytes('v'))
  const [key, value, requestId] = [utf8Bytes('key'), utf8Bytes('value'), new Uint8Array(16)]
  const waiting = bucket.put(key, value, { requestId })
  for (const one of [key, value, requestId]) one.fill(120)
  stage.asked[0]?.asked.answer(WRITTEN)
  await first
  const put = stage.asked[1]?.asked.request as unknown as Put
  t.equal(utf8Text(put.name.key), 'key')
  t.equal(utf8Text(put.value as Uint8Array), 'value')
  t.equal(put.requestId[0], 0)
  stage.asked[1]?.asked.answer(WRITTEN)
  await waiting
})

t.test('the bytes of waiting calls are bounded', async (t) => {
  const waiting = new WaitingCalls(10)
  const [half, rest] = [WAITING_BYTES_MAX / 2, WAITING_BYTES_MAX / 2 + 1]
  const first = { deadline: 5, heldBytes: half }
  t.ok(waiting.add(first))
  t.notOk(waiting.add({ deadline: 1, heldBytes: rest }))
  t.ok(waiting.add({ deadline: 6, heldBytes: half }))
  t.equal(waiting.bytes, WAITING_BYTES_MAX)
  t.same(waiting.late(4), [])
  t.same(waiting.late(5), [first])
  waiting.delete(first)
  waiting.delete(first)
  t.ok(waiting.add({ deadline: 9, heldBytes: 1 }))
  t.equal(waiting.earliest, 6)
  t.equal(waiting.take()?.deadline, 6)
  t.equal(waiting.take()?.deadline, 9)
  t.equal(waiting.take(), undefined)
  t.ok(waiting.add(first), 'also after all were taken')
  t.equal(waiting.take(), first)
  t.same([waiting.size, waiting.bytes], [0, 0])
})
