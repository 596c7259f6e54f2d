/** One thread of a search: tries its share of the seeds, and reports after each batch. */
import { parentPort, workerData } from 'node:worker_threads'
import { RULES } from './rules.ts'
import { type Found, search } from './search.ts'

export interface Report {
  /** Histories tried since the last report. */
  readonly tried: number
  readonly found: Found | undefined
}

const BATCH = 20_000

const { from, count } = workerData as { readonly from: number; readonly count: number }

for (let done = 0; done < count; done += BATCH) {
  const tried = Math.min(BATCH, count - done)
  const found = search({ from: from + done, count: tried, rules: RULES })
  parentPort?.postMessage({ tried, found } satisfies Report)
  if (found !== undefined) break
}
