/**
 * The simulator finds a bug of each kind that it exists for, within a hundred seeds; and all plants
 * are still plants: they fit the code, and stand in the table.
 *
 * What finds the others: `npm run prove -- planted-bugs`.
 */
import t from 'tap'
import { patchedText } from './patched-build.ts'
import type { Plant } from './plant.ts'
import { tryPlant } from './planting.ts'
import { PLANTS } from './plants.ts'
import { faultsOf, rowsOfTable } from './table.ts'

const SEEDS_MAX = 100
/** Each: a few seeds of about a second, and a machine that has much else to do. */
const SECONDS_MAX = 300

t.setTimeout(5 * SECONDS_MAX * 1000)

function plantOf(name: string): Plant {
  const plant = PLANTS.find((one) => one.name === name)
  if (plant === undefined) throw new Error(`no plant is called ${name}`)
  return plant
}

const FOUND_HERE = [
  'ack before sync',
  'a node that forgot its copy goes on in its old line',
  'a sibling is dropped in a merge',
  'two merges of one key at once',
]
const DROPPED = plantOf('a sibling is dropped in a merge')

for (const plant of FOUND_HERE.map(plantOf)) {
  t.test(`planted, and caught by the simulator: ${plant.name}`, async (t) => {
    const { caught } = await tryPlant(plant, { seedsMax: SEEDS_MAX, secondsMax: SECONDS_MAX })
    t.not(caught, undefined, plant.why)
    t.not(caught?.seed, undefined, 'by a seed')
    t.comment(`seed ${caught?.seed}: ${caught?.sentence}`)
  })
}

t.test('every plant fits the code: its text stands there once', async (t) => {
  for (const plant of PLANTS) t.doesNotThrow(() => patchedText(plant), plant.name)
})

t.test('every plant has its line in the table, and every line its plant', async (t) => {
  const rows = rowsOfTable()
  t.strictSame(faultsOf(rows), [])
  t.strictSame(faultsOf(rows.slice(1)), [`${rows[0]?.name}: stands 0 times in the table`])
  const [first, ...others] = rows
  if (first === undefined) return
  const strange = { ...first, name: 'nobody planted this' }
  t.strictSame(faultsOf([...rows, strange]), ['nobody planted this: is planted no more'])
  const wrong = { ...first, why: 'it is not', caughtBy: 'nobody' }
  t.equal(faultsOf([wrong, ...others]).length, 2, 'and both say the same')
})

t.test('a plant whose text is gone says so', async (t) => {
  const stale = { ...DROPPED, find: 'text that stands nowhere' }
  const trying = tryPlant(stale, { seedsMax: 1, secondsMax: 1 })
  await t.rejects(trying, /stands 0 times in src\/dynamo\/version\/merge.js/)
})

t.test('a plant that does not load says so', async (t) => {
  const broken = { ...DROPPED, replace: `${DROPPED.replace} const const` }
  await t.rejects(tryPlant(broken, { seedsMax: 1, secondsMax: 20 }), /a plant does not run/)
})

t.test('a plant that changes nothing is not caught', async (t) => {
  const caughtBy = 'test/unit/dynamo/version/dot.test.ts'
  const harmless = { ...DROPPED, replace: `${DROPPED.find} `, caughtBy }
  const { caught } = await tryPlant(harmless, { seedsMax: 1, secondsMax: 100 })
  t.equal(caught, undefined)
})

t.test('plants have names of their own', async (t) => {
  t.equal(new Set(PLANTS.map(({ name }) => name)).size, PLANTS.length)
})
