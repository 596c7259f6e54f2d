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
  floorRulesWith,
  type FloorTally,
  searchBrokenFloor,
  searchFloors,
  tellFloors,
} from '../model/floors/search.ts'
import type { Proof, Verdict } from './proof.ts'
import { breakEach, searchInThreads, searchOptionsOf, type Seeds } from './model-search.ts'

const WORKER: URL = new URL('../model/floors/search-worker.js', import.meta.url)
const HISTORIES = 2_000_000
const PROGRESS_EVERY = 200_000
const BROKEN_BAR = 18
/** Histories in which keys and ranges go, at least one of so many. */
const REAPED_SHARE = 20
const STRIPPED_SHARE = 100

export const proof: Proof = {
  name: 'floors',
  shows: 'no history of rounds loses a write, or brings a deleted one back',
  usage: '[--histories N] [--seed S]',
  run,
}

async function run(args: readonly string[]): Promise<Verdict> {
  const { seeds, threads, replay, without } = searchOptionsOf(args, HISTORIES)
  if (replay !== undefined) return tellAgain(replay, without)
  const verdicts = [
    await tryHistories(seeds, threads),
    breakEach(BROKEN_FLOORS, searchBrokenFloor, BROKEN_BAR),
  ]
  return {
    isMet: verdicts.every(({ isMet }) => isMet),
    figure: verdicts.map(({ figure }) => figure).join('; '),
  }
}

function tellAgain(seed: number, without: string | undefined): Verdict {
  const rules = floorRulesWith(without)
  if (rules === undefined) {
    const names = Object.keys(FLOOR_RULES).join(', ')
    return { isMet: false, figure: `no rule is called ${without}; there are ${names}` }
  }
  console.log(tellFloors(seed, rules))
  const isFound = searchFloors(seed, 1, rules).found !== undefined
  return { isMet: !isFound, figure: `one history, ${isFound ? 1 : 0} wrong (bar: 0)` }
}

async function tryHistories(seeds: Seeds, threads: number): Promise<Verdict> {
  console.log(`${seeds.count} histories from seed ${seeds.from} on, ${threads} threads`)
  const began = performance.now()
  const all: FloorTally = { tried: 0, reaped: 0, stripped: 0, found: undefined }
  await searchInThreads<FloorTally>(WORKER, seeds, threads, (report) => {
    const before = Math.floor(all.tried / PROGRESS_EVERY)
    all.tried += report.tried
    all.reaped += report.reaped
    all.stripped += report.stripped
    all.found ??= report.found
    if (Math.floor(all.tried / PROGRESS_EVERY) > before) console.log(`  ${all.tried} tried`)
  })
  const { tried, reaped, stripped, found } = all
  if (found !== undefined) {
    console.log(tellFloors(found.seed, FLOOR_RULES))
    return { isMet: false, figure: `seed ${found.seed} went wrong: ${found.fault} (bar: none)` }
  }
  const rate = Math.round((1000 * tried) / (performance.now() - began))
  return {
    isMet: reaped * REAPED_SHARE >= tried && stripped * STRIPPED_SHARE >= tried,
    figure:
      `${tried} histories, 0 wrong (bar: 0), ${rate} a second; keys went in one of ` +
      `${(tried / reaped).toFixed(1)} (bar ${REAPED_SHARE}), ranges in one of ` +
      `${(tried / stripped).toFixed(1)} (bar ${STRIPPED_SHARE})`,
  }
}
