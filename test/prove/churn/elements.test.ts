/** The sets of the proof: an element that is not there is found, wherever it is missing. */
import t from 'tap'
import { countOf, gapsOf, lastOf, unionOf, withElement } from './elements.ts'

t.test('a set that is filled in any order has one span, and no gap', async (t) => {
  let set = {}
  for (const number of [3, 1, 5, 2, 4]) set = withElement(set, 7, number)
  t.same(set, { 7: [[1, 5]] })
  t.same(gapsOf(set, 7, 5), [])
  t.equal(lastOf(set, 7), 5)
})

t.test('a lost element is a gap: at the beginning, within, at the end', async (t) => {
  const set = unionOf([{ 7: [[2, 3]] }, { 7: [[6, 8]], 8: [[1, 1]] }, { 7: [[3, 4]] }])
  t.same(gapsOf(set, 7, 10), [
    [1, 1],
    [5, 5],
    [9, 10],
  ])
  t.equal(countOf(gapsOf(set, 7, 10)), 4)
  t.same(gapsOf(set, 7, 3), [[1, 1]], 'what was not acknowledged is not missing')
  t.same(gapsOf(set, 9, 2), [[1, 2]], 'a client of which nothing is there')
  t.equal(lastOf(set, 9), 0)
})
