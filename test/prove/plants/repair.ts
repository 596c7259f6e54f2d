/** Plants about hash trees and exchanges: what is compared, and what is asked for. */
import type { Plant, PlantGroup } from './plant.ts'
import { ROUNDS } from './rounds.ts'
import { YIELDING } from './yielding.ts'

const PAPER = 'test/paper/section-4-7.test.ts'
const TREES = 'test/unit/node/replica/trees.test.ts'
const EXCHANGES = 'test/unit/node/background/repairer.test.ts'
const IDEAS = 'test/unit/dynamo/repair/branches.test.ts'

const KEEPING: readonly Plant[] = [
  {
    name: 'a tree keeps what a write replaced',
    find: 'tree.replace(token.hi, token.lo, before.hi, before.lo, after.hi, after.lo);',
    replace: 'tree.add(token.hi, token.lo, after.hi, after.lo);',
    why: 'copies that are equal have other sums, and are compared for ever',
    caughtBy: TREES,
  },
  {
    name: 'a write is lost to the tree that is being built',
    find: 'if (this.#next !== undefined && compareU64(copy.token, this.#next) >= 0) return;',
    replace: 'if (this.#next !== undefined) return;',
    why: 'what is written meanwhile, at a token that is read already, looks as it was',
    caughtBy: TREES,
  },
  {
    name: 'a write is twice in the tree that is being built',
    find: 'if (!changed.has(mapKeyOf(copy))) add(',
    replace: 'add(',
    why: 'it comes while its page is being read',
    caughtBy: TREES,
  },
  {
    name: 'hints are in the trees',
    find: 'if (!isOwn(copy)) return; this.#notice(copy, after); if',
    replace: 'this.#notice(copy, after); if',
    why: 'no other owner has them as its own: all exchanges find a difference',
    caughtBy: TREES,
  },
  {
    name: 'what had rotted stays in the tree',
    find: 'this.#notice(copy, after); this.correct(leafOf(copy.token));',
    replace: 'this.#notice(copy, after);',
    why: 'no one knows the digest that it had',
    caughtBy: TREES,
  },
  {
    name: 'a leaf that is read again keeps its old sum too',
    find: 'tree.clearPrefix(TREE_LEAF_BITS, leaf);',
    replace: ';',
    why: 'each correction makes it worse',
    caughtBy: TREES,
  },
  {
    name: 'trees are empty after a start',
    find: 'this.#trees = taken?.trees ?? new Map();',
    replace: 'this.#trees = new Map();',
    why: 'a node that has restarted differs from all others, and reads every leaf again',
    caughtBy: 'test/unit/node/replica/trees.test.ts',
  },
]

const COMPARING: readonly Plant[] = [
  {
    name: 'trees are compared once, after the start',
    find: 'if (this.#asked === 0) void',
    replace: 'if (this.#node.counters.exchanges === 0) void',
    why: 'what differs later is found by reads alone',
    caughtBy: PAPER,
  },
  {
    name: 'an exchange for a round does not count for the period',
    find: 'this.hurry();',
    replace: '',
    why: 'what differs is found up to a period and an exchange later',
    caughtBy: EXCHANGES,
  },
  {
    name: 'a key that is not here is not asked for',
    find: 'if (held === undefined || !equalU64(held, digest)) behind.push(copy)',
    replace: 'if (held !== undefined && !equalU64(held, digest)) behind.push(copy)',
    why: 'only keys that both have become equal',
    caughtBy: EXCHANGES,
  },
  {
    name: 'a leaf with fewer keys there is read again',
    find: 'if (here === there) this.#node.trees.correct(leaf)',
    replace: 'this.#node.trees.correct(leaf)',
    why: 'a right tree is read again in each exchange until the other side has asked',
    caughtBy: EXCHANGES,
  },
  {
    name: 'a wrong sum stays',
    find: 'return asked > 0 || this.#correct(tree, leaves, theirs)',
    replace: 'return true',
    why: 'the leaf is compared key by key in each exchange, for ever',
    caughtBy: EXCHANGES,
  },
  {
    name: 'a silent member holds up the exchanges with all others',
    find: 'const timer = clock.after(ANSWER_MS_MAX, () => {',
    replace: 'const timer = clock.after(1e9, () => {',
    why: 'a paused process ends no connection for a long time',
    caughtBy: EXCHANGES,
  },
  {
    name: 'exchanges do not wait for hints',
    find: 'if (this.#asked === 0) void this.#exchangeInTurn(this.#unhurried)',
    replace: 'if (this.#asked === 0) void this.exchangeWithAll()',
    why: 'both bring the same copies, and hints come home half as fast',
    caughtBy: 'test/unit/node/background/handoff.test.ts',
  },
  {
    name: 'exchanges wait for hints that stay',
    find: 'if (now - this.#sinceMs < HANDOFF_MS_MAX) return free',
    replace: 'if (now >= this.#sinceMs) return free',
    why: 'a hint that cannot be delivered keeps two owners from converging',
    caughtBy: 'test/unit/node/background/handoff-watch.test.ts',
  },
  {
    name: 'the last step down is of four bits too',
    find: 'Math.min(TREE_LEAF_BITS, bits + CHILD_BITS)',
    replace: 'bits + CHILD_BITS',
    why: 'rings with another number of partitions miss the leaves',
    caughtBy: IDEAS,
  },
  {
    name: 'a tree of another depth is compared',
    find: 'if (leafBits === TREE_LEAF_BITS) return false;',
    replace: 'return false;',
    why: 'numbers of branches mean something else there',
    caughtBy: PAPER,
  },
  {
    name: 'what differs is asked for and not kept',
    find: 'perform(() => replica.exchange(copy, object, theirs), resolve);',
    replace: 'resolve(false);',
    why: 'copies stay as they are, and all is asked for again',
    caughtBy: PAPER,
  },
]

export const REPAIR: PlantGroup = {
  name: 'repair',
  plantsMin: 66,
  plants: [...KEEPING, ...COMPARING, ...ROUNDS, ...YIELDING],
}
