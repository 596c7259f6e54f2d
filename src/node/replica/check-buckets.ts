/**
 * Checks that buckets whose N the configuration changes have no records here: a record is found
 * only under the N that it was written with.
 *
 * All names are read, which takes a start some seconds for a million keys; and only at a start for
 * which a bucket was changed.
 */
import { latin1Of, utf8Bytes } from '../../base/bytes.ts'
import { OperatingError } from '../../base/errors.ts'
import { nextU64 } from '../../base/u64.ts'
import { OWN, type Place } from '../../dynamo/names.ts'
import { FIRST_TOKEN, LAST_TOKEN } from '../../dynamo/ring/partition.ts'
import type { BucketChange } from '../../dynamo/ring/placement.ts'
import { SCAN_PAGE_BYTES_MAX, SCAN_PAGE_KEYS_MAX } from '../../limits.ts'
import type { Token } from '../../native/digest.ts'
import type { DigestPage, Engine } from '../../store/engine.ts'
import { isRot } from './rot.ts'

/** Closes the engine and fails with `config-wrong` where one has a record of another N. */
export async function checkBuckets(
  engine: Engine,
  changes: readonly BucketChange[],
): Promise<void> {
  const changed = new Map(changes.map((change) => [latin1Of(utf8Bytes(change.name)), change]))
  for (const place of new Set([OWN, ...engine.places().map((one) => one.place)])) {
    let from: Token | undefined = FIRST_TOKEN
    while (from !== undefined) {
      const page: DigestPage = await pageOf(engine, place, from)
      for (const { name, bucketId } of page.entries) {
        const change = changed.get(latin1Of(name.bucket))
        if (change === undefined || bucketId.n === change.is) continue
        await engine.close()
        throw wrong(change, bucketId.n)
      }
      from = page.next
    }
  }
}

/** A token whose copies have rotted is passed over: they are mended under the N of the others. */
async function pageOf(engine: Engine, place: Place, from: Token): Promise<DigestPage> {
  const bounds = { keysMax: SCAN_PAGE_KEYS_MAX, bytesMax: SCAN_PAGE_BYTES_MAX }
  try {
    return await engine.digests({ place, from, to: LAST_TOKEN, ...bounds })
  } catch (error) {
    if (!isRot(error)) throw error
    return { entries: [], next: nextU64(from) }
  }
}

function wrong({ name, is }: BucketChange, n: number): OperatingError {
  return new OperatingError(
    'config-wrong',
    `bucket ${name} has n = ${is} in the configuration, and records here with n = ${n}: give it` +
      ` n = ${n}, or export it under that, and import it under another name. Nothing was changed.`,
  )
}
