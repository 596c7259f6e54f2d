/** Wrong input in small: the whole table, and a short flood. */
import t from 'tap'
import { badInput } from './bad-input.ts'

const SEED = 7
const say = (line: string): void => t.comment(line)

t.test('each wrong input gets its code, and mutated frames harm no other request', async (t) => {
  const verdict = await badInput({ frames: 3_000, seed: SEED, say })
  t.ok(verdict.isMet, verdict.figure)
})
