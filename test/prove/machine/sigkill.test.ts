/** The small form of `prove sigkill`: ten kills, the checkers believed. */
import t from 'tap'
import { sigkill } from './sigkill.ts'

const SEED = 7
/** Of a machine that does much else; it takes seconds. */
const LIMIT = { timeout: 180_000 }

t.setTimeout(LIMIT.timeout)

t.test('acknowledged writes survive SIGKILL at random instants', LIMIT, async (t) => {
  const say = (line: string): void => t.comment(line)
  const verdict = await sigkill({ kills: 10, seed: SEED, say, isTrusted: true })
  t.ok(verdict.isMet, verdict.figure)
})
