/** Searches of a model over seeds: their arguments, and their threads. */
import { randomInt } from 'node:crypto'
import { parseArgs } from 'node:util'
import { Worker } from 'node:worker_threads'
import type { Verdict } from './proof.ts'

export interface Seeds {
  readonly from: number
  readonly count: number
}

export interface SearchOptions {
  readonly seeds: Seeds
  readonly threads: number
  /** The one history to tell, and the rule that is broken in it. */
  readonly replay: number | undefined
  readonly without: string | undefined
}

/**
 * `--histories N`, `--seed S` (drawn if not given), `--workers N` (2), `--replay SEED`, `--without
 * RULE`.
 */
export function searchOptionsOf(args: readonly string[], histories: number): SearchOptions {
  const { values } = parseArgs({
    args: [...args],
    options: {
      histories: { type: 'string', default: String(histories) },
      seed: { type: 'string', default: String(randomInt(2 ** 40)) },
      workers: { type: 'string', default: '2' },
      replay: { type: 'string' },
      without: { type: 'string' },
    },
  })
  return {
    seeds: { from: Number(values.seed), count: Number(values.histories) },
    threads: Number(values.workers),
    replay: values.replay === undefined ? undefined : Number(values.replay),
    without: values.without,
  }
}

/**
 * Starts `threads` times the worker at `url`, each with its share of the seeds as its data, and
 * resolves when all have ended. What they post goes to `onReport`. Rejects where one fails.
 */
export async function searchInThreads<Report>(
  url: URL,
  { from, count }: Seeds,
  threads: number,
  onReport: (report: Report) => void,
): Promise<void> {
  const share = Math.ceil(count / threads)
  const ends = Array.from({ length: threads }, (_, i) => {
    const left = Math.max(0, Math.min(share, count - i * share))
    const worker = new Worker(url, { workerData: { from: from + i * share, count: left } })
    worker.on('message', onReport)
    return new Promise<void>((resolve, reject) => {
      worker.on('error', reject)
      worker.on('exit', () => resolve())
    })
  })
  await Promise.all(ends)
}

/** What became of the histories that were tried. */
interface Tally {
  readonly tried: number
  readonly found: { readonly seed: number; readonly fault?: string | undefined } | undefined
}

/** A rule that is broken, and the fault that a search must find then. */
interface Broken {
  readonly fault: string
}

/** A model, and how it is searched. */
export interface ModelSearch<Rules extends object, One extends Broken, Sums extends Tally> {
  /** What a thread runs: it posts sums. */
  readonly worker: URL
  readonly histories: number
  readonly rules: Rules
  readonly none: Sums
  add(a: Sums, b: Sums): Sums
  /** Tries `count` histories from seed `from` on, up to the first that goes wrong. */
  search(from: number, count: number, rules: Rules): Sums
  /** One history in lines for people. */
  tell(seed: number, rules: Rules): string
  /** How often happened what makes a search worth something, and whether that is enough. */
  shares(sums: Sums): Verdict
  readonly broken: Readonly<Record<string, One>>
  readonly brokenBar: number
  searchBroken(one: One): number | undefined
}

const PROGRESS_EVERY = 200_000

/** Tries many histories, then breaks each rule in turn; or tells one history again. */
export async function searchModel<Rules extends object, One extends Broken, Sums extends Tally>(
  model: ModelSearch<Rules, One, Sums>,
  args: readonly string[],
): Promise<Verdict> {
  const { seeds, threads, replay, without } = searchOptionsOf(args, model.histories)
  if (replay !== undefined) return tellAgain(model, replay, without)
  const verdicts = [
    await tryHistories(model, seeds, threads),
    breakEach(model.broken, (one) => model.searchBroken(one), model.brokenBar),
  ]
  return {
    isMet: verdicts.every(({ isMet }) => isMet),
    figure: verdicts.map(({ figure }) => figure).join('; '),
  }
}

function tellAgain<Rules extends object, One extends Broken, Sums extends Tally>(
  model: ModelSearch<Rules, One, Sums>,
  seed: number,
  without: string | undefined,
): Verdict {
  const names = Object.keys(model.rules)
  if (without !== undefined && !names.includes(without)) {
    return { isMet: false, figure: `no rule is called ${without}; there are ${names.join(', ')}` }
  }
  const rules = without === undefined ? model.rules : { ...model.rules, [without]: true }
  console.log(model.tell(seed, rules))
  const isFound = model.search(seed, 1, rules).found !== undefined
  return { isMet: !isFound, figure: `one history, ${isFound ? 1 : 0} wrong (bar: 0)` }
}

async function tryHistories<Rules extends object, One extends Broken, Sums extends Tally>(
  model: ModelSearch<Rules, One, Sums>,
  seeds: Seeds,
  threads: number,
): Promise<Verdict> {
  console.log(`${seeds.count} histories from seed ${seeds.from} on, ${threads} threads`)
  const began = performance.now()
  let all = model.none
  await searchInThreads<Sums>(model.worker, seeds, threads, (report) => {
    const before = Math.floor(all.tried / PROGRESS_EVERY)
    all = model.add(all, report)
    if (Math.floor(all.tried / PROGRESS_EVERY) > before) console.log(`  ${all.tried} tried`)
  })
  const { tried, found } = all
  if (found !== undefined) {
    console.log(model.tell(found.seed, model.rules))
    return { isMet: false, figure: `seed ${found.seed} went wrong: ${found.fault} (bar: none)` }
  }
  const rate = Math.round((1000 * tried) / (performance.now() - began))
  const { isMet, figure } = model.shares(all)
  return { isMet, figure: `${tried} histories, 0 wrong (bar: 0), ${rate} a second; ${figure}` }
}

/**
 * Searches for what each broken rule does, from fixed seeds: what is rare would otherwise be found
 * or not by luck.
 */
function breakEach<One extends Broken>(
  broken: Readonly<Record<string, One>>,
  search: (one: One) => number | undefined,
  bar: number,
): Verdict {
  const names = Object.entries(broken)
  let unfound = 0
  for (const [name, one] of names) {
    const seed = search(one)
    const after = seed === undefined ? 'NOT FOUND' : `${one.fault} at seed ${seed}`
    console.log(`  ${name.padEnd(28)} ${after}`)
    if (seed === undefined) unfound += 1
  }
  const count = names.length
  return {
    isMet: unfound === 0 && count >= bar,
    figure: `${count - unfound} of ${count} broken rules found (bar: all, at least ${bar})`,
  }
}
