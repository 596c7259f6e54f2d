/**
 * Reads every key at all its owners until all copies are equal, and reports the copies.
 *
 * A get with r = N repairs the copies, as exchanges of hash trees will. The repair follows the
 * answer and may be lost, so a key is done only when its owners, asked one by one, hold equal
 * copies.
 */
import type { Client } from '../../../src/client/client.ts'
import type { Finals } from './judge.ts'
import { areEqual, type Inspector, writesIn } from './inspector.ts'
import type { Load } from './load.ts'
import type { Recording } from './recording.ts'

export interface SweepOptions {
  readonly client: Client
  readonly load: Load
  readonly recording: Recording
  readonly inspector: Inspector
  /** Given up after this. */
  readonly limitMs: number
  /** Whether to report the copies: only while no client writes. */
  readonly isFinal: boolean
  /** Keys under way at once: 128. */
  readonly window?: number
  readonly isOver?: () => boolean
  /** Keys of such a node are left for a later round. */
  readonly isAway?: (node: number) => boolean
}

const RETRY_MS = 50
/** A read that waits for an owner that is away is given up, and tried again later. */
const READ_MS_MAX = 1_000
const WINDOW = 128

export interface Swept {
  readonly finals: Finals
  /** Keys whose copies did not become equal in time. */
  readonly unequal: readonly number[]
}

export async function sweep(options: SweepOptions): Promise<Swept> {
  const finals = new Map<number, readonly number[]>()
  const until = performance.now() + options.limitMs
  const isOver = (): boolean => performance.now() > until || options.isOver?.() === true
  let keys = options.load.keys
  while (keys.length > 0 && !isOver()) {
    // Keys of an owner that is away do not hold up the others: they come again in the next round.
    const left: number[] = []
    let next = 0
    const work = async (): Promise<void> => {
      for (let key = keys[next++]; key !== undefined; key = keys[next++]) {
        if (isOver() || !(await isEqualised(options, key, finals))) left.push(key)
      }
    }
    await Promise.all(Array.from({ length: options.window ?? WINDOW }, work))
    keys = left
    if (keys.length > 0) await new Promise((resolve) => setTimeout(resolve, RETRY_MS))
  }
  return { finals, unequal: keys }
}

/** Whether the copies of `key` were all there and equal after a read of all. */
async function isEqualised(
  options: SweepOptions,
  key: number,
  finals: Map<number, readonly number[]>,
): Promise<boolean> {
  const { client, load, recording, inspector, isFinal, isAway } = options
  if (isAway !== undefined && inspector.ownersOf(key).some(isAway)) return false
  if (!(await load.readAll(client, key, READ_MS_MAX))) return false
  const copies = await inspector.copiesOf(key, !isFinal)
  const [first] = copies ?? []
  if (copies === undefined || first === undefined || !areEqual(copies)) return false
  if (isFinal) finals.set(key, writesIn(first, key, load, recording))
  return true
}
