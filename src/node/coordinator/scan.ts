/**
 * Walks a bucket in the order of tokens, one page a request.
 *
 * A page asks R owners of a stretch of the ring for their copies in it, merges what they hold key
 * by key, and answers as far as all of them have looked. The cursor is the next token: it stays
 * good whatever happens to the cluster in between, and a key that stays is met exactly once.
 *
 * Stretches: neighbouring partitions with the same owners are asked for at once, so that a small
 * cluster is walked in few requests.
 */
import { readU32, writeU32 } from '../../base/bytes.ts'
import { OperatingError } from '../../base/errors.ts'
import type { NodeId } from '../../dynamo/names.ts'
import { compareTokens, FIRST_TOKEN, lastTokenOf, nextToken } from '../../dynamo/ring/partition.ts'
import { merge } from '../../dynamo/version/merge.ts'
import { decodeObject } from '../../dynamo/version/object-bytes.ts'
import type { VersionedObject } from '../../dynamo/version/object.ts'
import { latin1Of } from '../../base/bytes.ts'
import { SCAN_PAGE_BYTES_MAX, SCAN_PAGE_KEYS_MAX } from '../../limits.ts'
import type { Token } from '../../native/digest.ts'
import type { Scan, ScanEntry, ScanReply } from '../../wire/message/client.ts'
import type { PeerRange, PeerRangeReply } from '../../wire/message/peer.ts'
import { isFailure } from '../../base/deliver.ts'
import type { Parts } from '../parts.ts'
import { nearestFirst } from './get.ts'

const CURSOR_BYTES = 8
/** Stretches that one page looks at before it answers with what it has, perhaps nothing. */
const STRETCHES_PER_PAGE_MAX = 32

interface Found {
  readonly token: Token
  readonly key: Uint8Array
  readonly object: VersionedObject
}

/** Answers one page, or throws `quorum-wrong`, `replicas-short`, `deadline-passed`. */
export async function scan(parts: Parts, request: Scan, deadline: number): Promise<ScanReply> {
  const asked = request.keysMax === 0 ? SCAN_PAGE_KEYS_MAX : request.keysMax
  const keysMax = Math.min(asked, SCAN_PAGE_KEYS_MAX)
  const entries: ScanEntry[] = []
  let from: Token | undefined = decodeCursor(request.cursor)
  let bytes = 0
  for (let stretches = 0; from !== undefined && stretches < STRETCHES_PER_PAGE_MAX; stretches++) {
    if (entries.length >= keysMax || bytes >= SCAN_PAGE_BYTES_MAX) break
    const page = await scanStretch(parts, request, from, keysMax - entries.length, deadline)
    for (const found of page.found) {
      const entry = entryOf(parts, request, found)
      if (entry === undefined) continue
      entries.push(entry)
      bytes += entry.key.length + entry.siblings.reduce((sum, value) => sum + value.length, 0)
    }
    from = page.next
  }
  return { entries, cursor: from === undefined ? new Uint8Array(0) : encodeCursor(from) }
}

/** Answers a peer with this member's own copies in one range. */
export async function scanOwn(parts: Parts, request: PeerRange): Promise<PeerRangeReply> {
  const { from, to, bucket } = request
  const keysMax = Math.min(request.keysMax, SCAN_PAGE_KEYS_MAX)
  const query = { from, to, bucket, keysMax, bytesMax: SCAN_PAGE_BYTES_MAX }
  const page = await parts.replica.scan(query)
  return {
    entries: page.entries.map(({ token, name, object }) => ({ token, key: name.key, object })),
    next: page.next,
  }
}

interface Stretch {
  readonly found: readonly Found[]
  readonly next: Token | undefined
}

async function scanStretch(
  parts: Parts,
  request: Scan,
  from: Token,
  keysMax: number,
  deadline: number,
): Promise<Stretch> {
  const { topology, peers } = parts
  const { n, r: bucketR } = topology.quorumsOf(request.bucket)
  const r = request.r === 0 ? bucketR : request.r
  if (r > n) throw new OperatingError('quorum-wrong', `r is ${r}; the bucket keeps ${n} copies`)
  const { owners, to } = stretchFrom(parts, from, request.bucket)
  const ordered = nearestFirst(owners, topology.self.id, (node) => peers.isConnected(node))
  const range = { ring: topology.ring.digest, from, to, bucket: request.bucket, keysMax }
  const replies = await askInTurn(parts, ordered, r, range, deadline)

  // What lies before the first token that some owner has not looked at is complete.
  let end: Token | undefined
  for (const { next } of replies) {
    if (next !== undefined && (end === undefined || compareTokens(next, end) < 0)) end = next
  }
  const merged = new Map<string, Found>()
  for (const { entries } of replies) {
    for (const { token, key, object: bytes } of entries) {
      const object = decodeObject(bytes)
      if (object === undefined || (end !== undefined && compareTokens(token, end) >= 0)) continue
      const id = latin1Of(key)
      const other = merged.get(id)
      const both = other === undefined ? object : merge(other.object, object)
      merged.set(id, { token, key, object: both })
    }
  }
  const found = [...merged.values()].sort((a, b) => compareTokens(a.token, b.token))
  return { found, next: end ?? nextToken(to) }
}

/** The longest run of partitions from `from` on that the same members own. */
function stretchFrom(
  { topology }: Parts,
  from: Token,
  bucket: Uint8Array,
): { readonly owners: readonly NodeId[]; readonly to: Token } {
  const { ring } = topology
  const ownersOf = (partition: number): readonly NodeId[] =>
    topology.ownersOfPartition(partition, bucket).map((owner) => owner.id)
  const first = ring.partitionOf(from)
  const owners = ownersOf(first)
  const isSame = (partition: number): boolean =>
    ownersOf(partition).every((owner) => owners.includes(owner))
  let last = first
  while (last + 1 < ring.partitionCount && isSame(last + 1)) last += 1
  return { owners, to: lastTokenOf(last, ring.bits) }
}

/** Asks `r` owners at once, and the next for each that fails. */
async function askInTurn(
  parts: Parts,
  owners: readonly NodeId[],
  r: number,
  range: Omit<PeerRange, 'deadlineMs'>,
  deadline: number,
): Promise<readonly PeerRangeReply[]> {
  const untried = [...owners]
  const replies: PeerRangeReply[] = []
  while (replies.length < r) {
    const deadlineMs = Math.floor(deadline - parts.world.clock.now())
    if (deadlineMs < 1) throw new OperatingError('deadline-passed', 'the scan ran out of time')
    const asked = untried.splice(0, r - replies.length)
    if (asked.length === 0) {
      throw new OperatingError('replicas-short', `${replies.length} of ${r} owners answered a scan`)
    }
    const asks = asked.map((node) => askOne(parts, node, { ...range, deadlineMs }))
    for (const reply of await Promise.all(asks)) if (reply !== undefined) replies.push(reply)
  }
  return replies
}

function askOne(parts: Parts, node: NodeId, range: PeerRange): Promise<PeerRangeReply | undefined> {
  if (node === parts.topology.self.id) return scanOwn(parts, range)
  return new Promise((resolve) => {
    const timer = parts.world.clock.after(range.deadlineMs, () => resolve(undefined))
    parts.peers.call(node, 'peerRange', range, (answer) => {
      timer.cancel()
      resolve(isFailure(answer) ? undefined : answer)
    })
  })
}

/** Undefined for a key that holds tombstones alone. */
function entryOf(parts: Parts, request: Scan, found: Found): ScanEntry | undefined {
  const values: Uint8Array[] = []
  for (const { value } of found.object.siblings) if (value !== undefined) values.push(value)
  if (values.length === 0) return undefined
  const { key, object } = found
  if (!request.withValues) return { key, siblings: [], context: new Uint8Array(0) }
  return { key, siblings: values, context: parts.seal.seal(request.bucket, key, object.context) }
}

function encodeCursor(token: Token): Uint8Array {
  const cursor = new Uint8Array(CURSOR_BYTES)
  writeU32(cursor, 0, token.hi)
  writeU32(cursor, 4, token.lo)
  return cursor
}

function decodeCursor(cursor: Uint8Array): Token {
  if (cursor.length === 0) return FIRST_TOKEN
  if (cursor.length !== CURSOR_BYTES) {
    throw new OperatingError('cursor-wrong', 'give back the cursor of the page before, unchanged')
  }
  return { hi: readU32(cursor, 0), lo: readU32(cursor, 4) }
}
