/** What `everwrite status` says below its tables. */
import t from 'tap'
import type { MemberRow } from '../../../../src/cli/nodes/ask-nodes.ts'
import { remarksOf } from '../../../../src/cli/nodes/status.ts'

function rowOf(name: string, figures: Readonly<Record<string, number>>): MemberRow {
  const round = { adopted: 7, ageMs: 42_000 }
  const status = { figures, alarms: [], warnings: [], round }
  return { member: { name }, status } as unknown as MemberRow
}

t.test(
  'where background work yields to requests, a line says how much of it goes on',
  async (t) => {
    const rows = [
      rowOf('n1', { background_share: 1 }),
      rowOf('n2', { background_share: 0.3125 }),
      rowOf('n3', {}),
    ]
    t.strictSame(remarksOf(rows), [
      'background n2: at 31 % of its rate: requests are slower than wanted\n',
      'rounds round 7 was adopted 42 s ago\n',
    ])
  },
)

t.test('a member that is in no ring is told, by all that see it', async (t) => {
  const seen = { id: 'd', name: 'n4', state: 'joined', life: 'alive', lifeMs: 0 }
  const rows = ['n1', 'n2'].map((name, i) => {
    const row = rowOf(name, {})
    const own = { ...seen, id: `${i}`, name }
    const status = { ...row.status, members: [own, seen] }
    return { ...row, member: { name, id: `${i}`, isInRing: true }, status } as unknown as MemberRow
  })
  const outside = { name: 'n4', id: 'd', isInRing: false }
  const own = rowOf('n4', {})
  const status = { ...own.status, members: [] }
  rows.push({ ...own, member: outside, status } as unknown as MemberRow)
  t.equal(remarksOf(rows)[0], 'member n4: joined, alive, without partitions, as n1, n2 see it\n')
  t.equal(remarksOf(rows).length, 2, 'and the line of rounds')
})
