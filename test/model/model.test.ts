/** The model of versions: no write is lost, and every shortcut is seen to lose one. */
import t from 'tap'
import { BROKEN } from './broken.ts'
import { RULES } from './rules.ts'
import { search, searchBroken, tellHistory } from './search.ts'

const FROM = 1
const COUNT = 100_000

t.test(
  'D3, K7: no history of crashes, hints, retries and old contexts loses a write',
  async (t) => {
    const found = search({ from: FROM, count: COUNT, rules: RULES })
    if (found !== undefined) t.fail(tellHistory(found.seed, RULES))
    t.equal(found, undefined)
  },
)

for (const [name, broken] of Object.entries(BROKEN)) {
  t.test(`the model finds the loss of this shortcut: ${broken.shortcut}`, async (t) => {
    const found = searchBroken(broken)
    t.equal(found?.fault, broken.fault)
    const story = tellHistory(found?.seed ?? 0, broken.rules, name)
    t.match(story, `npm run prove -- versions --replay ${found?.seed} --without ${name}`)
  })
}

t.test('a seed tells the same history every time', async (t) => {
  for (const seed of [1, 7, 1234]) t.equal(tellHistory(seed, RULES), tellHistory(seed, RULES))
})
