/** Scenarios that were kept: what a seed draws can be read again, what would break is refused. */
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { readScenario } from '../../../../src/cli/simulate/scenario-file.ts'
import { drawScenario } from '../../../../src/sim/scenario.ts'

const SEEDS = 500
const file = join(t.testdir(), 'kept.json')

function read(kept: unknown): unknown {
  writeFileSync(file, JSON.stringify(kept))
  return readScenario(file)
}

t.test('every scenario that a seed draws is read as it was written', async (t) => {
  for (let seed = 0; seed < SEEDS; seed++) {
    const kept = { seed, scenario: drawScenario(seed) }
    t.same(read({ ...kept, digest: 'and what else a line of --json holds' }), kept)
  }
})

t.test('an impossible scenario is refused, and the message names the field', async (t) => {
  const scenario = { ...drawScenario(1), nodes: 3 }
  const buckets = [{ name: 'default', n: 3, r: 2, w: 2 }]
  const refuses = (change: object, message: RegExp): void => {
    const kept = { seed: 1, scenario: { ...scenario, buckets, ...change } }
    t.throws(() => read(kept), { code: 'input-wrong', message }, JSON.stringify(change))
  }
  refuses({ nodes: 0 }, /scenario\.nodes: /)
  refuses({ nodes: 2 }, /scenario: has N above its nodes/)
  refuses({ partitions: 12 }, /scenario\.partitions: must be a power of two/)
  refuses({ buckets: [] }, /scenario\.buckets: must begin with the bucket default/)
  refuses({ buckets: [{ ...buckets[0], w: 4 }] }, /scenario\.buckets\.0: has R or W above its N/)
  refuses({ buckets: [...buckets, { ...buckets[0], name: "it's" }] }, /buckets\.1\.name: must be/)
  refuses({ faults: ['flood'] }, /scenario\.faults\.0: /)
  refuses({ faults: [] }, /scenario\.faults: /)
  refuses({ mix: { ...scenario.mix, get: -1 } }, /scenario\.mix\.get: /)
  refuses({ everyMs: 0 }, /scenario\.everyMs: /)
  refuses({ valueBytesMax: 7 }, /scenario\.valueBytesMax: /)
  refuses({ cutchance: 1 }, /cutchance/)
  t.throws(() => read({ seed: -1, scenario: { ...scenario, buckets } }), { message: /seed: / })
  t.throws(() => read({ seed: 1 }), {
    message: /scenario: .* Print one with everwrite simulate --seed 1 --json/,
  })
})
