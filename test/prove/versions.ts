/**
 * Shows that no history of a key loses a write, and that the search finds a loss if there is one.
 *
 * Millions of random histories run against the real dots, contexts, merge and put (`test/model`).
 * An oracle judges each by the values that clients were shown: what W machines hold survives the
 * loss of fewer, and a get of R owners shows what W owners hold. Then every rule is broken in turn,
 * and the same search must find the fault.
 *
 * `--histories N` how many (10,000,000), `--seed S` the first (drawn if not given), `--workers N`
 * threads (2), `--replay SEED` tells one history, `--without RULE` breaks one rule for that.
 */
import { BROKEN } from '../model/broken.ts'
import { RULES } from '../model/rules.ts'
import { type Found, rulesWithout, search, searchBroken, tellHistory } from '../model/search.ts'
import type { Report } from '../model/search-worker.ts'
import type { Proof, Verdict } from './proof.ts'
import { searchInThreads, type SearchOptions, searchOptionsOf } from './model-search.ts'
import { tryLive } from './versions-live.ts'

/** One claim of this proof. */
interface Part {
  readonly name: string
  run(options: SearchOptions): Promise<Verdict>
}

const WORKER: URL = new URL('../model/search-worker.js', import.meta.url)
const HISTORIES = 10_000_000
const PROGRESS_EVERY = 1_000_000

const PARTS: readonly Part[] = [
  { name: 'no history loses a write', run: tryHistories },
  { name: 'every broken rule is found', run: breakRules },
  { name: 'three real nodes overwrite nothing unseen', run: ({ seeds }) => tryLive(seeds.from) },
]

export const proof: Proof = {
  name: 'versions',
  shows: 'no history of crashes, hints, retries and old contexts loses a write',
  usage: '[--histories N] [--seed S]',
  run,
}

async function run(args: readonly string[]): Promise<Verdict> {
  const options = searchOptionsOf(args, HISTORIES)
  if (options.replay !== undefined) return tellAgain(options.replay, options.without)
  const figures: string[] = []
  let isMet = true
  for (const part of PARTS) {
    const verdict = await part.run(options)
    console.log(`${verdict.isMet ? 'yes' : 'NO '} ${part.name}: ${verdict.figure}`)
    isMet &&= verdict.isMet
    figures.push(verdict.figure)
  }
  return { isMet, figure: figures.join('; ') }
}

function tellAgain(seed: number, without: string | undefined): Verdict {
  const rules = rulesWithout(without)
  if (rules === undefined) {
    const names = Object.keys(BROKEN).join(', ')
    return { isMet: false, figure: `no rule is called ${without}; there are ${names}` }
  }
  console.log(tellHistory(seed, rules, without))
  const isFound = search({ from: seed, count: 1, rules }) !== undefined
  return { isMet: !isFound, figure: `one history, ${isFound ? 1 : 0} wrong (bar: 0)` }
}

async function tryHistories({ seeds, threads }: SearchOptions): Promise<Verdict> {
  console.log(`${seeds.count} histories from seed ${seeds.from} on, ${threads} threads`)
  const began = performance.now()
  let tried = 0
  let found: Found | undefined
  await searchInThreads<Report>(WORKER, seeds, threads, (report) => {
    const before = Math.floor(tried / PROGRESS_EVERY)
    tried += report.tried
    found ??= report.found
    if (Math.floor(tried / PROGRESS_EVERY) > before) console.log(`  ${tried} tried`)
  })
  const seconds = (performance.now() - began) / 1000
  if (found !== undefined) {
    console.log(tellHistory(found.seed, RULES))
    return { isMet: false, figure: `seed ${found.seed} went wrong: ${found.fault} (bar: none)` }
  }
  const rate = Math.round(tried / seconds)
  return { isMet: true, figure: `${tried} histories, 0 wrong (bar: 0), ${rate} a second` }
}

/** From fixed seeds: rare losses would otherwise be found or not by luck. */
async function breakRules(): Promise<Verdict> {
  let unfound = 0
  for (const [name, broken] of Object.entries(BROKEN)) {
    const found = searchBroken(broken)
    const { shortcut, fault, from } = broken
    const after = found === undefined ? 'NOT FOUND' : `${fault} after ${found.seed - from + 1}`
    console.log(`  ${name.padEnd(20)} ${after.padEnd(28)} ${shortcut}`)
    if (found === undefined) unfound += 1
  }
  const count = Object.keys(BROKEN).length
  return {
    isMet: unfound === 0,
    figure: `${count - unfound} of ${count} broken rules found (bar: ${count})`,
  }
}
