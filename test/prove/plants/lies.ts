/** Plants about news of the ring that no member may know, and about what is blamed for a bug. */
import type { Plant } from './plant.ts'

const UNIT = 'test/unit'
const FORGED = `${UNIT}/dynamo/ring/forged-news.test.ts`

export const LIES: readonly Plant[] = [
  {
    name: 'an owner stands twice in a row of forged news',
    find: '&& !before.includes(index)',
    replace: '',
    why: 'moves are counted that end in more than N owners: the next table ends the process',
    caughtBy: FORGED,
  },
  {
    name: 'a statement has more partitions than the table that it is for',
    find: '&& table.ring.bits <= adopted.ring.bits',
    replace: '',
    why: 'the table cannot begin from it: the process ends, again at each start',
    caughtBy: FORGED,
  },
  {
    name: 'a table in effect has more partitions than the newest one',
    find: 'if ([stages, stated].some((told) => told && told.table.ring.bits > most)) return false',
    replace: '',
    why: 'the next plan ends the process',
    caughtBy: FORGED,
  },
  {
    name: 'a bug is taken for a disk that fails',
    find: 'if (!isOperatingError(cause) && !isSystemError(cause)) throw cause',
    replace: '',
    why: 'its operator looks at the disk, and the bug is not told',
    caughtBy: `${UNIT}/node/replica/kept-file.test.ts`,
  },
]
