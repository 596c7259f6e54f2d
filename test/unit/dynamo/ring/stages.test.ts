/** Tables, and the stages in which their moves are done. */
import * as fc from 'fast-check'
import t from 'tap'
import type { NodeId } from '../../../../src/dynamo/names.ts'
import { claim } from '../../../../src/dynamo/ring/claim.ts'
import type { Member, Ring } from '../../../../src/dynamo/ring/ring.ts'
import {
  firstStages,
  type Stage,
  type Stages,
  stagesAfter,
} from '../../../../src/dynamo/ring/stages.ts'
import {
  compareTables,
  firstTable,
  type Table,
  tableOf,
} from '../../../../src/dynamo/ring/table.ts'
import { member, members } from './members.ts'

const BITS = 4
const NEEDS_NONE = { without: [], needed: new Map<NodeId, string>() }

function after(parent: Table, ring: Ring, ns: readonly number[] = [3]): Table {
  return tableOf({ number: parent.number + 1, parent: parent.digest, ring, ns, ...NEEDS_NONE })
}

/** From one set of members to another. */
function change(before: readonly Member[], now: readonly Member[], ns: readonly number[]): Stages {
  const n = Math.max(...ns)
  const first = firstTable(claim(before, BITS, n).ring)
  const { ring } = claim(now, BITS, n, first.ring)
  return stagesAfter(firstStages(first.ring), after(first, ring, ns))
}

/** The stages of a partition, one after another. */
function allOf(stages: Stages, partition: number, n: number): readonly Stage[] {
  const all = [stages.of(partition, n)]
  for (let done = 1; stages.of(partition, n).leaver ?? stages.of(partition, n).filler; done++) {
    stages.advance(partition, n, done, false)
    all.push(stages.of(partition, n))
  }
  return all
}

t.test('owners move one at a time, from those of before to those of the table', async (t) => {
  const place = fc.record({ machine: fc.integer({ min: 0, max: 9 }), isThere: fc.boolean() })
  const places = fc.array(place, { minLength: 8, maxLength: 8 })
  fc.assert(
    fc.property(places, places, fc.integer({ min: 1, max: 4 }), (one, two, n) => {
      const [before, now] = [one, two].map((drawn) => [
        ...members(2, (i) => ({ machine: `own${i}` })),
        ...drawn.map(({ machine, isThere }, i) => {
          return member(i + 3, {
            machine: `m${one[i]?.machine ?? machine}`,
            weight: isThere ? 1 : 0,
          })
        }),
      ]) as [Member[], Member[]]
      const stages = change(before, now, [n])
      const machineOf = new Map([...before, ...now].map(({ id, machine }) => [id, machine]))
      for (let partition = 0; partition < 2 ** BITS; partition++) {
        const all = allOf(stages, partition, n)
        const apart = all.map(({ owners }) => new Set(owners.map((id) => machineOf.get(id))).size)
        const [first, last] = [all[0] as Stage, all.at(-1) as Stage]
        const target = stages.table.ring.rowOf(partition).map(({ id }) => id)
        if (last.owners.join() !== target.slice(0, n).join()) return false
        if (all.length - 1 !== Math.max(missing(first, last), missing(last, first))) return false
        const fewest = Math.min(apart[0] as number, apart.at(-1) as number)
        const isApart = [apart[0] === first.owners.length, apart.at(-1) === last.owners.length]
        for (const [i, stage] of all.entries()) {
          if (new Set(stage.owners).size !== stage.owners.length) return false
          if (isApart.every(Boolean) && (apart[i] as number) < fewest) return false
          const next = all[i + 1]
          if (next !== undefined && missing(stage, next) > 1) return false
          if (stage.filler !== undefined && stage.owners.includes(stage.filler)) return false
        }
      }
      return stages.left === 0
    }),
    { numRuns: 200 },
  )
  t.pass('200 changes')
})

/** Owners of `a` that are none of `b`. */
function missing(a: Stage, b: Stage): number {
  return a.owners.filter((id) => !b.owners.includes(id)).length
}

t.test('a filler on the machine of a leaver takes its place, whatever the order', async (t) => {
  const [a, b, c, d, e] = members(5, (i) => ({ machine: ['x', 'y', 'z', 'z', 'x'][i] as string }))
  const before = firstTable(claim([a, b, c] as Member[], 0, 3).ring)
  const table = after(before, claim([b, d, e] as Member[], 0, 3).ring)
  const stages = stagesAfter(firstStages(before.ring), table)
  for (const { leaver, filler } of allOf(stages, 0, 3).slice(0, -1)) {
    t.ok(
      (leaver === a?.id && filler === e?.id) || (leaver === c?.id && filler === d?.id),
      'owners stay on three machines',
    )
  }
})

t.test(
  'a cluster that grows to N has fillers without leavers; one that shrinks the reverse',
  async (t) => {
    const grown = allOf(change(members(1), members(3), [3]), 0, 3)
    t.strictSame(
      grown.map(({ owners, leaver }) => [owners.length, leaver]),
      [
        [1, undefined],
        [2, undefined],
        [3, undefined],
      ],
    )
    const shrunk = allOf(change(members(3), members(2), [3]), 0, 3)
    t.strictSame(
      shrunk.map(({ owners, filler }) => [owners.length, filler]),
      [
        [3, undefined],
        [2, undefined],
      ],
    )
  },
)

t.test('each N moves by itself', async (t) => {
  const stages = change(members(4), members(4).slice(1), [1, 3])
  const partition = Array.from({ length: 2 ** BITS }, (_, i) => i).find((one) => {
    return stages.of(one, 3).leaver !== undefined && stages.of(one, 1).leaver === undefined
  }) as number
  stages.advance(partition, 3, 1, true)
  t.equal(stages.of(partition, 3).done, 1)
  t.ok(stages.of(partition, 3).isFilled)
  t.equal(stages.of(partition, 1).done, 0)
  t.equal(stages.of(partition, 2).filler, undefined, 'an N without data is at its end')
  t.equal(stages.of(partition, 2).owners.length, 2)
})

t.test('what is done is told in bytes, and the one who is ahead wins', async (t) => {
  const [ahead, behind] = [0, 1].map(() => change(members(3), members(6), [3])) as [Stages, Stages]
  const moving = Array.from({ length: 2 ** BITS }, (_, i) => i).filter(
    (one) => ahead.of(one, 3).filler !== undefined,
  )
  const [first, second] = moving as [number, number]
  t.ok(ahead.advance(first, 3, 1, true))
  t.ok(behind.advance(second, 3, 1, false))
  t.notOk(ahead.advance(first, 3, 1, false), 'it was known')
  t.ok(ahead.of(first, 3).isFilled, 'and how it ended')
  const { left } = ahead
  t.ok(ahead.take(3, behind.doneOf(3)))
  t.notOk(ahead.take(3, behind.doneOf(3)), 'no news')
  t.equal(ahead.left, left - 1)
  t.equal(ahead.of(first, 3).done, 1, 'what it knew alone is kept')
})

t.test('the next table begins where the moves of the one before have come to', async (t) => {
  const stages = change(members(3), members(5), [3])
  const partition = Array.from({ length: 2 ** BITS }, (_, i) => i).find(
    (one) => stages.of(one, 3).filler !== undefined,
  ) as number
  stages.advance(partition, 3, 1, true)
  const { owners } = stages.of(partition, 3)
  const back = stagesAfter(stages, after(stages.table, claim(members(3), BITS, 3).ring))
  t.strictSame(back.of(partition, 3).owners, owners)
  t.equal(back.of(partition, 3).done, 0)
  t.equal(back.of(partition, 3).moved, 1)
  back.advance(partition, 3, 1, true)
  t.strictSame(
    back.of(partition, 3).owners,
    change(members(3), members(5), [3]).of(partition, 3).owners,
  )
  t.equal(back.of(partition, 3).moved, 2, 'the same owners, that have changed twice')
  const split = stagesAfter(stages, after(stages.table, claim(members(5), BITS + 1, 3).ring))
  t.strictSame(split.of(2 * partition + 1, 3).owners, owners, 'halves begin with the same owners')
  t.equal(split.of(2 * partition + 1, 3).moved, 1)
})

t.test('of two tables all members choose the same one', async (t) => {
  const first = firstTable(claim(members(3), BITS, 3).ring)
  const [one, two] = [claim(members(4), BITS, 3).ring, claim(members(5), BITS, 3).ring]
  const [a, b] = [after(first, one), after(first, two)]
  t.equal(Math.sign(compareTables(a, b)), -Math.sign(compareTables(b, a)))
  t.not(compareTables(a, b), 0)
  t.ok(compareTables(after(a, one), b) > 0, 'the number comes first')
  t.equal(compareTables(a, after(first, one)), 0)
  const [third] = members(3).slice(2)
  const named = tableOf({ ...a, without: [(third as Member).id] })
  t.not(compareTables(a, named), 0, 'one that names a dead member is another one')
})
