/** Wrong input in small: the whole table, and a short flood. */
import t from 'tap'
import { badInput } from './bad-input.ts'

const SEED = 7
const say = (line: string): void => t.comment(line)

t.test('each wrong input gets its code, and mutated frames harm nobody', async (t) => {
  const verdict = await badInput({ frames: 3_000, seed: SEED, say })
  t.ok(verdict.isMet, verdict.figure)
})

t.test('a row that gets another code than it should is found', async (t) => {
  const verdict = await badInput({
    frames: 0,
    seed: SEED,
    only: 'context',
    say,
    tamper: (rows) => rows.map((row) => ({ ...row, expected: 'context-forged' })),
  })
  t.notOk(verdict.isMet)
  t.match(verdict.figure, /^4 of 12 kinds/)
})
