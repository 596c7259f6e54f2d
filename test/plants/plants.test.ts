/**
 * The simulator finds a bug of each kind that it exists for, within a hundred seeds.
 *
 * All plants, and what finds the others: `npm run prove -- planted-bugs`.
 */
import t from 'tap'
import { tryPlant } from './plant.ts'
import { type Plant, type PlantKind, PLANTS } from './plants.ts'

const SEEDS_MAX = 100
/** Each: they are found within a few seeds, of about a second. */
const SECONDS_MAX = 100

t.setTimeout(5 * SECONDS_MAX * 1000)

function plantOf(kind: PlantKind): Plant {
  const plant = PLANTS.find((one) => one.kind === kind)
  if (plant === undefined) throw new Error(`no plant is of kind ${kind}`)
  return plant
}

const KINDS = ['ack-before-sync', 'range-without-copy', 'sibling-dropped', 'two-merges-at-once']

for (const kind of KINDS as readonly PlantKind[]) {
  const plant = plantOf(kind)
  t.test(`planted, and caught by the simulator: ${plant.name}`, async (t) => {
    const { caught } = await tryPlant(plant, { seedsMax: SEEDS_MAX, secondsMax: SECONDS_MAX })
    t.not(caught, undefined, plant.why)
    t.not(caught?.seed, undefined, 'by a seed')
    t.comment(`seed ${caught?.seed}: ${caught?.sentence}`)
  })
}

t.test('a plant whose text is gone says so', async (t) => {
  const stale = { ...plantOf('sibling-dropped'), find: 'text that stands nowhere' }
  const trying = tryPlant(stale, { seedsMax: 1, secondsMax: 1 })
  await t.rejects(trying, /stands 0 times in src\/dynamo\/version\/merge.js/)
})

t.test('a plant that does not load says so', async (t) => {
  const plant = plantOf('sibling-dropped')
  const broken = { ...plant, replace: `${plant.replace} const const` }
  await t.rejects(tryPlant(broken, { seedsMax: 1, secondsMax: 20 }), /a plant does not run/)
})

t.test('plants have names of their own', async (t) => {
  t.equal(new Set(PLANTS.map(({ name }) => name)).size, PLANTS.length)
})
