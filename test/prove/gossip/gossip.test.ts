/** The proof of gossip in small: each part is met, and a broken rule is found. */
import t from 'tap'
import { placeOf } from '../plants/place.ts'
import { BROKEN_RULES, type BrokenRule, tryBroken } from './broken-rules.ts'
import { PARTS, type Scale } from './parts.ts'

const TINY: Scale = {
  seed: 1,
  calmMembers: 32,
  calmSeconds: 600,
  steadySeconds: 60,
  sizes: [20, 100],
  stalledMembers: 20,
  stalledHours: 0.5,
  smallHours: 0.5,
  lateHours: 0.5,
  silences: 60,
  starvedSeconds: 120,
  pausedSeconds: 300,
  cutMembers: [20],
  cutSeeds: 2,
}

for (const [name, part] of Object.entries(PARTS)) {
  t.test(`${name} is met in small`, async (t) => {
    const { isMet, figure } = part(TINY, () => undefined)
    t.ok(isMet, figure)
  })
}

t.test('each rule that the proof breaks stands in the code once', async (t) => {
  for (const rule of BROKEN_RULES) t.doesNotThrow(() => placeOf(rule), rule.name)
})

t.test('a part misses where a rule is broken', async (t) => {
  const rule = BROKEN_RULES.find(({ part }) => part === 'starved') as BrokenRule
  const { isMet, figure } = await tryBroken(rule)
  t.notOk(isMet, figure)
})
