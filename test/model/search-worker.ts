/** One thread of a search: tries its share of the seeds, and reports after each batch. */
import { parentPort, workerData } from 'node:worker_threads'
import { type Found, rulesWithout, search } from './search.ts'

export interface Share {
  readonly from: number
  readonly count: number
  readonly without: string | undefined
}

export interface Report {
  /** Histories tried since the last report. */
  readonly tried: number
  readonly found: Found | undefined
}

const BATCH = 20_000

const { from, count, without } = workerData as Share
const rules = rulesWithout(without)
if (rules === undefined) throw new Error(`no rule is called ${without}`)

for (let done = 0; done < count; done += BATCH) {
  const tried = Math.min(BATCH, count - done)
  const found = search({ from: from + done, count: tried, rules })
  parentPort?.postMessage({ tried, found } satisfies Report)
  if (found !== undefined) break
}
