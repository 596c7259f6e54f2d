/**
 * Seeds that failed once, each with what had happened. They are kept for ever; what a seed does
 * changes with the build, so each tells its story too.
 */
import t from 'tap'
import { simulate } from '../../src/sim/seed/simulate.ts'

/**
 * A node that owned nothing of a key passed a put on to one owner, which was slow, and after 100 ms
 * to the next: each made a dot. A client was shown the put with one dot and replaced that; the
 * other surfaced beside what had replaced it. That is promised (an earlier attempt may surface
 * once), but the checker knew of attempts by clients alone and objected. Now the reply to a put
 * says how many owners it was given to, and the checker counts such a put among the retried.
 */
const PASSED_ON_TWICE = [5128, 5564]

t.test('a put that was passed on twice may surface twice', async (t) => {
  for (const seed of PASSED_ON_TWICE) {
    const { violations } = await simulate({ seed })
    t.same(violations, [], `seed ${seed}`)
  }
})

/**
 * While a node was dead for ever, another found its copy of a key rotten. It asks two others before
 * it believes that it knows all, and only one lived: the copy waited, as it must, and the inspector
 * objected. Now a copy on a damaged disk may wait while not all nodes live.
 */
const ROTTEN_WHILE_FEW_LIVE = 165

t.test('a rotten copy may wait for nodes that are dead', async (t) => {
  const { violations } = await simulate({ seed: ROTTEN_WHILE_FEW_LIVE })
  t.same(violations, [])
})

/**
 * A bit of a node's identity file rotted in one round and was met by a start in the next, when the
 * account had been settled: the disk had to be replaced, as a damage that nobody had paid for. Now
 * damaged disks are read by a start before a sweep settles them.
 */
const DAMAGE_FOUND_LATE = 204

t.test('damage comes to light in the round that it was done in', async (t) => {
  const { violations } = await simulate({ seed: DAMAGE_FOUND_LATE })
  t.same(violations, [])
})

/**
 * Two of five owners had lost their power, and were not known to be away yet. A read at the three
 * that lived was hedged once, by the second of the dead or by one that lived, and then waited for
 * its deadline; the sweep, which took its failure for nothing, left copies that differed. Now a
 * read asks the next owner each time that it is late, and a sweep that fails is a violation.
 */
const HEDGED_ONCE = 1130

t.test('a read at all that live gets by all that are dead', async (t) => {
  const { violations } = await simulate({ seed: HEDGED_ONCE })
  t.same(violations, [])
})

/**
 * A start cut a torn record off the log, the disk failed the sync of that, and the next start was
 * shown the file as cut and left it. The power went, and the record was back, as rot that hid the
 * sound copy of its key. The cut is now made anew by every start; `store/log/recovery.test.ts` has
 * the scenario by itself.
 */
const CUT_THAT_CAME_BACK = 273
/** The same of a segment that was removed, and of the sync of its directory. */
const NAME_THAT_CAME_BACK = 5183

t.test('what a start cut off or removed stays so', async (t) => {
  for (const seed of [CUT_THAT_CAME_BACK, NAME_THAT_CAME_BACK]) {
    const { violations } = await simulate({ seed })
    t.same(violations, [], `seed ${seed}`)
  }
})
