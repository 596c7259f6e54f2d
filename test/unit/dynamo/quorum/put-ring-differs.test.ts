/** Puts to an owner that knows other owners: readers would not find a hint for it. */
import t from 'tap'
import type { NodeId } from '../../../../src/dynamo/names.ts'
import { type PutAsk, PutRound } from '../../../../src/dynamo/quorum/put.ts'
import { member } from '../ring/members.ts'

/** Of three owners and two fallbacks, each on its own machine. */
function round(needed: number): PutRound {
  const [one, two, three, four, five] = [1, 2, 3, 4, 5].map((number) => member(number).id)
  return new PutRound({
    owners: [one, two, three] as NodeId[],
    needed,
    fallbacks: {
      members: [four, five] as NodeId[],
      machineOf: (node) => node,
      canAsk: () => true,
    },
    obstacleTo: () => undefined,
  })
}

const copy = (number: number, forOwner?: number): PutAsk => ({
  node: member(number).id,
  forOwner: forOwner === undefined ? undefined : member(forOwner).id,
})

t.test('an owner that knows other owners gets no hint; one that fails does', async (t) => {
  const put = round(2)
  t.strictSame(put.begin(copy(1)), [copy(2), copy(3)])
  t.strictSame(put.onFailed(copy(2), 'ring-differs'), [])
  t.strictSame(put.onFailed(copy(3), 'peer-away'), [copy(4, 3)])
  put.onHeld(copy(1))
  t.equal(put.verdict(), 'waiting')
  put.onHeld(copy(4, 3))
  t.equal(put.verdict(), 'reached')
})

t.test('where W needs that owner the put cannot count', async (t) => {
  const put = round(3)
  put.begin(copy(1))
  t.strictSame(put.onFailed(copy(2), 'ring-differs'), [])
  t.equal(put.verdict(), 'impossible')
})
