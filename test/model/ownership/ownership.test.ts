/** The model of ownership: nothing is lost or missed, and shortcuts are seen to do so. */
import t from 'tap'
import { BROKEN_OWNERSHIP } from './broken.ts'
import { OWNERSHIP_RULES } from './rules.ts'
import { isOften, searchBrokenOwnership, searchOwnership, tellOwnership } from './search.ts'

const COUNT = 3_000

t.setTimeout(120_000)

t.test('no history of tables, moves, cuts, crashes and a lost disk goes wrong', async (t) => {
  const tally = searchOwnership(1, COUNT, OWNERSHIP_RULES)
  const { found } = tally
  t.equal(found, undefined, found === undefined ? '' : tellOwnership(found.seed, OWNERSHIP_RULES))
  t.ok(isOften(tally), 'moves, races, forced tables and lost disks are frequent', { ...tally })
})

for (const [name, broken] of Object.entries(BROKEN_OWNERSHIP)) {
  t.test(`the search finds what ${name} does`, async (t) => {
    t.type(searchBrokenOwnership(broken), 'number', `from seed ${broken.from} on`)
  })
}

t.test('a seed tells the same history every time', async (t) => {
  for (const seed of [1, 7, 1234]) {
    t.equal(tellOwnership(seed, OWNERSHIP_RULES), tellOwnership(seed, OWNERSHIP_RULES))
  }
})
