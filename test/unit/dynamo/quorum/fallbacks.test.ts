/** Which fallback stands for which owner. A member is called by the letter of its machine. */
import * as fc from 'fast-check'
import t from 'tap'
import type { NodeId } from '../../../../src/dynamo/names.ts'
import {
  type Choice,
  type Fallbacks,
  oneMore,
  type StandIn,
  standInsApart,
  standInsFor,
} from '../../../../src/dynamo/quorum/fallbacks.ts'
import { countApart } from '../../../../src/dynamo/quorum/holders.ts'

const machineOf = (node: NodeId): string => node.charAt(0)
const nodes = (list: string): readonly NodeId[] => (list === '' ? [] : list.split(' ')) as NodeId[]

function fallbacks(members: string, unready = ''): Fallbacks {
  const canAsk = (member: NodeId): boolean => !nodes(unready).includes(member)
  return { members: nodes(members), machineOf, canAsk }
}

function choice(away: string, inUse = ''): Choice {
  const used = nodes(inUse)
  const isFree = (member: NodeId): boolean => !used.includes(member)
  return { owners: nodes('a b c'), away: nodes(away), inUse: used, isFree }
}

function told(standIns: readonly StandIn[]): string {
  return standIns.map(({ node, forOwner }) => `${node} for ${forOwner}`).join(', ')
}

const apart = (members: string, away: string, inUse = ''): string =>
  told(standInsApart(fallbacks(members), choice(away, inUse)))

t.test('the next members on machines without a copy stand for owners in order', async (t) => {
  t.equal(apart('d e f', 'b'), 'd for b')
  t.equal(apart('d e f', 'a c'), 'd for a, e for c')
  t.equal(apart('b2 a2 d e', 'c'), 'd for c', 'none on the machine of an owner')
  t.equal(apart('d d2 e', 'a b'), 'd for a, e for b', 'one of each machine')
  t.equal(apart('d d2 e', 'b', 'd'), 'e for b', 'none on the machine of another fallback')
  t.equal(apart('a2 d', 'a'), 'd for a', 'another machine first, also where its own has one')
})

t.test('where none is left, a member on the machine of the owner itself', async (t) => {
  t.equal(apart('b2 a2', 'a'), 'a2 for a')
  t.equal(apart('c2 d b2', 'a b c'), 'd for a, b2 for b, c2 for c')
  t.equal(apart('d a2', 'a b'), 'a2 for a, d for b', 'd is kept for b, which has no other')
  t.equal(apart('d a2 b2', 'a b'), 'd for a, b2 for b', 'there is one to spare')
  t.equal(apart('b2', 'a'), '', 'a hint there would not count beside b')
})

t.test('else any: its hint is kept, and may not count', async (t) => {
  const any = (members: string, away: string): string =>
    told(standInsFor(fallbacks(members), choice(away)))
  t.equal(any('b2', 'a'), 'b2 for a')
  t.equal(any('b2 d d2', 'a c'), 'd for a, b2 for c')
  t.equal(any('d e', 'a b'), 'd for a, e for b')
  t.equal(any('d', 'a b'), 'd for a', 'one hint each')
  t.equal(any('', 'a'), '')
})

t.test('members that are away or overloaded are passed over', async (t) => {
  const ready = fallbacks('d e a2 b2', 'd a2')
  t.equal(told(standInsApart(ready, choice('a'))), 'e for a')
  t.equal(told(standInsFor(ready, choice('a c'))), 'e for a, b2 for c')
})

t.test('one more is on a machine without a copy if there is one', async (t) => {
  t.equal(oneMore(fallbacks('a2 d d2 e'), choice('', 'd')), 'e')
  t.equal(oneMore(fallbacks('a2 d d2'), choice('', 'd')), 'a2')
  t.equal(oneMore(fallbacks('d'), choice('', 'd')), undefined)
})

t.test('Q2: no choice has more copies that are apart', async (t) => {
  const scene = fc.record({
    members: fc.uniqueArray(fc.constantFrom(...nodes('a2 a3 b2 b3 c2 d d2 e f')), { maxLength: 6 }),
    away: fc.subarray([...nodes('a b c')]),
  })
  fc.assert(
    fc.property(scene, ({ members, away }) => {
      const owners = nodes('a b c')
      const all = { members, machineOf, canAsk: () => true }
      const chosen = standInsApart(all, { owners, away, inUse: [], isFree: () => true })
      const present = owners.filter((owner) => !away.includes(owner))
      const machines = new Set([...present, ...members].map(machineOf))
      const holders = [
        ...present.map((owner) => ({ on: machineOf(owner), willBeOn: machineOf(owner) })),
        ...chosen.map(({ node, forOwner }) => {
          return { on: machineOf(node), willBeOn: machineOf(forOwner) }
        }),
      ]
      return countApart(holders) === holders.length && holders.length === Math.min(3, machines.size)
    }),
    { numRuns: 3_000 },
  )
  t.pass('3,000 choices')
})
