/**
 * The names of all copies that an engine has, page by page, in all places. A page reads all names
 * of its range: some seconds for a million keys.
 */
import { nextU64 } from '../../base/u64.ts'
import { NEVER_CREATED, OWN, type Place } from '../../dynamo/names.ts'
import { FIRST_TOKEN, LAST_TOKEN } from '../../dynamo/ring/partition.ts'
import { SCAN_PAGE_BYTES_MAX, SCAN_PAGE_KEYS_MAX } from '../../limits.ts'
import type { Token } from '../../native/digest.ts'
import type { DigestPage, Engine, ScanQuery } from '../../store/engine.ts'
import { isRot } from './rot.ts'

type Names = Pick<Engine, 'digests' | 'places'>
type Bucket = ScanQuery['bucket']

/** `bucket`: names of others are left out. */
export async function* namePages(engine: Names, bucket?: Bucket): AsyncGenerator<DigestPage> {
  for (const place of new Set([OWN, ...engine.places().map((one) => one.place)])) {
    let from: Token | undefined = FIRST_TOKEN
    while (from !== undefined) {
      const page: DigestPage = await pageOf(engine, place, from, bucket)
      yield page
      from = page.next
    }
  }
}

/** Whether something was put under this name that is of no bucket that was created. */
export async function holdsNeverCreated(
  engine: Names,
  name: Uint8Array,
  isStopped: () => boolean,
): Promise<boolean> {
  for await (const { entries } of namePages(engine, { name, creation: NEVER_CREATED })) {
    if (entries.length > 0) return true
    if (isStopped()) return false
  }
  return false
}

/** A token whose copies have rotted is passed over: they are mended under the N of the others. */
async function pageOf(
  engine: Names,
  place: Place,
  from: Token,
  bucket: Bucket,
): Promise<DigestPage> {
  const bounds = { keysMax: SCAN_PAGE_KEYS_MAX, bytesMax: SCAN_PAGE_BYTES_MAX }
  const only = bucket === undefined ? {} : { bucket }
  try {
    return await engine.digests({ place, from, to: LAST_TOKEN, ...bounds, ...only })
  } catch (error) {
    if (!isRot(error)) throw error
    return { entries: [], next: nextU64(from) }
  }
}
