/** The model of versions: no write is lost, and every shortcut is seen to lose one. */
import t from 'tap'
import { Attempt } from './attempt.ts'
import { BROKEN } from './broken.ts'
import { ModelNode } from './node.ts'
import { Oracle } from './oracle.ts'
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

t.test('a get may miss a write that W owners did not hold at one time', async (t) => {
  const oracle = new Oracle(2)
  const to = { needed: 2, rules: RULES, oracle }
  const [first, second, third] = [0, 1, 2].map((i) => new ModelNode(i, `m${i}`, RULES)) as [
    ModelNode,
    ModelNode,
    ModelNode,
  ]
  const value = oracle.onPut(0, 0)
  const attempt = new Attempt(value, oracle.lossCount)
  t.notOk(attempt.onHeld(first, first, to))
  oracle.onMachineLost(first.machine)
  t.ok(attempt.onHeld(second, second, to), 'it is acknowledged')
  t.same(oracle.judge(undefined), { fault: 'lost', value }, 'and has to survive')
  t.equal(oracle.judgeGet(undefined), undefined)
  attempt.onHeld(third, third, to)
  t.same(oracle.judgeGet(undefined), { fault: 'missed', value })
})
