/** To which members a hint goes, and when it may be removed. */
import t from 'tap'
import { Delivery, targetsOf } from '../../../../src/dynamo/handoff/delivery.ts'
import { NODE_A, NODE_B } from '../version/samples.ts'
import { member } from '../ring/members.ts'

const OTHER = member(7).id

t.test('a hint goes to its member as long as that is an owner', async (t) => {
  t.strictSame(targetsOf(NODE_B, [NODE_A, NODE_B, OTHER]), [NODE_B])
})

t.test('the hint of a former owner goes to all present owners', async (t) => {
  t.strictSame(targetsOf(NODE_B, [NODE_A, OTHER]), [NODE_A, OTHER])
})

t.test('a hint may go unless its place accepted something, and once', async (t) => {
  const [one, two] = [new Delivery(), new Delivery()]
  t.ok(one.mayGo)
  one.onAccepted()
  t.notOk(one.mayGo)
  two.onGone()
  t.notOk(two.mayGo)
})
