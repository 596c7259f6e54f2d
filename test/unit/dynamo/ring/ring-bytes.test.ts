/** Tables and stages as bytes: read as they were written, and refused where they were not. */
import t from 'tap'
import { equalBytes } from '../../../../src/base/bytes.ts'
import type { NodeId } from '../../../../src/dynamo/names.ts'
import { claim } from '../../../../src/dynamo/ring/claim.ts'
import {
  stagesBytes,
  stagesOfBytes,
  tableBytes,
  tableOfBytes,
} from '../../../../src/dynamo/ring/ring-bytes.ts'
import { Stages, stagesAfter } from '../../../../src/dynamo/ring/stages.ts'
import {
  compareTables,
  firstTable,
  type Table,
  tableOf,
} from '../../../../src/dynamo/ring/table.ts'
import { MEMBER_WEIGHT_MAX } from '../../../../src/limits.ts'
import { Ring } from '../../../../src/dynamo/ring/ring.ts'
import { members } from './members.ts'

const BITS = 3
const ALL = members(5, (i) => ({ zone: `z${i % 2}`, weight: 1 + i / 2, machine: `mä${i}` }))
const FIRST = firstTable(claim(ALL.slice(0, 3), BITS, 3).ring)
const IDS = ALL.map(({ id }) => id)

function second(): Table {
  const needed = new Map<NodeId, string>(IDS.map((id, i) => [id, `0123456789abcde${i}`]))
  const { ring } = claim(ALL, BITS, 3, FIRST.ring)
  const ns = [1, 3]
  return tableOf({ number: 2, parent: FIRST.digest, ring, ns, without: IDS.slice(1, 3), needed })
}

function moving(): Stages {
  const stages = stagesAfter(new Stages(FIRST, []), second())
  const partition = Array.from({ length: 2 ** BITS }, (_, i) => i).find(
    (one) => stages.of(one, 3).filler !== undefined,
  ) as number
  stages.advance(partition, 3, 1, true)
  return stages
}

t.test('a table is read as it was written', async (t) => {
  for (const table of [FIRST, second()]) {
    const read = tableOfBytes(tableBytes(table))
    t.ok(read !== undefined && compareTables(read, table) === 0, 'its digest covers all of it')
    t.same(read?.needed, table.needed)
    t.strictSame(read?.without, table.without)
  }
})

t.test('stages are read as they were written', async (t) => {
  const stages = moving()
  const read = stagesOfBytes(stagesBytes(stages))
  t.strictSame(read?.ns, [1, 3])
  t.equal(read?.left, stages.left)
  for (let partition = 0; partition < 2 ** BITS; partition++) {
    for (const n of [1, 3]) {
      const { table: _, ...one } = stages.of(partition, n)
      t.match(read?.of(partition, n), one)
      t.strictSame(read?.rowOf(partition, n), stages.rowOf(partition, n))
    }
  }
})

t.test('a weight beyond its bounds makes no table', async (t) => {
  const weighing = (weight: number): Table => {
    const some = members(3, (i) => ({ weight: i === 0 ? weight : 1 }))
    return firstTable(new Ring(BITS, some, FIRST.ring.owners))
  }
  for (const weight of [0, MEMBER_WEIGHT_MAX]) {
    t.ok(tableOfBytes(tableBytes(weighing(weight))), `${weight}`)
  }
  for (const weight of [-1, MEMBER_WEIGHT_MAX + 0.5, Number.NaN]) {
    t.equal(tableOfBytes(tableBytes(weighing(weight))), undefined, `${weight}`)
  }
})

t.test('how often owners have changed is kept from one table to the next', async (t) => {
  const stages = moving()
  const next = stagesAfter(stages, tableOf({ ...second(), number: 3, parent: stages.table.digest }))
  const read = stagesOfBytes(stagesBytes(next))
  const counts = (of: Stages | undefined): readonly unknown[] =>
    Array.from({ length: 2 ** BITS }, (_, partition) => of?.of(partition, 3).moved)
  t.strictSame(counts(read), counts(stages))
  t.equal(counts(read).filter((count) => count === 1).length, 1)
})

t.test('what is known is not made again, and what is done differs', async (t) => {
  const known = moving()
  const before = stagesBytes(known)
  const other = stagesAfter(new Stages(FIRST, []), second())
  const read = stagesOfBytes(stagesBytes(other), [known])
  t.equal(read?.table, known.table)
  t.equal(read?.baseOf(3), known.baseOf(3))
  t.equal(read?.left, known.left + 1, 'the moves that are done are not those that are known')
  t.strictSame(stagesBytes(known), before)
  t.equal(tableOfBytes(tableBytes(second()), [FIRST, known.table]), known.table)
  read?.use(2)
  const used = stagesOfBytes(stagesBytes(read as Stages), [known])
  t.strictSame(used?.ns, [1, 3, 2], 'an N came into use')
})

t.test('bytes that are cut short or go on are refused', async (t) => {
  const bytes = stagesBytes(moving())
  for (let end = 0; end < bytes.length; end++) {
    if (stagesOfBytes(bytes.subarray(0, end)) !== undefined) t.fail(`${end} bytes are taken`)
  }
  t.equal(stagesOfBytes(Uint8Array.of(...bytes, 0)), undefined)
  t.equal(tableOfBytes(bytes), undefined, 'a table does not go on')
})

t.test('no byte that is changed does harm: what is read is written in the same way', async (t) => {
  const bytes = stagesBytes(moving())
  const known = moving()
  let refused = 0
  for (let at = 0; at < bytes.length; at++) {
    for (const change of [0x01, 0x80, 0xff]) {
      const changed = bytes.slice()
      changed[at] = (bytes[at] as number) ^ change
      const read = stagesOfBytes(changed)
      const again = stagesOfBytes(changed, [known])
      if ((again === undefined) !== (read === undefined)) t.fail(`byte ${at} and what is known`)
      if (again !== undefined && !equalBytes(stagesBytes(again), changed)) t.fail(`known: ${at}`)
      if (read === undefined) refused += 1
      else if (!equalBytes(stagesBytes(read), changed)) t.fail(`byte ${at} is read as another`)
    }
  }
  t.ok(refused > bytes.length / 4, `${refused} of ${3 * bytes.length} were refused`)
})
