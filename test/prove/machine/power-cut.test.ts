/** The small form of `prove power-cut`: five cuts of one disk and one of all three. */
import t from 'tap'
import { powerCut } from './power-cut.ts'
import { CannotRun } from '../proof.ts'

const SEED = 7
/** Of a machine that does much else; it takes seconds. */
const LIMIT = { timeout: 180_000 }

t.setTimeout(LIMIT.timeout)

t.test('acknowledged writes survive power cuts', LIMIT, async (t) => {
  const say = (line: string): void => t.comment(line)
  try {
    const verdict = await powerCut({
      single: 5,
      cluster: 1,
      dev: 1,
      seed: SEED,
      say,
      isTrusted: true,
    })
    t.ok(verdict.isMet, verdict.figure)
  } catch (error) {
    if (!(error instanceof CannotRun)) throw error
    t.pass('this machine lacks the means', { skip: error.message })
  }
})
