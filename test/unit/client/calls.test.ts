/** Attempts, deadlines and certainty of a call when nodes fail, refuse or are late. */
import { getEventListeners } from 'node:events'
import t from 'tap'
import { OperatingError } from '../../../src/base/errors.ts'
import type { CallError } from '../../../src/client/failure.ts'
import { RETRY_AFTER_MS_MAX } from '../../../src/limits.ts'
import type { RequestKind } from '../../../src/wire/message/table.ts'
import { foundReply, later, Stage, untilIdle, WRITTEN } from './scripted.ts'

/** The error with which the promise rejects. */
async function failureOf(promise: Promise<unknown>): Promise<CallError> {
  return promise.then(
    () => {
      throw new Error('it succeeded')
    },
    (error: unknown) => error as CallError,
  )
}

function refuse(kind: RequestKind): OperatingError | undefined {
  return kind === 'put' ? new OperatingError('replicas-short', 'too few') : undefined
}

function refuseGet(kind: RequestKind): OperatingError | undefined {
  return kind === 'get' ? new OperatingError('replicas-short', 'too few') : undefined
}

t.test('a call goes to one owner, and its answer comes back', async (t) => {
  const stage = new Stage()
  const client = await stage.connect()
  const got = client.get('k')
  await untilIdle()
  t.equal(stage.asked.length, 1)
  stage.asked[0]?.asked.answer(foundReply('v'))
  t.equal((await got).value, 'v')
})

t.test('after a refused attempt the next owner is asked at once', async (t) => {
  const stage = new Stage()
  const client = await stage.connect()
  const got = client.get('k')
  await untilIdle()
  stage.asked[0]?.asked.fail('replicas-short')
  await untilIdle()
  t.equal(stage.asked.length, 2)
  t.not(stage.asked[0]?.node, stage.asked[1]?.node)
  stage.asked[1]?.asked.answer(foundReply('v'))
  t.equal((await got).value, 'v')
})

t.test('an attempt ends after 450 ms, and its request tells the node this deadline', async (t) => {
  const stage = new Stage()
  const client = await stage.connect()
  const put = client.put('k', 'v')
  await untilIdle()
  t.equal(stage.nodes.flatMap((node) => node.puts())[0]?.deadlineMs, 450)
  await stage.clock.pass(440)
  t.equal(stage.asked.length, 1)
  await stage.clock.pass(30)
  t.equal(stage.asked.length, 2)
  stage.asked[1]?.asked.answer(WRITTEN)
  await put
})

t.test('an attempt of a put lasts 250 ms longer for each MiB', async (t) => {
  const stage = new Stage()
  const client = await stage.connect()
  void later(client.put('k', 'x'.repeat(8 * 1_048_576)))
  await untilIdle()
  const deadlineMs = stage.nodes.flatMap((node) => node.puts())[0]?.deadlineMs as number
  t.ok(deadlineMs > 2_440 && deadlineMs < 2_460, `${deadlineMs} ms`)
})

t.test('an answer to an attempt that timed out ends the call', async (t) => {
  const stage = new Stage()
  const client = await stage.connect()
  const put = client.put('k', 'v')
  await stage.clock.pass(470)
  t.equal(stage.asked.length, 2)
  stage.asked[0]?.asked.answer(WRITTEN)
  t.same((await put).context.sealed, WRITTEN.context)
})

t.test('the attempts of a put are the sum of those of the client and of the nodes', async (t) => {
  const stage = new Stage()
  const client = await stage.connect()
  for (const [failures, ofNode, together] of [
    [0, 1, 1],
    [0, 3, 3],
    [2, 1, 3],
    [2, 2, 4],
  ] as const) {
    const before = stage.asked.length
    const put = client.put('k', 'v')
    await untilIdle()
    for (let i = 0; i < failures; i++) {
      stage.asked[before + i]?.asked.fail('write-in-doubt')
      await stage.clock.pass(1)
    }
    stage.asked[before + failures]?.asked.answer({ ...WRITTEN, attempts: ofNode })
    t.equal((await put).attempts, together)
  }
})

t.test('a failure that is not retryable ends the call at once', async (t) => {
  const stage = new Stage()
  const client = await stage.connect()
  const put = later(client.put('k', 'v'))
  await untilIdle()
  stage.asked[0]?.asked.fail('context-forged')
  const failure = await failureOf(put)
  t.equal(failure.code, 'context-forged')
  t.equal(failure.certainty, 'refused')
  t.equal(failure.attempts, 1)
  t.equal(stage.asked.length, 1)
})

t.test(
  'a write that one attempt may have applied is in doubt even if a later one is refused',
  async (t) => {
    const stage = new Stage()
    const client = await stage.connect()
    const put = later(client.put('k', 'v'))
    await untilIdle()
    stage.asked[0]?.asked.fail('connection-lost')
    await untilIdle()
    stage.asked[1]?.asked.fail('siblings-full')
    const failure = await failureOf(put)
    t.equal(failure.code, 'siblings-full')
    t.equal(failure.certainty, 'in-doubt')
  },
)

t.test('a write that every node refused is refused when its time is up', async (t) => {
  const stage = new Stage()
  const client = await stage.connect({ timeout: 300 })
  for (const node of stage.nodes) node.reply = refuse
  const put = later(client.put('k', 'v'))
  await stage.clock.pass(400)
  const failure = await failureOf(put)
  t.equal(failure.code, 'replicas-short')
  t.equal(failure.certainty, 'refused')
  t.ok(failure.attempts > 3, 'all nodes were tried more than once')
  t.ok(failure.attempts < 40, 'with pauses between the rounds')
})

t.test('a pause is at least as long as the node asks for, up to a second', async (t) => {
  for (const [askedMs, waitMs] of [
    [300, 300],
    [60_000, RETRY_AFTER_MS_MAX],
  ] as const) {
    const stage = new Stage()
    const client = await stage.connect()
    const got = client.get('k')
    await untilIdle()
    const details = { retryAfterMs: askedMs }
    const overloaded = new OperatingError('overloaded', 'too much', { details })
    stage.asked[0]?.asked.answer(overloaded)
    await stage.clock.pass(waitMs)
    t.equal(stage.asked.length, 1, `${waitMs} ms have to pass`)
    await stage.clock.pass(60)
    t.equal(stage.asked.length, 2, 'and not much more')
    stage.asked[1]?.asked.answer(foundReply('v'))
    t.equal((await got).value, 'v')
  }
})

t.test('a node that asks for a pause is not asked again before its end', async (t) => {
  const details = { retryAfterMs: 700 }
  const overloaded = new OperatingError('overloaded', 'too much', { details })
  for (const isLate of [false, true]) {
    const stage = new Stage()
    const client = await stage.connect()
    const got = client.get('k')
    // A late answer comes while the next node is asked.
    if (isLate) await stage.clock.pass(470)
    else await untilIdle()
    const toldAt = stage.clock.now()
    const [first] = stage.asked
    first?.asked.answer(overloaded)
    await untilIdle()
    for (const node of stage.nodes) if (node !== first?.node) node.reply = refuseGet
    if (isLate) stage.asked[1]?.asked.fail('replicas-short')
    await stage.clock.pass(699)
    t.equal(first?.node.asked.length, 1, `late: ${isLate}`)
    await stage.clock.pass(160)
    t.equal(first?.node.asked.length, 2)
    t.ok((first?.node.asked[1]?.at ?? 0) >= toldAt + 700)
    first?.node.asked[1]?.answer(foundReply('v'))
    t.equal((await got).value, 'v')
  }
})

t.test('the error of a call has the details of its last failure', async (t) => {
  const stage = new Stage()
  const client = await stage.connect()
  const put = later(client.put('k', 'v'))
  await untilIdle()
  const details = { limit: { name: 'SIBLINGS_MAX', value: 64 } }
  stage.asked[0]?.asked.answer(new OperatingError('siblings-full', 'too many', { details }))
  t.same((await failureOf(put)).details, details)
})

t.test('a read is never in doubt', async (t) => {
  const stage = new Stage()
  const client = await stage.connect({ timeout: 1000 })
  const got = later(client.get('k'))
  await stage.clock.pass(1100)
  const failure = await failureOf(got)
  t.equal(failure.code, 'deadline-passed')
  t.equal(failure.certainty, 'refused')
})

t.test('a read whose connection was lost is not in doubt', async (t) => {
  const stage = new Stage()
  const client = await stage.connect()
  const got = later(client.get('k'))
  await untilIdle()
  stage.asked[0]?.asked.fail('connection-lost')
  await untilIdle()
  stage.asked[1]?.asked.fail('key-wrong')
  t.equal((await failureOf(got)).certainty, 'refused')
})

t.test('the failure of an attempt that timed out changes nothing', async (t) => {
  const stage = new Stage()
  const client = await stage.connect()
  const put = client.put('k', 'v')
  await stage.clock.pass(470)
  stage.asked[0]?.asked.fail('replicas-short')
  await untilIdle()
  t.equal(stage.asked.length, 2, 'no further attempt beside the one under way')
  stage.asked[1]?.asked.answer(WRITTEN)
  await put
})

t.test('nor does it while the call pauses between two rounds of attempts', async (t) => {
  const stage = new Stage(1)
  const client = await stage.connect()
  const put = client.put('k', 'v')
  // The attempt ends after 450 ms, and the next begins after a pause of at least 2.5 ms.
  await stage.clock.pass(451)
  t.equal(stage.asked.length, 1)
  stage.asked[0]?.asked.fail('siblings-full')
  await stage.clock.pass(30)
  stage.asked[1]?.asked.answer(WRITTEN)
  await put
})

t.test('a write without an answer is in doubt when its time is up, not later', async (t) => {
  const stage = new Stage()
  const client = await stage.connect()
  const began = stage.clock.now()
  let endedAt = 0
  const put = later(client.put('k', 'v', { timeout: 700 }))
  put.catch(() => (endedAt = stage.clock.now()))
  await stage.clock.pass(2000)
  const failure = await failureOf(put)
  t.equal(failure.code, 'deadline-passed')
  t.equal(failure.certainty, 'in-doubt')
  t.ok(endedAt - began <= 720, `it took ${endedAt - began} ms`)
})

t.test('a call beyond callsMax is refused at once where none may wait', async (t) => {
  const stage = new Stage()
  const client = await stage.connect({ callsMax: 2, waitingMax: 0 })
  void later(client.get('a'))
  void later(client.get('b'))
  const failure = await failureOf(client.put('c', 'v'))
  t.equal(failure.code, 'overloaded')
  t.equal(failure.certainty, 'refused')
})

t.test('a call pauses after a node was overloaded', async (t) => {
  const stage = new Stage()
  const client = await stage.connect()
  const got = client.get('k')
  await untilIdle()
  stage.asked[0]?.asked.fail('overloaded')
  await untilIdle()
  t.equal(stage.asked.length, 1)
  await stage.clock.pass(60)
  t.equal(stage.asked.length, 2)
  stage.asked[1]?.asked.answer(foundReply())
  t.notOk((await got).isFound)
})

t.test(
  'an aborted signal ends the call, with its certainty, and keeps the connection',
  async (t) => {
    const stage = new Stage()
    const client = await stage.connect()
    const abort = new AbortController()
    const got = later(client.get('k', { signal: abort.signal }))
    const put = later(client.put('k', 'v', { signal: abort.signal }))
    await untilIdle()
    abort.abort('enough')
    const [read, write] = [await failureOf(got), await failureOf(put)]
    t.equal(read.code, 'aborted')
    t.equal(read.certainty, 'refused')
    t.equal(write.code, 'aborted')
    t.equal(write.certainty, 'in-doubt')
    t.equal((write.cause as Error).cause, 'enough')
    t.ok(stage.nodes.every((node) => node.connections === 1))
    t.equal(getEventListeners(abort.signal, 'abort').length, 0, 'no listener is left on the signal')
    const before = await failureOf(client.put('k', 'v', { signal: abort.signal }))
    t.equal(before.certainty, 'refused', 'a put that was never sent is not in doubt')
  },
)

t.test('close ends calls in flight and refuses later ones', async (t) => {
  const stage = new Stage()
  const client = await stage.connect()
  const put = later(client.put('k', 'v'))
  await untilIdle()
  await client.close()
  await client.close()
  const failure = await failureOf(put)
  t.equal(failure.code, 'closed')
  t.equal(failure.certainty, 'in-doubt')
  t.equal((await failureOf(client.get('k'))).code, 'closed')
  t.ok(stage.nodes.every((node) => node.connections === 0))
  await stage.clock.pass(100)
  t.equal(stage.clock.waiting, 0, 'no timer is left')
})

t.test('an invalid key, value or timeout is refused before anything is sent', async (t) => {
  const stage = new Stage()
  const client = await stage.connect()
  t.equal((await failureOf(client.get(''))).code, 'key-wrong')
  t.equal((await failureOf(client.get('x'.repeat(4097)))).code, 'key-wrong')
  t.equal((await failureOf(client.get(7 as never))).code, 'key-wrong')
  t.equal((await failureOf(client.get('k', { timeout: -1 }))).code, 'config-wrong')
  const long = 'x'.repeat(8 * 1024 * 1024 + 1)
  t.equal((await failureOf(client.put('k', long))).code, 'value-too-long')
  t.throws(() => client.bucket(''), { code: 'bucket-wrong' })
  t.equal((await failureOf(client.delete('k', {}))).code, 'input-wrong')
  t.equal(stage.asked.length, 0)
})
