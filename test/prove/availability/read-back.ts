/**
 * Reads every key in the end at R, and judges what all clients were told.
 *
 * Hints may still be on their way: while an acknowledged write is missing, all keys are read again,
 * for half a minute.
 */
import { sleep } from '../machine/faults.ts'
import { judge, type Judgement } from '../machine/judge.ts'
import type { RecordedBucket } from '../machine/recorded-bucket.ts'
import type { Recording } from '../machine/recording.ts'

const LIMIT_MS = 30_000
const AGAIN_MS = 1_000
const WINDOW = 64

export async function readBack(
  bucket: RecordedBucket,
  recording: Recording,
  keys: readonly number[],
): Promise<Judgement> {
  const until = performance.now() + LIMIT_MS
  for (;;) {
    const finals = new Map<number, readonly number[]>()
    let next = 0
    const work = async (): Promise<void> => {
      for (let key = keys[next++]; key !== undefined; key = keys[next++]) {
        const shown = await bucket.get(key)
        if (typeof shown !== 'string') finals.set(key, shown.ids)
      }
    }
    await Promise.all(Array.from({ length: WINDOW }, work))
    const judged = judge(recording, finals, keys.length)
    if (missing(judged) === 0 || performance.now() > until) return judged
    await sleep(AGAIN_MS)
  }
}

/** Acknowledged writes that were not found, and keys that could not be read. */
export function missing({ lost, kinds }: Judgement): number {
  return lost + (kinds['unread'] ?? 0)
}
