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
  ownershipRulesWith,
  searchBrokenOwnership,
  searchOwnership,
  tellOwnership,
  tellShares,
} from '../model/ownership/search.ts'
import { breakEach, searchInThreads, searchOptionsOf, type Seeds } from './model-search.ts'
import type { Proof, Verdict } from './proof.ts'

const WORKER: URL = new URL('../model/ownership/search-worker.js', import.meta.url)
const HISTORIES = 2_000_000
const PROGRESS_EVERY = 200_000
const BROKEN_BAR = 38

export const proof: Proof = {
  name: 'ownership',
  shows: 'no change of owners loses a write, or hides one from a read',
  usage: '[--histories N] [--seed S]',
  run,
}

async function run(args: readonly string[]): Promise<Verdict> {
  const { seeds, threads, replay, without } = searchOptionsOf(args, HISTORIES)
  if (replay !== undefined) return tellAgain(replay, without)
  const verdicts = [
    await tryHistories(seeds, threads),
    breakEach(BROKEN_OWNERSHIP, searchBrokenOwnership, BROKEN_BAR),
  ]
  return {
    isMet: verdicts.every(({ isMet }) => isMet),
    figure: verdicts.map(({ figure }) => figure).join('; '),
  }
}

function tellAgain(seed: number, without: string | undefined): Verdict {
  const rules = ownershipRulesWith(without)
  if (rules === undefined) {
    const names = Object.keys(OWNERSHIP_RULES).join(', ')
    return { isMet: false, figure: `no rule is called ${without}; there are ${names}` }
  }
  console.log(tellOwnership(seed, rules))
  const isFound = searchOwnership(seed, 1, rules).found !== undefined
  return { isMet: !isFound, figure: `one history, ${isFound ? 1 : 0} wrong (bar: 0)` }
}

async function tryHistories(seeds: Seeds, threads: number): Promise<Verdict> {
  console.log(`${seeds.count} histories from seed ${seeds.from} on, ${threads} threads`)
  const began = performance.now()
  let all = emptyTally()
  await searchInThreads<OwnershipTally>(WORKER, seeds, threads, (report) => {
    const before = Math.floor(all.tried / PROGRESS_EVERY)
    all = addTally(all, report)
    if (Math.floor(all.tried / PROGRESS_EVERY) > before) console.log(`  ${all.tried} tried`)
  })
  const { tried, found } = all
  if (found !== undefined) {
    console.log(tellOwnership(found.seed, OWNERSHIP_RULES))
    return { isMet: false, figure: `seed ${found.seed} went wrong: ${found.fault} (bar: none)` }
  }
  const rate = Math.round((1000 * tried) / (performance.now() - began))
  return {
    isMet: isOften(all),
    figure: `${tried} histories, 0 wrong (bar: 0), ${rate} a second; ${tellShares(all)}`,
  }
}
