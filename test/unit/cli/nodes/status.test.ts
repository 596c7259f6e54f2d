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
