/** One thread of a search of floors: tries its share of the seeds, and reports each batch. */
import { parentPort, workerData } from 'node:worker_threads'
import { FLOOR_RULES } from './rules.ts'
import { searchFloors } from './search.ts'

const BATCH = 10_000

const { from, count } = workerData as { readonly from: number; readonly count: number }
for (let done = 0; done < count; done += BATCH) {
  const tally = searchFloors(from + done, Math.min(BATCH, count - done), FLOOR_RULES)
  parentPort?.postMessage(tally)
  if (tally.found !== undefined) break
}
