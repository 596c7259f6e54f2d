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

/** A rule that is broken, and the fault that a search must find then. */
interface Broken {
  readonly fault: string
}

/**
 * Searches for what each broken rule does, from fixed seeds: what is rare would otherwise be found
 * or not by luck.
 */
export function breakEach<One extends Broken>(
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
