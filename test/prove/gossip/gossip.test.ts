/** The proof of gossip in small, and that it finds each broken rule. */
import t from 'tap'
import { ROOT } from '../plants/place.ts'
import { BROKEN_RULES, tryBroken } from './broken-rules.ts'
import { runPart } from './part-process.ts'
import { type PartName, PARTS } from './parts.ts'

const SEED = 1

t.setTimeout(300_000)

t.test('each part is met in small', async (t) => {
  for (const part of Object.keys(PARTS) as PartName[]) {
    const { isMet, figure } = await runPart(part, 'short', SEED, ROOT)
    t.ok(isMet, `${part}: ${figure}`)
  }
})

for (const rule of BROKEN_RULES) {
  t.test(`a part misses where ${rule.name}`, async (t) => {
    const { isMet, figure } = await tryBroken(rule)
    t.notOk(isMet, `${rule.part}: ${figure}`)
  })
}
