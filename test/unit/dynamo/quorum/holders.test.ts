/** Who counts: holders that share no machine, now or after their hints are delivered. */
import * as fc from 'fast-check'
import t from 'tap'
import { countApart, type Holder } from '../../../../src/dynamo/quorum/holders.ts'
import { COPIES_PER_PUT_MAX } from '../../../../src/limits.ts'

/** Machines are letters: 'a' is an own copy on a, 'db' a hint on d for b. */
function holders(...pairs: readonly string[]): readonly Holder[] {
  return pairs.map((pair) => ({ on: pair.charAt(0), willBeOn: pair.at(-1) as string }))
}

t.test('Q2: two holders count as two where they share no machine', async (t) => {
  t.equal(countApart([]), 0)
  t.equal(countApart(holders('a', 'b', 'c')), 3, 'owners')
  t.equal(countApart(holders('a', 'a')), 1, 'an owner counts once')
  t.equal(countApart(holders('a', 'db')), 2, 'an owner and a hint for another one')
  t.equal(countApart(holders('a', 'da')), 1, 'an owner and the hint for it')
  t.equal(countApart(holders('da', 'ea')), 1, 'two hints for one owner')
  t.equal(countApart(holders('da', 'db')), 1, 'two hints on one machine')
  t.equal(countApart(holders('a', 'ab')), 1, 'a hint on the machine of another owner')
  t.equal(countApart(holders('ab', 'ba')), 1, 'two owners that stand for each other')
  t.equal(countApart(holders('da', 'eb', 'fc')), 3, 'hints alone')
  t.equal(countApart(holders('c', 'aa', 'db')), 3, 'a hint on the machine that it is for')
})

t.test('Q2: the count is of the best choice, not of the first', async (t) => {
  t.equal(countApart(holders('da', 'db', 'ea')), 2, 'd for b, and e for a')
  t.equal(countApart(holders('ab', 'da', 'eb')), 2, 'without the first')
  t.equal(countApart(holders('da', 'db', 'dc', 'ea', 'eb', 'fa')), 3)
})

/** Of all choices whose holders are apart, the size of the largest. */
function bruteCount(all: readonly Holder[]): number {
  let most = 0
  for (let choice = 0; choice < 2 ** all.length; choice++) {
    const chosen = all.filter((_, i) => (choice & (1 << i)) !== 0)
    const sizes = chosen.map(({ on, willBeOn }) => new Set([on, willBeOn]).size)
    const machines = new Set(chosen.flatMap(({ on, willBeOn }) => [on, willBeOn]))
    const isApart = machines.size === sizes.reduce((sum, size) => sum + size, 0)
    if (isApart) most = Math.max(most, chosen.length)
  }
  return most
}

t.test('Q2: the count is exact', async (t) => {
  const machine = fc.constantFrom(...'abcdefg'.split(''))
  const holder = fc.record({ on: machine, willBeOn: machine })
  fc.assert(
    fc.property(fc.array(holder, { maxLength: 9 }), (all) => countApart(all) === bruteCount(all)),
    { numRuns: 3_000 },
  )
  t.pass('3,000 sets of holders')
})

t.test('holders are bounded, and the most are counted', async (t) => {
  const owners = 'abcdefg'.split('')
  const three = owners.flatMap((owner) => holders(`h${owner}`, `i${owner}`, `j${owner}`))
  t.equal(countApart(three), 3, 'three machines')
  const four = [...three, ...owners.flatMap((owner) => holders(`k${owner}`))]
  t.equal(four.length, COPIES_PER_PUT_MAX)
  t.equal(countApart(four), 4)
  t.throws(() => countApart([...four, ...holders('a')]), /copies of a put are bounded/)
})
