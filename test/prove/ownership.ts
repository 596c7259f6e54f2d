/**
 * Shows that a change of owners loses no write and hides none from a read, and that the search
 * would see it (`test/model/ownership`, docs/design.md 3.5).
 *
 * Millions of random histories of tables, moves, donors and hints run against the real dots,
 * contexts, merge and put. Then every rule is broken in turn, and the same search must find what
 * that does.
 *
 * `--histories N` how many (2,000,000), `--seed S` the first (drawn if not given), `--workers N`
 * threads (2), `--replay SEED` tells one history, `--without RULE` breaks one rule for that.
 */
import { BROKEN_OWNERSHIP } from '../model/ownership/broken.ts'
import { OWNERSHIP_RULES } from '../model/ownership/rules.ts'
import {
  addTally,
  emptyTally,
  isOften,
  type OwnershipTally,
  searchBrokenOwnership,
  searchOwnership,
  tellOwnership,
  tellShares,
} from '../model/ownership/search.ts'
import { searchModel } from './model-search.ts'
import type { Proof } from './proof.ts'

const MODEL = {
  worker: new URL('../model/ownership/search-worker.js', import.meta.url),
  histories: 2_000_000,
  rules: OWNERSHIP_RULES,
  none: emptyTally(),
  add: addTally,
  search: searchOwnership,
  tell: tellOwnership,
  shares: (tally: OwnershipTally) => ({ isMet: isOften(tally), figure: tellShares(tally) }),
  broken: BROKEN_OWNERSHIP,
  brokenBar: 38,
  searchBroken: searchBrokenOwnership,
}

export const proof: Proof = {
  name: 'ownership',
  shows: 'no change of owners loses a write, or hides one from a read',
  usage: '[--histories N] [--seed S]',
  run: (args) => searchModel(MODEL, args),
}
