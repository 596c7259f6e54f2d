/**
 * Fills the data directory of a node that does not run with records of one size, by the engine.
 *
 * Values have no repeated bytes that a disk or a filesystem could make smaller.
 */
import { utf8Bytes } from '../../../src/base/bytes.ts'
import { Prng } from '../../../src/base/prng.ts'
import type { Config } from '../../../src/config.ts'
import {
  type BucketId,
  type CopyId,
  DEFAULT_BUCKET,
  keyName,
  NEVER_CREATED,
  OWN,
  Policy,
  startId,
} from '../../../src/dynamo/names.ts'
import { Context, rangeOn } from '../../../src/dynamo/version/context.ts'
import { encodeObject } from '../../../src/dynamo/version/object-bytes.ts'
import { requestIdOf } from '../../../src/dynamo/version/request-id.ts'
import { hostWorld } from '../../../src/host/world.ts'
import { tokenOf } from '../../../src/native/digest.ts'
import { recordBytes } from '../../../src/native/record.ts'
import { memberIdOf } from '../../../src/node/cluster/topology.ts'
import { entryOf } from '../../../src/node/replica/entry.ts'
import { openEngine } from '../../../src/node/replica/open-engine.ts'
import type { Entry } from '../../../src/store/engine.ts'

export const RECORD_BYTES = 1024
const BATCH = 500
const BATCHES_SYNCED = 20
const NO_NOTE = new Uint8Array(0)
const START = startId('5eed'.padEnd(16, '0'))
const WRITTEN_MS = Date.UTC(2026, 0, 1)
const DIGITS = 8

const world = hostWorld({ traceLevel: 'silent', timersHold: false })

export function nameOfRecord(index: number): string {
  return `moved-${`${index}`.padStart(DIGITS, '0')}`
}

/** Appends so many records, all of buckets with this N. Requires: no node runs. */
export async function fill(config: Config, count: number, n: number): Promise<void> {
  const { engine, standing, keys } = await openEngine(config, world)
  const { digestKey } = keys.held
  const bucketId: BucketId = { creation: NEVER_CREATED, policy: Policy.siblings, n }
  const make = maker(config)
  for (let at = 0, batches = 0; at < count; at += BATCH) {
    const entries: Entry[] = []
    for (let index = at; index < Math.min(count, at + BATCH); index++) {
      const name = keyName(DEFAULT_BUCKET, nameOfRecord(index))
      const token = tokenOf(name.bucket, name.key)
      const copy: CopyId = { place: OWN, bucketId, token, name }
      entries.push(entryOf(copy, make(index), NO_NOTE, digestKey))
    }
    const sequence = engine.append(entries)
    if (++batches % BATCHES_SYNCED === 0) await engine.synced(sequence)
  }
  await standing.close()
  await engine.close()
}

/** Makes the object of a record, so that the record has `RECORD_BYTES`. */
function maker({ cluster, members }: Config): (index: number) => Uint8Array {
  const [first] = members
  if (first === undefined) throw new Error('a cluster has members')
  const node = memberIdOf(cluster, first.name)
  const prng = Prng.of(1, 'records')
  const objectOf = (index: number, valueBytes: number): Uint8Array => {
    const dot = { node, start: START, opened: index + 1, counter: index + 1 }
    const context = Context.of([rangeOn(dot, dot.counter, dot.counter)])
    const requestId = requestIdOf(utf8Bytes(`${index}`.padStart(16)))
    const value = prng.fill(new Uint8Array(valueBytes))
    const object = { context, siblings: [{ requestId, dots: [dot], time: WRITTEN_MS, value }] }
    const bytes = encodeObject(object)
    if (bytes === undefined) throw new Error('a small object can be encoded')
    return bytes
  }
  const nameBytes = [utf8Bytes(DEFAULT_BUCKET).length, nameOfRecord(0).length] as const
  const empty = recordBytes(...nameBytes, 0, objectOf(0, 0).length)
  return (index) => objectOf(index, RECORD_BYTES - empty)
}
