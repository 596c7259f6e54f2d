/** The floor that a round makes of what the members say. */
import t from 'tap'
import { type Start, startId } from '../../../../src/dynamo/names.ts'
import { ENDED } from '../../../../src/dynamo/repair/floor.ts'
import {
  makeFloor,
  NO_ROUND,
  type Opening,
  type RoundFloor,
} from '../../../../src/dynamo/repair/round.ts'

const start = (letter: string): Start => startId(letter.repeat(16))
const [A, B, OLD] = [start('a'), start('b'), start('0')]

const says = (own: Start, counter: number, ...named: Start[]): Opening => ({
  start: own,
  counter,
  named: new Set(named),
  isNamingKnown: true,
})

/** Rounds one after another, by members that name `named` of what ended. */
function after(last: RoundFloor, ...named: Start[]): RoundFloor {
  return makeFloor(last.number + 1, last, [says(A, 3, ...named), says(B, 4)])
}

t.test(
  'live starts have their counters, and all others that a member names have ended',
  async (t) => {
    const made = makeFloor(7, NO_ROUND, [says(A, 3, B, OLD), says(B, 4, A), says(start('c'), 0, A)])
    t.same(
      made.floor,
      new Map([
        [OLD, ENDED],
        [A, 3],
        [B, 4],
      ]),
    )
    t.equal(made.number, 7)
    t.equal(made.base, 0)
    t.equal(made.leftOut.size, 0)
  },
)

t.test('a start that no member names is in no floor', async (t) => {
  t.notOk(after(NO_ROUND).floor.has(OLD))
})

t.test('a start that no member has named since the last round opened is left out', async (t) => {
  const first = after(NO_ROUND, OLD)
  t.equal(first.base, 0)
  const second = after(first)
  t.notOk(second.floor.has(OLD))
  t.same([...second.leftOut], [OLD])
  t.equal(second.base, second.number)
  const third = after(second)
  t.equal(third.base, second.number, 'the base stays where nothing more is left out')
  t.equal(third.leftOut.size, 0)
})

t.test('none is left out where a member has forgotten what it named', async (t) => {
  const first = after(NO_ROUND, OLD)
  const restarted = { ...says(start('c'), 1), isNamingKnown: false }
  const second = makeFloor(2, first, [says(A, 5), restarted])
  t.equal(second.floor.get(OLD), ENDED)
  t.equal(second.floor.get(B), ENDED, 'nor a start that was live')
  t.equal(second.leftOut.size, 0)
})
