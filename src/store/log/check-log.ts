/**
 * Check a log without changing it: what `everwrite check` says of a data directory.
 */
import { sentenceOf } from './damage.ts'
import { readLog, type ReadLogOptions } from './read-log.ts'
import { Segments } from './segments.ts'

export interface LogCheck {
  readonly segments: number
  readonly bytes: number
  readonly records: number
  readonly keys: number
  /** What is damaged in that which was durable; each a sentence. */
  readonly damages: readonly string[]
  /** Records at the end that were perhaps not durable: whole ones, and bytes of others. */
  readonly unsyncedRecords: number
  readonly tornBytes: number
}

/** Fails with `data-locked`, `data-foreign`, `data-newer` or `data-rotten`. */
export async function checkLog(options: ReadLogOptions): Promise<LogCheck> {
  const { directory } = options
  const lock = await directory.lock()
  const segments = await Segments.of(directory)
  try {
    const { indexes, judgement, records } = await readLog(options, segments)
    let unsyncedRecords = 0
    for (const batch of judgement.accepted) unsyncedRecords += batch.length
    return {
      segments: segments.count,
      bytes: segments.sizes.bytes,
      records,
      keys: indexes.size,
      damages: judgement.damages.map(sentenceOf),
      unsyncedRecords,
      tornBytes: judgement.tornBytes,
    }
  } finally {
    await segments.close()
    await lock.unlock()
  }
}
