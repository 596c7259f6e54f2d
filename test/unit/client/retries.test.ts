/** Which further attempts of a client's calls are within its retry budget, and which are free. */
import t from 'tap'
import { OperatingError, type ErrorCode } from '../../../src/base/errors.ts'
import type { Client } from '../../../src/client/client.ts'
import { CallError } from '../../../src/client/failure.ts'
import { CALLS_PER_RETRY, RETRIES_FREE_MAX } from '../../../src/limits.ts'
import type { RequestKind } from '../../../src/wire/message/table.ts'
import { type Asked, foundReply, Stage, type StageNode, untilIdle, WRITTEN } from './scripted.ts'

const SENTENCE =
  /\. The retry budget of this client is spent: in 10 s it tries one of 10 calls again, /

/** Calls that are late: with the two before them they pay for no further attempt. */
const LATE = 7

/** What became of a call: undefined while it has no end. */
type End = 'found' | CallError | undefined

class Calls {
  readonly ends: End[] = []

  /** Makes gets of keys that are owned by all nodes in turn. */
  begin(client: Client, count: number): void {
    for (let i = 0; i < count; i++) {
      const at = this.ends.push(undefined) - 1
      client.get(`k${i}`).then(
        () => (this.ends[at] = 'found'),
        (error: CallError) => (this.ends[at] = error),
      )
    }
  }

  count(is: (end: End) => boolean): number {
    return this.ends.filter(is).length
  }

  get found(): number {
    return this.count((end) => end === 'found')
  }

  get failed(): readonly CallError[] {
    return this.ends.filter((end) => end instanceof CallError)
  }
}

function reply(kind: RequestKind): ReturnType<typeof foundReply> | undefined {
  return kind === 'get' ? foundReply('v') : undefined
}

function answerAll(...nodes: readonly StageNode[]): void {
  for (const node of nodes) node.reply = reply
}

function refuseAll(stage: Stage, code: ErrorCode): void {
  for (const node of stage.nodes) {
    node.reply = (kind) => (kind === 'get' ? new OperatingError(code, code) : undefined)
  }
}

/** The error of one get. */
async function failureOf(stage: Stage, client: Client): Promise<CallError> {
  const calls = new Calls()
  calls.begin(client, 1)
  await stage.clock.pass(2_000)
  const [failure] = calls.failed
  if (failure === undefined) throw new Error('it has not failed')
  return failure
}

t.test('a call is tried ten times more, and then fails with its last failure', async (t) => {
  const stage = new Stage()
  const client = await stage.connect()
  refuseAll(stage, 'replicas-short')
  const first = await failureOf(stage, client)
  t.match(first, { code: 'replicas-short', certainty: 'refused', isBudgetSpent: true })
  t.match(first.message, SENTENCE)
  t.equal(first.attempts, 1 + RETRIES_FREE_MAX)
  const second = await failureOf(stage, client)
  t.equal(second.attempts, 1, 'the next call is not tried again')
  await stage.clock.pass(10_500)
  t.equal((await failureOf(stage, client)).attempts, 1 + RETRIES_FREE_MAX, '10 s later it is')
})

t.test('each ten calls of the last 10 s pay for one further attempt', async (t) => {
  const stage = new Stage()
  const client = await stage.connect()
  answerAll(...stage.nodes)
  const calls = new Calls()
  calls.begin(client, 10 * CALLS_PER_RETRY)
  await stage.clock.pass(100)
  t.equal(calls.found, 100)
  refuseAll(stage, 'replicas-short')
  t.equal((await failureOf(stage, client)).attempts, 1 + RETRIES_FREE_MAX + 10)
})

t.test('a failure that no further attempt would mend says nothing of the budget', async (t) => {
  const stage = new Stage()
  const client = await stage.connect()
  refuseAll(stage, 'replicas-short')
  await failureOf(stage, client)
  refuseAll(stage, 'key-wrong')
  const failure = await failureOf(stage, client)
  t.match(failure, { code: 'key-wrong', isBudgetSpent: false })
  t.notMatch(failure.message, SENTENCE)
})

t.test('a node that dies with hundreds of calls in flight costs none of them', async (t) => {
  for (const [how, code] of [
    ['it is gone', 'connection-lost'],
    ['it is being stopped', 'node-stopping'],
  ] as const) {
    const stage = new Stage()
    const client = await stage.connect()
    const [lost, ...others] = stage.nodes as [StageNode, ...StageNode[]]
    answerAll(...others)
    const calls = new Calls()
    calls.begin(client, 300)
    await untilIdle()
    const inFlight = lost.asked.length
    t.ok(inFlight > 80, `${inFlight} calls are in flight`)
    for (const asked of lost.asked) asked.fail(code)
    await stage.clock.pass(10)
    t.equal(calls.found, 300, how)
    refuseAll(stage, 'replicas-short')
    t.equal((await failureOf(stage, client)).attempts, 1 + 10 + 30, 'nor is the budget less')
  }
})

t.test('a call is moved from a lost node once at no charge', async (t) => {
  const stage = new Stage()
  const client = await stage.connect()
  const calls = new Calls()
  calls.begin(client, 90)
  await untilIdle()
  const first = new Set(stage.asked.map(({ asked }) => asked))
  for (const asked of first) asked.fail('connection-lost')
  await untilIdle()
  t.same([stage.asked.length, calls.failed.length], [180, 0])
  for (const { asked } of stage.asked) if (!first.has(asked)) asked.fail('connection-lost')
  await stage.clock.pass(100)
  t.equal(calls.failed.length, 90 - (RETRIES_FREE_MAX + 9))
  t.match(calls.failed[0], { code: 'connection-lost', attempts: 2, isBudgetSpent: true })
})

t.test(
  'a node that falls silent with hundreds of calls in flight costs none of them',
  async (t) => {
    const stage = new Stage()
    const client = await stage.connect()
    const [silent, ...others] = stage.nodes as [StageNode, ...StageNode[]]
    answerAll(...others)
    silent.isAwake = false
    const calls = new Calls()
    calls.begin(client, 300)
    await stage.clock.pass(500)
    t.equal(calls.found, 300)
    refuseAll(stage, 'replicas-short')
    t.equal((await failureOf(stage, client)).attempts, 1 + 10 + 30)
  },
)

t.test('where all nodes are silent, further attempts are paid for', async (t) => {
  const stage = new Stage()
  const client = await stage.connect()
  for (const node of stage.nodes) node.isAwake = false
  for (let i = 0; i < 6; i++) {
    new Calls().begin(client, 30)
    await stage.clock.pass(500)
  }
  const inAll = stage.asked.length - 180
  // Those of the first calls that were late before each node was known to be silent are free.
  t.ok(inAll <= 30 + RETRIES_FREE_MAX + 18, `${inAll} further attempts of 180 calls`)
})

t.test('a call that is late without budget waits for its answer, and takes it', async (t) => {
  const stage = new Stage()
  const client = await stage.connect()
  const { calls, late } = await lateWithoutBudget(stage, client)
  await passHeard(stage, 2_000)
  t.equal(stage.asked.length, late.length, 'no further attempt is made')
  late[0]?.answer(foundReply('late'))
  late[1]?.fail('replicas-short')
  late[2]?.fail('key-wrong')
  await untilIdle()
  t.equal(calls.found, 1)
  t.match(calls.failed[0], { code: 'replicas-short', attempts: 1, isBudgetSpent: true })
  t.match(calls.failed[1], { code: 'key-wrong', attempts: 1, isBudgetSpent: false })
  await passHeard(stage, 3_000)
  const failure = calls.failed.at(-1)
  t.match(failure, { code: 'deadline-passed', attempts: 1, isBudgetSpent: true })
  t.match(failure?.message, SENTENCE)
})

t.test(
  'a node is asked what became of its put without budget, to the end of the call',
  async (t) => {
    const stage = new Stage()
    const client = await stage.connect()
    refuseAll(stage, 'replicas-short')
    await failureOf(stage, client)
    for (const node of stage.nodes) node.reply = undefined
    const first = client.put('k', 'v')
    const second = client.put('k', 'v').catch((error: CallError) => error)
    await untilIdle()
    const node = stage.nodes.find(({ asked }) => asked.length > 0) as StageNode
    for (const asked of [...node.asked]) asked.fail('write-in-doubt')
    await passHeard(stage, 3_000)
    t.same(
      node.puts().map(({ deadlineMs }) => deadlineMs),
      [450, 450, 5_000, 5_000],
    )
    node.asked[2]?.answer(WRITTEN)
    t.equal((await first).attempts, 2)
    node.asked[3]?.fail('write-in-doubt')
    t.match(await second, { code: 'write-in-doubt', attempts: 2, isBudgetSpent: true })
  },
)

t.test('a late call is tried again as soon as there is budget', async (t) => {
  const stage = new Stage()
  const client = await stage.connect()
  const { calls, late } = await lateWithoutBudget(stage, client)
  answerAll(...stage.nodes)
  new Calls().begin(client, 10 * CALLS_PER_RETRY)
  await stage.clock.pass(500)
  t.equal(calls.found, LATE)
  t.equal(calls.failed.length, 0)
  t.equal(stage.nodes.flatMap(({ asked }) => asked).length, late.length)
})

t.test('a late call leaves a node that has become silent', async (t) => {
  const stage = new Stage()
  const client = await stage.connect()
  const { calls, late } = await lateWithoutBudget(stage, client)
  const [silent, ...others] = stage.nodes as [StageNode, ...StageNode[]]
  silent.isAwake = false
  answerAll(...others)
  await passHeard(stage, 1_000, others)
  const { length } = silent.asked
  t.ok(length > 0 && length < late.length)
  t.equal(calls.found, length)
})

t.test('a late call whose client is closed says nothing of the budget', async (t) => {
  const stage = new Stage()
  const client = await stage.connect()
  const { calls } = await lateWithoutBudget(stage, client)
  await client.close()
  await untilIdle()
  t.equal(calls.failed.length, LATE)
  t.match(calls.failed[0], { code: 'closed', isBudgetSpent: false })
})

t.test('an attempt that was never sent is not paid for', async (t) => {
  const stage = new Stage()
  const client = await stage.connect()
  for (const node of stage.nodes) node.isFull = true
  const calls = new Calls()
  calls.begin(client, 50)
  await stage.clock.pass(1_000)
  t.equal(calls.failed.length, 0, 'connections without room: the calls pause, again and again')
  for (const node of stage.nodes) node.isFull = false
  await stage.clock.pass(100)
  const [lost, ...others] = stage.nodes as [StageNode, ...StageNode[]]
  for (const node of others) for (const asked of node.asked) asked.answer(foundReply('v'))
  answerAll(...others)
  t.ok(lost.asked.length > RETRIES_FREE_MAX + 5, 'more than the budget has')
  for (const asked of lost.asked) asked.fail('not-connected')
  await stage.clock.pass(200)
  t.equal(calls.found, 50, 'nor where the node says that it has not taken the call')
  refuseAll(stage, 'replicas-short')
  t.equal((await failureOf(stage, client)).attempts, 1 + RETRIES_FREE_MAX + 5)
})

t.test('nor is a call that goes to another node because its own is known to be away', async (t) => {
  const stage = new Stage()
  const client = await stage.connect()
  const [away, ...others] = stage.nodes as [StageNode, ...StageNode[]]
  away.isReachable = false
  away.drop()
  answerAll(...others)
  const calls = new Calls()
  calls.begin(client, 90)
  await stage.clock.pass(100)
  t.same([calls.found, away.asked.length], [90, 0])
  refuseAll(stage, 'replicas-short')
  t.equal((await failureOf(stage, client)).attempts, 1 + RETRIES_FREE_MAX + 9)
})

/** A client whose budget is spent, and calls that are late at nodes that are not silent. */
async function lateWithoutBudget(
  stage: Stage,
  client: Client,
): Promise<{ readonly calls: Calls; readonly late: readonly Asked[] }> {
  refuseAll(stage, 'replicas-short')
  await failureOf(stage, client)
  for (const node of stage.nodes) node.reply = undefined
  const calls = new Calls()
  calls.begin(client, LATE)
  await passHeard(stage, 500)
  return { calls, late: stage.asked.map(({ asked }) => asked) }
}

/** Lets time pass in which something comes from each node, if no answer. */
async function passHeard(stage: Stage, ms: number, nodes = stage.nodes): Promise<void> {
  for (let passed = 0; passed < ms; passed += 100) {
    await stage.clock.pass(100)
    for (const node of nodes) node.heard += 1
  }
}
