/**
 * Planted bugs in small: every plant fits the code, and planting can both find and not find.
 *
 * `npm run prove -- planted-bugs` plants all of them.
 */
import t from 'tap'
import { placeOf } from './place.ts'
import { tryPlant } from './planting.ts'
import { PLANT_GROUPS, PLANTS, plantOf } from './plants.ts'

const SECONDS_MAX = 300
const DROPPED = plantOf('a sibling is dropped in a merge')

t.setTimeout(2 * SECONDS_MAX * 1000)

t.test('every plant fits the code: its text stands there once', async (t) => {
  for (const plant of PLANTS) t.doesNotThrow(() => placeOf(plant), plant.name)
})

t.test('every plant has a name of its own, and no group has lost one', async (t) => {
  t.equal(new Set(PLANTS.map(({ name }) => name)).size, PLANTS.length)
  for (const { name, plants, plantsMin } of PLANT_GROUPS) t.ok(plants.length >= plantsMin, name)
})

t.test('a plant is found whatever the formatting, and only as whole words', async (t) => {
  const { path } = placeOf(DROPPED)
  t.equal(placeOf({ ...DROPPED, find: DROPPED.find.replaceAll(' ', ' \n\t ') }).path, path)
  t.throws(() => placeOf({ ...DROPPED, find: DROPPED.find.slice(1) }), /stands 0 times/)
  t.throws(() => placeOf({ ...DROPPED, find: 'return' }), /stands \d+ times in src and native/)
})

t.test('the simulator finds a planted bug', async (t) => {
  const { caught } = await tryPlant(DROPPED, { seedsMax: 100, secondsMax: SECONDS_MAX })
  t.not(caught?.seed, undefined, DROPPED.why)
  t.comment(`seed ${caught?.seed}: ${caught?.sentence}`)
})

t.test('a plant that does not load is an error', async (t) => {
  const broken = { ...DROPPED, replace: `${DROPPED.replace} const const` }
  await t.rejects(tryPlant(broken, { seedsMax: 1, secondsMax: 60 }), /a plant does not run/)
})

t.test('a plant that changes nothing is not caught', async (t) => {
  const caughtBy = 'test/unit/dynamo/version/dot.test.ts'
  const harmless = { ...DROPPED, replace: `${DROPPED.find} `, caughtBy }
  const { caught } = await tryPlant(harmless, { seedsMax: 1, secondsMax: 100 })
  t.equal(caught, undefined)
})
