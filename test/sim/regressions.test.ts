/**
 * Seeds that failed once, each with what had happened. They are kept for ever; what a seed does
 * changes with the build, so each tells its story too.
 */
import t from 'tap'
import { simulate } from '../../src/sim/simulate.ts'

/**
 * A node that owned nothing of a key passed a put on to one owner, which was slow, and after 100 ms
 * to the next: each made a dot. A client was shown the put with one dot and replaced that; the
 * other surfaced beside what had replaced it. That is promised (an earlier attempt may surface
 * once), but the checker knew of attempts by clients alone and objected. Now a node that passes a
 * put on again says so, and the checker counts it among the retried.
 */
const PASSED_ON_TWICE = [5128, 5564]

t.test('a put that was passed on twice may surface twice', async (t) => {
  for (const seed of PASSED_ON_TWICE) {
    const { violations } = await simulate({ seed })
    t.same(violations, [], `seed ${seed}`)
  }
})
