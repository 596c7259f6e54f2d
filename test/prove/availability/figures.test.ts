/** How operations are judged: which fault they belong to, which are left out, which succeed. */
import t from 'tap'
import type { Attempt } from './attempts.ts'
import type { AvailabilityPlan, AvailabilityResult } from './availability-run.ts'
import { verdictOf } from './availability.ts'
import type { Disturbance } from './disturbances.ts'
import { judgeOperations, type KindFigures } from './figures.ts'
import type { Operation } from './operations.ts'
import { CannotRun } from '../proof.ts'

const KILL: Disturbance = {
  ...{ kind: 'kill', node: 1, isEffective: true },
  ...{ beganMs: 10_000, endedMs: 12_000 },
}
const CUT: Disturbance = {
  ...{ kind: 'cut in', node: 2, isEffective: true },
  ...{ beganMs: 14_000, endedMs: 16_000 },
}

function operation(dueMs: number, given: Partial<Operation> = {}): Operation {
  const plain = { isPut: true, key: 1, tookMs: 2, attempts: 1, code: undefined, trail: [] }
  return { ...plain, dueMs, ...given }
}

function judged(...operations: readonly Operation[]): (readonly [string, number])[] {
  const { kinds } = judgeOperations(operations, [KILL, CUT], [])
  return kinds.map(({ kind, operations: count }) => [kind, count] as const)
}

t.test('an operation belongs to the last fault before it, for five seconds after', async (t) => {
  t.same(judged(operation(9_999)), [
    ['kill', 0],
    ['cut in', 0],
  ])
  t.same(judged(operation(10_000), operation(13_999), operation(14_000), operation(21_000)), [
    ['kill', 2],
    ['cut in', 2],
  ])
  t.same(judged(operation(21_001)).at(-1), ['cut in', 0])
  const { before } = judgeOperations(
    [operation(4_999), operation(5_000), operation(9_999), operation(10_000)],
    [KILL],
    [],
  )
  t.match(before, { kind: 'none', operations: 2, failed: 0 })
})

t.test('one retry is a success, two are a failure, and so is an error', async (t) => {
  const operations = [
    operation(10_001),
    operation(10_002, { attempts: 2 }),
    operation(10_003, { attempts: 3 }),
    operation(10_004, { code: 'replicas-short' }),
  ]
  const { kinds, troubles } = judgeOperations(operations, [KILL], [])
  t.match(kinds, [{ kind: 'kill', faults: 1, operations: 4, failed: 2, retried: 1, slow: 0 }])
  t.same(
    troubles.map((trouble) => trouble.operation.dueMs),
    [10_003, 10_004],
  )
})

t.test('an operation over a second is slow, although it succeeded', async (t) => {
  const operations = [
    operation(10_001, { tookMs: 1_000 }),
    operation(10_002, { tookMs: 1_001 }),
    operation(10_003, { tookMs: 4 }),
  ]
  const { kinds, troubles } = judgeOperations(operations, [KILL], [])
  t.match(kinds, [{ failed: 0, slow: 1 }])
  t.equal(troubles.length, 1)
  t.equal(Math.round(kinds[0]?.maxMs ?? 0), 1_001)
})

t.test('operations under way in a pause of the machine are left out', async (t) => {
  const pauses = [{ fromMs: 10_100, untilMs: 10_400 }]
  const code = 'deadline-passed'
  const operations = [
    operation(10_050, { tookMs: 49, code }),
    operation(10_050, { tookMs: 51, code }),
    operation(10_399, { code }),
    operation(10_400, { code }),
  ]
  const { kinds, troubles } = judgeOperations(operations, [KILL], pauses)
  t.match(kinds, [{ operations: 2, leftOut: 2, failed: 2 }])
  t.same(
    troubles.map((trouble) => trouble.operation),
    [operations[0], operations[3]],
  )
})

t.test('the causes of retries are codes, or silence where no answer came by then', async (t) => {
  const attempt = (beganMs: number, tookMs?: number, answer?: string): Attempt => ({
    ...{ node: 'n', beganMs },
    ...(tookMs === undefined || answer === undefined ? {} : { tookMs, answer }),
  })
  const trails = [
    [attempt(0), attempt(450, 1, 'ok')],
    [attempt(0, 460, 'ok'), attempt(450)],
    [attempt(0, 3, 'replicas-short'), attempt(3, 1, 'ok')],
  ]
  const operations = trails.map((trail) => operation(10_001, { attempts: 2, trail }))
  const { kinds } = judgeOperations(operations, [KILL], [])
  t.same(kinds[0]?.causes, { silent: 2, 'replicas-short': 1 })
})

t.test('a fault without effect is not counted', async (t) => {
  const { kinds } = judgeOperations([], [KILL, { ...KILL, isEffective: false }], [])
  t.match(kinds, [{ kind: 'kill', faults: 1, operations: 0, maxMs: 0 }])
})

const PLAN = { kinds: ['kill'], times: 20, downMs: 30_000 } as unknown as AvailabilityPlan
const SERVED: KindFigures = {
  ...{ kind: 'kill', faults: 20, operations: 200_000, leftOut: 0, failed: 2, retried: 900 },
  ...{ slow: 0, p50Ms: 1, p99Ms: 2, maxMs: 900, causes: {} },
}
const ACCEPTED = {
  ...{ down: 2, writes: 100, accepted: 100, codes: {}, maxMs: 9, attemptsMax: 1 },
  early: { writes: 1, accepted: 0 },
}

function result(given: Partial<AvailabilityResult>): AvailabilityResult {
  const before: KindFigures = { ...SERVED, kind: 'none', failed: 9, slow: 9 }
  const fine = {
    before,
    kinds: [SERVED],
    troubles: [],
    pauses: 0,
    owners: [ACCEPTED],
    sentences: [],
  }
  return { ...fine, acknowledged: 100_000, missing: 0, wrong: 0, ...given }
}

t.test('each bar is missed alone', async (t) => {
  const met = verdictOf(result({}), PLAN)
  t.ok(met.isMet, met.figure)
  const missed: readonly Partial<AvailabilityResult>[] = [
    { kinds: [{ ...SERVED, failed: 3 }] },
    { kinds: [{ ...SERVED, slow: 1 }] },
    { kinds: [{ ...SERVED, faults: 19 }] },
    { kinds: [{ ...SERVED, operations: 30_000, failed: 0 }] },
    { owners: [{ ...ACCEPTED, accepted: 99 }] },
    { owners: [{ ...ACCEPTED, writes: 0, accepted: 0 }] },
    { missing: 1 },
    { wrong: 1 },
    { acknowledged: 0 },
  ]
  for (const given of missed) {
    const { isMet, figure } = verdictOf(result(given), PLAN)
    t.notOk(isMet, figure)
  }
})

t.test('a machine that left out more than a thousandth is too noisy', async (t) => {
  const kinds = (leftOut: number): Partial<AvailabilityResult> => ({
    kinds: [{ ...SERVED, operations: 199_800, failed: 0, leftOut }],
  })
  t.ok(verdictOf(result(kinds(200)), PLAN).isMet)
  t.throws(() => verdictOf(result(kinds(201)), PLAN), CannotRun)
})

t.test('a machine on which operations are slow without a fault is too busy', async (t) => {
  const before = (p99Ms: number): Partial<AvailabilityResult> => ({
    before: { ...SERVED, kind: 'none', p99Ms },
  })
  t.ok(verdictOf(result(before(250)), PLAN).isMet)
  t.throws(() => verdictOf(result(before(251)), PLAN), CannotRun)
})
