/** Nodes whose engine keeps copies in memory alone: while fewer than W end, nothing is lost. */
import t from 'tap'
import { drawScenario, type Scenario } from '../../src/sim/scenario.ts'
import { simulate } from '../../src/sim/seed/simulate.ts'

const SEEDS = 10

// Whether the machine is fast is not judged here.
t.setTimeout(600_000)

const volatile = (seed: number): Scenario => ({
  ...drawScenario(seed),
  nodes: 4,
  buckets: [{ name: 'default', n: 3, r: 2, w: 2 }],
  created: [],
  engine: 'memory',
  faults: ['crash', 'kill', 'crash-in-write', 'crash-in-start', 'cut', 'isolate', 'slow', 'pause'],
  acknowledged: 300,
  faultsMin: 10,
})

t.test('nodes in memory lose nothing while fewer than W of them end', async (t) => {
  for (let seed = 1; seed <= SEEDS; seed++) {
    const result = await simulate({ seed, scenario: volatile(seed) })
    t.same(result.violations.slice(0, 3), [], `seed ${seed}`)
    t.ok(result.crashesInWrites > 0, `seed ${seed}: nodes ended`)
    t.ok(result.withheld > 0, `seed ${seed}: ends beyond the promise were withheld`)
  }
})
