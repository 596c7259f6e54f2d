/** Plants about buckets where the last write wins. */
import type { Plant } from './plant.ts'

const UNIT = 'test/unit'
const RULES = `${UNIT}/dynamo/version/last-write.test.ts`
const NODES = `${UNIT}/node/cluster/last-write-wins.test.ts`
const MOVED = `${UNIT}/node/replica/moved-copies.test.ts`

export const LAST_WRITE: readonly Plant[] = [
  {
    name: 'the first write wins',
    find: ': a.time > b.time;',
    replace: ': a.time < b.time;',
    why: 'what was written last is lost',
    caughtBy: RULES,
  },
  {
    name: 'a further attempt is as late as it comes',
    find: 'return Math.min(now, drawnAt(requestId));',
    replace: 'return now;',
    why: 'a put that was waiting somewhere hides what its client wrote after it',
    caughtBy: RULES,
  },
  {
    name: 'two copies that each cover the write of the other lose both',
    find: 'siblings.length > 0 ? siblings : [...a.siblings, ...b.siblings]',
    replace: 'siblings',
    why: 'the key is gone',
    caughtBy: RULES,
  },
  {
    name: 'a put keeps the time of its clock over a later copy',
    find: 'time = Math.min(other + 1, U48_MAX);',
    replace: 'continue;',
    why: 'where clocks differ it loses to what it has replaced',
    caughtBy: RULES,
  },
  {
    name: 'a put beside what its client had not seen loses nothing',
    find: 'const isOverwrite = seen.isEmpty && siblings[0] === sibling;',
    replace: 'const isOverwrite = true;',
    why: 'writes are lost uncounted',
    caughtBy: RULES,
  },
  {
    name: 'a get merges as if all writes were kept',
    find: 'mergeUnder(policy, object, state.object)',
    replace: 'mergeUnder(1, object, state.object)',
    why: 'a program that expects one value is shown several',
    caughtBy: NODES,
  },
  {
    name: 'a scan merges as if all writes were kept',
    find: 'mergeUnder(policy, a.object, b.object)',
    replace: 'mergeUnder(1, a.object, b.object)',
    why: 'a program that expects one value is shown several',
    caughtBy: NODES,
  },
  {
    name: 'a copy that a bulk transfer brings is of no such bucket',
    find: 'return this.#word(index, MovedWord.policy);',
    replace: 'return 1;',
    why: 'a new owner keeps all writes',
    caughtBy: MOVED,
  },
]
