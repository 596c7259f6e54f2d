/** What the removal of a key, or of ranges of its context, waits for. */
import t from 'tap'
import { type NodeId, nodeId, Policy } from '../../../../src/dynamo/names.ts'
import { ENDED, type Floor, NO_FLOOR } from '../../../../src/dynamo/repair/floor.ts'
import {
  removalOf,
  type ToldCopies,
  type ToldMember,
} from '../../../../src/dynamo/repair/removal.ts'
import { rangeOn } from '../../../../src/dynamo/version/context.ts'
import type { VersionedObject } from '../../../../src/dynamo/version/object.ts'
import {
  dot,
  line,
  NODE_A,
  NODE_B,
  object,
  range,
  sibling,
  START_1,
  START_2,
} from '../version/samples.ts'

const NODE_C: NodeId = nodeId('c'.padEnd(16, '0'))
const NODE_D: NodeId = nodeId('d'.padEnd(16, '0'))
const NAMES = new Map([
  [NODE_A, 'a'],
  [NODE_B, 'b'],
  [NODE_C, 'c'],
  [NODE_D, 'd'],
])
const N = 3

const tombstone = { ...sibling('†', dot(1, 2)), value: undefined }
/** The second write of a line: it deletes the first. */
const DELETED = object([range(1, 1, 2)], tombstone)
const TEA = object([range(1, 1, 1)], sibling('tea', dot(1, 1)))
const BELOW: Floor = new Map([[START_1, 2]])

function told(own: VersionedObject | undefined, rest: Partial<ToldCopies> = {}): ToldCopies {
  return { round: 1, floor: NO_FLOOR, own, hints: [], isRemembered: false, ...rest }
}

/** Of three owners and a fallback, a to d. */
function members(...all: (ToldCopies | undefined)[]): ToldMember[] {
  return [...NAMES.keys()].slice(0, all.length).map((node, i) => {
    return { node, isOwner: i < N, told: all[i] }
  })
}

function waits(...all: (ToldCopies | undefined)[]): string {
  const removal = removalOf(members(...all), { n: N, policy: Policy.siblings })
  if (removal === undefined) return 'nothing'
  const list = removal.waits.map(({ reason, node }) => `${NAMES.get(node)} ${reason}`)
  return `${removal.of}: ${list.join(', ')}`
}

t.test('what is live, absent or unknown waits for nothing', async (t) => {
  t.equal(waits(told(TEA), told(TEA), told(TEA)), 'nothing')
  t.equal(waits(told(undefined), told(undefined), told(undefined)), 'nothing')
  t.equal(waits(undefined, undefined, undefined), 'nothing')
  const both = object([range(1, 1, 2)], sibling('tea', dot(1, 1)), tombstone)
  t.equal(waits(told(both), told(both), told(both)), 'nothing', 'a value beside the tombstone')
})

t.test(
  'a delete waits at each owner for a round, or for what the round does not end',
  async (t) => {
    const above = told(DELETED)
    t.equal(waits(above, above, above), 'key: a round, b round, c round')
    const half = told(DELETED, { floor: new Map([[START_1, 1]]) })
    t.equal(waits(half, half, half), 'key: a round, b round, c round', 'the tombstone is above')
    const below = told(DELETED, { floor: BELOW })
    const remembered = told(DELETED, { floor: BELOW, isRemembered: true })
    t.equal(waits(below, remembered, below), 'key: a look, b remembered, c look')
    const soon = told(DELETED, { isRemembered: true })
    t.equal(waits(soon, above, above), 'key: a round, a remembered, b round, c round')
  },
)

t.test('a tombstone whose past is above the floor waits for a round', async (t) => {
  const past = rangeOn(line(NODE_B, START_2), 1, 1)
  const withPast = object([range(1, 1, 2), past], tombstone)
  const at = (floor: Floor): ToldCopies => told(withPast, { floor })
  t.equal(waits(at(BELOW)), 'key: a round')
  t.equal(waits(at(new Map([...BELOW, [START_2, ENDED]]))), 'key: a look')
})

t.test('owners that are silent, behind, or carry something else are named', async (t) => {
  t.equal(waits(told(DELETED), undefined, told(DELETED)), 'key: b untold, a round, c round')
  t.equal(
    waits(told(DELETED), told(TEA), told(undefined)),
    'key: a round, b exchange, b round, c exchange',
  )
  const next = told(DELETED, { round: 2, floor: BELOW })
  t.equal(waits(next, told(DELETED), told(DELETED)), 'key: a look, b behind, c behind')
})

t.test('an owner that has let the key go waits for nothing', async (t) => {
  const below = told(DELETED, { floor: BELOW })
  t.equal(waits(told(undefined), below, below), 'key: b look, c look', 'by the floor of its round')
  const gone = told(undefined, { round: 2 })
  t.equal(waits(gone, told(DELETED), gone), 'key: b behind', 'by a floor that others lack')
})

t.test('a hint is waited for where it is', async (t) => {
  const keeper = told(undefined, { hints: [DELETED] })
  t.equal(
    waits(told(DELETED), told(DELETED), undefined, keeper),
    'key: c untold, d hint, a round, b round',
  )
  t.equal(waits(told(undefined), told(undefined), undefined, keeper), 'key: c untold, d hint')
})

/** More than 2 N ranges: one carries the sibling. */
const LINES = Array.from({ length: 2 * N + 1 }, (_, i) => 10 * i + 1)
const LONG = object(
  LINES.map((opened) => range(opened, opened, opened)),
  sibling('tea', dot(1, 1)),
)

t.test('a long context waits for a round, then for owners that are alike', async (t) => {
  const above = told(LONG)
  t.equal(waits(above, above, above), 'context: a round, b round, c round')
  const below = told(LONG, { floor: new Map([[START_1, 11]]) })
  t.equal(waits(below, below, below), 'context: a look, b look, c look')
  t.equal(waits(below, undefined, below), 'context: b untold')
  t.equal(waits(below, told(TEA), below), 'context: a look, c look')
  const other = object([range(1, 1, 1), range(2, 2, 2)], sibling('milk', dot(2, 2)))
  t.equal(waits(below, told(other), below), 'context: a exchange, c exchange')
  const next = { ...below, round: 2 }
  t.equal(waits(below, next, next), 'context: a behind')
  t.equal(waits({ ...below, isRemembered: true }, below, below), 'context: a remembered')
  const short = told(object([range(1, 1, 1)], sibling('tea', dot(1, 1))), { round: 1 })
  t.equal(waits(short, short, short), 'nothing')
})

t.test('a context of which every range has a sibling waits for a put', async (t) => {
  const siblings = LINES.map((opened) => sibling(`s${opened}`, dot(opened, opened)))
  const many = told(object(LONG.context.ranges.slice(), ...siblings), { floor: BELOW })
  t.equal(waits(many, many, many), 'context: a siblings, b siblings, c siblings')
})
