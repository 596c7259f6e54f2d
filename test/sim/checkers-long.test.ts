/**
 * A long history in which all is well, and one with a wrong thing of each kind in its middle: the
 * checkers object to just those. `prove checkers` does it with ten million operations.
 */
import t from 'tap'
import { LongHistory, type Plant, PLANTS } from './long-history.ts'
import { differences, judgeLong } from './long-judge.ts'

const OPERATIONS = 100_000
const ALL = Object.keys(PLANTS) as Plant[]

t.test('a long history in which all is well is accepted', async (t) => {
  for (const seed of [1, 2]) {
    const long = new LongHistory(seed, OPERATIONS)
    t.strictSame(judgeLong(long), [], `seed ${seed}`)
    const { writes, reads } = long.history
    t.ok(writes.length + reads.length >= OPERATIONS)
    const seen = { deletes: 0, seen: 0, retried: 0, refused: 0, 'in-doubt': 0, siblings: 0 }
    for (let id = 0; id < writes.length; id++) {
      if (writes.isDelete(id)) seen.deletes += 1
      if (writes.replacesSeen(id)) seen.seen += 1
      if (writes.wasRetried(id)) seen.retried += 1
      const outcome = writes.outcome(id)
      if (outcome === 'refused' || outcome === 'in-doubt') seen[outcome] += 1
    }
    for (let read = 0; read < reads.length; read++) {
      if (reads.shown.of(read).length > 1) seen.siblings += 1
    }
    for (const [what, count] of Object.entries(seen)) t.ok(count > 100, `${what}: ${count}`)
  }
})

t.test('of each kind of wrong thing in a long history one sentence tells', async (t) => {
  const long = new LongHistory(3, OPERATIONS, ALL)
  t.strictSame(differences(judgeLong(long), ALL), [])
})

t.test('missing and unplanted violations are both reported', async (t) => {
  const found = ['lost: planted dropped no longer holds 7', 'late: a read of key-1 took 200 ms']
  t.strictSame(differences(found, ['dropped', 'changed']), [
    'changed was not found',
    'not planted: late: a read of key-1 took 200 ms',
  ])
})
