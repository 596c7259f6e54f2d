/**
 * Checks that buckets whose N the configuration changes have no records here: a record is found
 * only under the N that it was written with.
 *
 * All names are read, which takes a start some seconds for a million keys; and only at a start for
 * which a bucket was changed.
 */
import { latin1Of, utf8Bytes } from '../../base/bytes.ts'
import { OperatingError } from '../../base/errors.ts'
import { NEVER_CREATED } from '../../dynamo/names.ts'
import type { BucketChange } from '../../dynamo/ring/placement.ts'
import type { Engine } from '../../store/engine.ts'
import { namePages } from './name-pages.ts'

/** Closes the engine and fails with `config-wrong` where one has a record of another N. */
export async function checkBuckets(
  engine: Engine,
  changes: readonly BucketChange[],
): Promise<void> {
  const changed = new Map(changes.map((change) => [latin1Of(utf8Bytes(change.name)), change]))
  for await (const { entries } of namePages(engine)) {
    for (const { name, bucketId } of entries) {
      const change = changed.get(latin1Of(name.bucket))
      const isConfigured = bucketId.creation === NEVER_CREATED
      if (change === undefined || !isConfigured || bucketId.n === change.is) continue
      await engine.close()
      throw wrong(change, bucketId.n)
    }
  }
}

function wrong({ name, is }: BucketChange, n: number): OperatingError {
  return new OperatingError(
    'config-wrong',
    `bucket ${name} has n = ${is} in the configuration, and records here with n = ${n}: give it` +
      ` n = ${n}, or export it under that, and import it under another name. Nothing was changed.`,
  )
}
