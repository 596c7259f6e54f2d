/** The model of floors: nothing is lost or comes back, and shortcuts are seen to do so. */
import t from 'tap'
import { BROKEN_FLOORS } from './broken.ts'
import { FLOOR_RULES } from './rules.ts'
import { searchBrokenFloor, searchFloors, tellFloors } from './search.ts'

const COUNT = 10_000
/** Histories in which keys and ranges go, at least one of so many. */
const REAPED_SHARE = 20
const STRIPPED_SHARE = 100

t.setTimeout(120_000)

t.test('no history of rounds, hints, crashes and a lost disk goes wrong', async (t) => {
  const { found, tried, reaped, stripped } = searchFloors(1, COUNT, FLOOR_RULES)
  t.equal(found, undefined, found === undefined ? '' : tellFloors(found.seed, FLOOR_RULES))
  t.ok(reaped * REAPED_SHARE >= tried, `keys went in ${reaped}`)
  t.ok(stripped * STRIPPED_SHARE >= tried, `ranges went in ${stripped}`)
})

for (const [name, broken] of Object.entries(BROKEN_FLOORS)) {
  t.test(`the search finds what ${name} does`, async (t) => {
    t.type(searchBrokenFloor(broken), 'number', `from seed ${broken.from} on`)
  })
}

t.test('a seed tells the same history every time', async (t) => {
  for (const seed of [1, 7, 1234]) {
    t.equal(tellFloors(seed, FLOOR_RULES), tellFloors(seed, FLOOR_RULES))
  }
})
