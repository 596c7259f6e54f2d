/** Tells a copy that has rotted from every other failure of a read. */
import { isOperatingError } from '../../base/errors.ts'
import { compareU64, nextU64 } from '../../base/u64.ts'
import type { Token } from '../../native/digest.ts'
import type { ScanQuery } from '../../store/engine.ts'

export function isRot(error: unknown): boolean {
  return isOperatingError(error) && error.code === 'record-rotten'
}

/** Throws every other error. */
export function rottenOr(error: unknown): 'rotten' {
  if (isRot(error)) return 'rotten'
  throw error
}

/** Where copies of all tokens up to `next` cannot be read. */
interface NothingRead {
  readonly entries: readonly never[]
  readonly next: Token | undefined
}

/** The page that `read` brings; an empty one where the copies of its first token have rotted. */
export async function besideRot<Page>(
  query: ScanQuery,
  read: (query: ScanQuery) => Promise<Page>,
): Promise<Page | NothingRead> {
  try {
    return await read(query)
  } catch (error) {
    if (!isRot(error)) throw error
    const next = nextU64(query.from)
    const isLast = next === undefined || compareU64(next, query.to) > 0
    return { entries: [], next: isLast ? undefined : next }
  }
}
