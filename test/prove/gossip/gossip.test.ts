/** The proof of gossip in small, and that it finds each broken rule. */
import t from 'tap'
import { ROOT } from '../plants/place.ts'
import { BROKEN_RULES, runShort, tryBroken } from './broken-rules.ts'
import { type PartName, PARTS } from './parts.ts'

t.setTimeout(300_000)

t.test('each part is met in small', async (t) => {
  for (const part of Object.keys(PARTS) as PartName[]) {
    const { isMet, figure } = runShort(part, ROOT)
    t.ok(isMet, `${part}: ${figure}`)
  }
})

for (const rule of BROKEN_RULES) {
  t.test(`a part misses where ${rule.name}`, async (t) => {
    const { isMet, figure } = tryBroken(rule)
    t.notOk(isMet, `${rule.part}: ${figure}`)
  })
}
