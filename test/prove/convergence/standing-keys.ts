/**
 * Fills the data directories of nodes that do not run: every key once, the same bytes at each.
 *
 * The engine writes the first directory; the segments of the others are copies, since they name no
 * node. Each has an identity of its own.
 */
import { copyFileSync, readdirSync } from 'node:fs'
import { join } from 'node:path'
import { hexOf, utf8Bytes } from '../../../src/base/bytes.ts'
import { type CopyId, DEFAULT_BUCKET, keyName, OWN, startId } from '../../../src/dynamo/names.ts'
import { Context, rangeOn } from '../../../src/dynamo/version/context.ts'
import type { Dot } from '../../../src/dynamo/version/dot.ts'
import { encodeObject } from '../../../src/dynamo/version/object-bytes.ts'
import { requestIdOf } from '../../../src/dynamo/version/request-id.ts'
import { hostWorld } from '../../../src/host/world.ts'
import { tokenOf } from '../../../src/native/digest.ts'
import { memberIdOf } from '../../../src/node/cluster/topology.ts'
import { entryOf } from '../../../src/node/replica/entry.ts'
import { openEngine, placementOf } from '../../../src/node/replica/open-engine.ts'
import { BUCKET_ID } from '../../../src/store/conformance/subject.ts'
import type { Entry } from '../../../src/store/engine.ts'
import { openIdentity } from '../../../src/store/identity.ts'
import type { Config } from '../../../src/config.ts'
import type { Nodes } from '../machine/nodes.ts'

const BATCH = 500
const BATCHES_SYNCED = 20
const VALUE_BYTES = 100
const NO_NOTE = new Uint8Array(0)
const SEGMENT = /\.seg$/
const WRITTEN_MS = Date.UTC(2026, 0, 1)
const START = startId('5eed'.padEnd(16, '0'))
/** Of all keys: the counters of a later version are above those of an earlier one. */
const KEYS_MAX = 2 ** 24

const world = hostWorld({ traceLevel: 'silent', timersHold: false })

export function nameOfKey(key: number): string {
  return `standing-${key}`
}

/** The value that the `version`th write gave to a key, from 1. */
export function valueOf(key: number, version = 1): string {
  return `version ${version} of ${nameOfKey(key)} `.padEnd(VALUE_BYTES, '.')
}

export function copyOfKey(key: number): CopyId {
  const name = keyName(DEFAULT_BUCKET, nameOfKey(key))
  return { place: OWN, bucketId: BUCKET_ID, token: tokenOf(name.bucket, name.key), name }
}

/** The object of a key after its `version`th write, all by this cluster's first node. */
export function objectOf({ cluster, members }: Config, key: number, version = 1): Uint8Array {
  const [first] = members
  if (first === undefined) throw new Error('a cluster has members')
  const node = memberIdOf(cluster, first.name)
  const dots = Array.from({ length: version }, (_, before): Dot => {
    const counter = before * KEYS_MAX + key + 1
    // A floor holds all of a start that has ended: what is written later has a start of its own.
    const start = before === 0 ? START : startId(counter.toString(16).padStart(16, '0'))
    return { node, start, opened: counter, counter }
  })
  const context = Context.of(dots.map((dot) => rangeOn(dot, dot.counter, dot.counter)))
  const requestId = requestIdOf(utf8Bytes(`${version}`.padStart(4) + `${key}`.padStart(12)))
  const value = utf8Bytes(valueOf(key, version))
  const siblings = [{ requestId, dots: dots.slice(-1), time: WRITTEN_MS, value }]
  const bytes = encodeObject({ context, siblings })
  if (bytes === undefined) throw new Error('a small object can be encoded')
  return bytes
}

/** Requires: no node runs, and no directory exists. */
export async function fill(nodes: Nodes, count: number): Promise<void> {
  const configs = await Promise.all(nodes.places.map((_, node) => nodes.config(node)))
  const [first, ...others] = configs as [Config, ...Config[]]
  await append(first, { from: 0, to: count, version: 1 })
  for (const config of others) await copySegments(first, config)
}

/** The keys of `from` up to `to`, not included, after their `version`th write. */
export interface WrittenKeys {
  readonly from: number
  readonly to: number
  readonly version: number
}

/** Appends to the directory of a node that does not run. */
export async function append(config: Config, { from, to, version }: WrittenKeys): Promise<void> {
  const { engine, standing, keys } = await openEngine(config, world)
  const { digestKey } = keys.held
  let batches = 0
  for (let at = from; at < to; at += BATCH) {
    const entries: Entry[] = []
    for (let key = at; key < Math.min(to, at + BATCH); key++) {
      entries.push(entryOf(copyOfKey(key), objectOf(config, key, version), NO_NOTE, digestKey))
    }
    const sequence = engine.append(entries)
    if (++batches % BATCHES_SYNCED === 0) await engine.synced(sequence)
  }
  await standing.close()
  await engine.close()
}

async function copySegments(from: Config, to: Config): Promise<void> {
  const { cluster, name } = to
  const node = memberIdOf(cluster, name)
  const configured = { cluster, engine: 'log', node, placement: placementOf(to) }
  const directory = await world.disk.directory(to.directory)
  await openIdentity(directory, configured, hexOf(world.entropy.bytes(8)))
  for (const file of readdirSync(from.directory).filter((one) => SEGMENT.test(one))) {
    copyFileSync(join(from.directory, file), join(to.directory, file))
  }
}
