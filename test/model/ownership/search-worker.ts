/** One thread of a search of ownership: tries its share of the seeds, and reports each batch. */
import { parentPort, workerData } from 'node:worker_threads'
import { OWNERSHIP_RULES } from './rules.ts'
import { searchOwnership } from './search.ts'

const BATCH = 10_000

const { from, count } = workerData as { readonly from: number; readonly count: number }
for (let done = 0; done < count; done += BATCH) {
  const tally = searchOwnership(from + done, Math.min(BATCH, count - done), OWNERSHIP_RULES)
  parentPort?.postMessage(tally)
  if (tally.found !== undefined) break
}
