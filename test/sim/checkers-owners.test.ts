/** The owners of partitions: what the simulator finds wrong in a table, and what it does not. */
import t from 'tap'
import { claim } from '../../src/dynamo/ring/claim.ts'
import { OwnerRows } from '../../src/dynamo/ring/owner-rows.ts'
import { type Member, Ring } from '../../src/dynamo/ring/ring.ts'
import { firstStages, type Stage, Stages, stagesAfter } from '../../src/dynamo/ring/stages.ts'
import { firstTable, tableOf } from '../../src/dynamo/ring/table.ts'
import { OwnersChecker } from '../../src/sim/checkers/owners.ts'
import { members } from '../unit/dynamo/ring/members.ts'

const BITS = 2
const N = 3

/** Every partition has these owners, by their places in `all`. */
function ringOf(all: readonly Member[], owners: readonly number[]): Ring {
  const rows = Array.from({ length: 2 ** BITS }, () => owners)
  return new Ring(BITS, all, Uint16Array.from(rows.flat()))
}

function found(...all: readonly Stages[]): readonly string[] {
  const checker = new OwnersChecker()
  for (const stages of all) checker.inEffect(stages, [N])
  return checker.violations
}

/** From one ring to another. */
function moving(from: Ring, to: Ring): Stages {
  const parent = firstTable(from).digest
  const fields = { number: 2, parent, ns: [N], without: [], needed: new Map() }
  return stagesAfter(firstStages(from), tableOf({ ...fields, ring: to }))
}

const SIX = members(6, (i) => ({ machine: `m${i % 4}` }))

t.test('a table that places by the rules, and all between, is right', async (t) => {
  const first = claim(SIX.slice(0, 4), BITS, N).ring
  const [grown, shrunk] = [SIX, SIX.slice(2)].map((all) => claim(all, BITS, N, first).ring)
  const { ring: few } = claim(SIX.slice(0, 2), BITS, N)
  for (const to of [grown, shrunk] as Ring[]) t.strictSame(found(moving(first, to)), [])
  t.strictSame(found(firstStages(first), firstStages(few), moving(few, first)), [])
  t.strictSame(found(moving(first, few)), [], 'two members are all that there are')
})

t.test('two owners on one machine are found, unless machines are too few', async (t) => {
  const shared = members(4, (i) => ({ machine: `m${i % 3}` }))
  t.match(found(firstStages(ringOf(shared, [0, 1, 3]))), [
    /^one machine: table 1, partition 0 of 3/,
  ])
  const few = members(3, (i) => ({ machine: `m${i % 2}` }))
  t.strictSame(found(firstStages(ringOf(few, [0, 1, 2]))), [])
  const light = shared.map((one, i) => ({ ...one, weight: i === 2 ? 0 : 1 }))
  t.strictSame(
    found(firstStages(ringOf(light, [0, 1, 3]))),
    [],
    'one without a weight owns nothing',
  )
})

t.test('fewer owners than there could be are found', async (t) => {
  const ring = ringOf(members(4), [0, 1])
  t.strictSame(found(firstStages(ring)), [], 'others follow on the ring')
  const light = members(4, (i) => ({ weight: i === 1 ? 0 : 1 }))
  const width3 = ringOf(light, [0, 1, 2])
  t.strictSame(found(firstStages(width3)), [])
  const base = new OwnerRows(
    N,
    members(2),
    Uint16Array.from(Array.from({ length: 2 ** BITS }, () => [0, 0, 1]).flat()),
    new Uint32Array(2 ** BITS),
  )
  const twice = new Stages(tableOf({ ...firstTable(ring), number: 2, ns: [N] }), [base])
  t.match(found(twice), [/^owners missing: .*, one twice/])
})

/** After the first move its owners are others than the moves lead to. */
class Wrong extends Stages {
  readonly #owners: readonly Member[]

  constructor(right: Stages, owners: readonly Member[]) {
    super(right.table, [right.baseOf(N) as OwnerRows])
    this.#owners = owners
  }

  override begun(): Stages {
    return this
  }

  override of(partition: number, n: number): Stage {
    const stage = super.of(partition, n)
    return stage.done === 1 ? { ...stage, owners: this.#owners.map(({ id }) => id) } : stage
  }
}

t.test('a stage that is wrong between two right tables is found', async (t) => {
  const all = members(6, (i) => ({ machine: `m${[0, 1, 2, 1, 0, 3][i]}` }))
  const stages = moving(ringOf(all, [0, 1, 2]), ringOf(all, [3, 4, 5]))
  t.strictSame(found(stages), [])
  const [one, two, three, four] = all as [Member, Member, Member, Member]
  t.match(found(new Wrong(stages, [four, two, three])), [/^one machine: .* after 1 moves/])
  t.match(found(new Wrong(stages, [one, two])), [/^owners missing: .* after 1 moves/])
})
