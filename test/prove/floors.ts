/**
 * Shows that rounds and floors lose nothing and bring nothing back, and that the search would see
 * it (`test/model/floors`, docs/design.md 3.6).
 *
 * Millions of random histories run against the real dots, contexts, merge and put. Then every rule
 * is broken in turn, and the same search must find what that loses.
 *
 * `--histories N` how many (2,000,000), `--seed S` the first (drawn if not given), `--workers N`
 * threads (2), `--replay SEED` tells one history, `--without RULE` breaks one rule for that.
 */
import { BROKEN_FLOORS } from '../model/floors/broken.ts'
import { FLOOR_RULES } from '../model/floors/rules.ts'
import {
  type FloorTally,
  searchBrokenFloor,
  searchFloors,
  tellFloors,
} from '../model/floors/search.ts'
import { searchModel } from './model-search.ts'
import type { Proof, Verdict } from './proof.ts'

const NONE: FloorTally = { tried: 0, reaped: 0, stripped: 0, found: undefined }
/** Histories in which keys and ranges go, at least one of so many. */
const REAPED_SHARE = 20
const STRIPPED_SHARE = 100

const MODEL = {
  worker: new URL('../model/floors/search-worker.js', import.meta.url),
  histories: 2_000_000,
  rules: FLOOR_RULES,
  none: NONE,
  add,
  search: searchFloors,
  tell: tellFloors,
  shares,
  broken: BROKEN_FLOORS,
  brokenBar: 18,
  searchBroken: searchBrokenFloor,
}

export const proof: Proof = {
  name: 'floors',
  shows: 'no history of rounds loses a write, or brings a deleted one back',
  usage: '[--histories N] [--seed S]',
  run: (args) => searchModel(MODEL, args),
}

function add(a: FloorTally, b: FloorTally): FloorTally {
  return {
    tried: a.tried + b.tried,
    reaped: a.reaped + b.reaped,
    stripped: a.stripped + b.stripped,
    found: a.found ?? b.found,
  }
}

function shares({ tried, reaped, stripped }: FloorTally): Verdict {
  return {
    isMet: reaped * REAPED_SHARE >= tried && stripped * STRIPPED_SHARE >= tried,
    figure:
      `keys went in one of ${(tried / reaped).toFixed(1)} (bar ${REAPED_SHARE}), ranges in one ` +
      `of ${(tried / stripped).toFixed(1)} (bar ${STRIPPED_SHARE})`,
  }
}
