/** Divides a search over seeds among threads. */
import { Worker } from 'node:worker_threads'

export interface Seeds {
  readonly from: number
  readonly count: number
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
