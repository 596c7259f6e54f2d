/**
 * Power cuts of all nodes while disks are slow: writes are lost in a bucket that does not promise
 * them, of none other, and nothing else is wrong.
 */
import t from 'tap'
import type { MadeBucket } from '../../src/sim/cluster/made-buckets.ts'
import { drawScenario, type Scenario } from '../../src/sim/scenario.ts'
import { simulate } from '../../src/sim/seed/simulate.ts'

const SEEDS = [2, 7]
const MADE: MadeBucket = { name: 'made-1', n: 3, r: 2, w: 2, afterMs: 0 }

t.setTimeout(600_000)

function scenarioOf(seed: number, isInterval: boolean): Scenario {
  return {
    ...drawScenario(seed),
    ...{ nodes: 3, machines: 3, clients: 6, thinkMsMax: 0, longValueChance: 0 },
    buckets: [{ name: 'default', n: 3, r: 2, w: 2 }],
    created: [{ ...MADE, isInterval }],
    ...{ faults: ['crash-all', 'slow-disk'], everyMs: 40, faultsMin: 30, rounds: 1 },
    ...{ changeMs: 0, rotateMs: 0 },
  }
}

for (const isInterval of [true, false]) {
  t.test(isInterval ? 'with durability interval' : 'with durability always', async (t) => {
    let lost = 0
    for (const seed of SEEDS) {
      const result = await simulate({ seed, scenario: scenarioOf(seed, isInterval) })
      t.same(result.violations, [], `seed ${seed}`)
      lost += result.unsyncedLost
    }
    t.equal(lost > 0, isInterval, `${lost} lost`)
  })
}
