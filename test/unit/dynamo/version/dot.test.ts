/** Dots: their order and equality. */
import t from 'tap'
import { compareDots, dotOn } from '../../../../src/dynamo/version/dot.ts'
import { line, NODE_A, NODE_B, START_1, START_2 } from './samples.ts'

t.test('dots sort by node, start, opening and counter, and are equal in all four', async (t) => {
  const sorted = [
    dotOn(line(NODE_A, START_1, 1), 1),
    dotOn(line(NODE_A, START_1, 1), 10),
    dotOn(line(NODE_A, START_1, 2), 2),
    dotOn(line(NODE_A, START_1, 10), 10),
    dotOn(line(NODE_A, START_2, 1), 1),
    dotOn(line(NODE_B, START_1, 1), 1),
  ]
  t.same([...sorted].reverse().sort(compareDots), sorted)
  for (const [i, a] of sorted.entries()) {
    for (const [j, b] of sorted.entries()) t.equal(compareDots(a, { ...b }) === 0, i === j)
  }
})
