/**
 * How two members make their sets equal: each step answers one message and remembers nothing.
 *
 *     A: compare   the sums of both sets          18 bytes; ends here where they are equal
 *     B: buckets   64 sums of each set that differs                    515 bytes a set
 *     A: lists     a mark of each entry in the buckets that differ     15 bytes a record
 *     B: fill      what A lacks, and which records B wants             15 bytes a standing
 *     A: fill      those
 *
 * With 2,000 members and one record that differs: 18 + 515 + 31 × 15 + one record, about 1.2 kB.
 * Lists and fills are bounded; where something did not fit, the sides compare again.
 */
import type { NodeId } from '../names.ts'
import { type MemberRecord, MemberState } from './member-record.ts'
import type { Members } from './members.ts'
import { recordBytes, STANDING_BYTES } from './message-bytes.ts'
import type { Buckets, Compare, Exchanging, Fill, Lists, RecordMark } from './message.ts'
import { bucketOf, BUCKETS, type SetDigest } from './set-digest.ts'
import { outranks, type Standing, type Standings } from './standings.ts'

/** Marks, and standings, in one list: the buckets beyond are for the next comparison. */
export const LISTED_MAX = 2048
/** Records and standings of one fill. */
export const FILL_BYTES_MAX = 49_152
export const WANTED_MAX = 2048

export interface Sets {
  readonly members: Members
  readonly standings: Standings
}

export function compare({ members, standings }: Sets): Compare {
  const { digest } = members
  return { kind: 'compare', records: digest.total, standings: standings.digest.total }
}

/** The next step; undefined where there is none. Requires: what a list or a fill has was taken. */
export function answer(sets: Sets, message: Exchanging): Exchanging | undefined {
  switch (message.kind) {
    case 'compare':
      return onCompare(sets, message)
    case 'buckets':
      return onBuckets(sets, message)
    case 'lists':
      return onLists(sets, message)
    default:
      return onWanted(sets, message.wanted)
  }
}

/** Undefined where both sets are equal. */
export function onCompare(sets: Sets, { records, standings }: Compare): Buckets | undefined {
  const own = compare(sets)
  const differ = own.records.hi !== records.hi || own.records.lo !== records.lo
  const standingsDiffer = own.standings.hi !== standings.hi || own.standings.lo !== standings.lo
  if (!differ && !standingsDiffer) return undefined
  return {
    kind: 'buckets',
    records: differ ? sets.members.digest.buckets : undefined,
    standings: standingsDiffer ? sets.standings.digest.buckets : undefined,
  }
}

/** Undefined where nothing differs any more. */
export function onBuckets(sets: Sets, { records, standings }: Buckets): Lists | undefined {
  const { members, standings: own } = sets
  const differ = differing(members.digest, records)
  const standingsDiffer = differing(own.digest, standings)
  if (differ.length + standingsDiffer.length === 0) return undefined
  const [recordBuckets, marks] = listOf(differ, members.all(), markOf)
  const [standingBuckets, listed] = listOf(standingsDiffer, own.all(), (one) => one)
  const isCut =
    recordBuckets.length < differ.length || standingBuckets.length < standingsDiffer.length
  return { kind: 'lists', recordBuckets, records: marks, standingBuckets, standings: listed, isCut }
}

/** What the other side lacks. Requires: its standings were taken. */
export function onLists({ members, standings }: Sets, lists: Lists): Fill {
  const marks = new Map(lists.records.map((mark) => [mark.id, mark]))
  const lacking: MemberRecord[] = []
  const wanted: NodeId[] = []
  for (const mark of lists.records) {
    const own = members.get(mark.id)
    if (own === undefined || isBehind(own, mark)) wanted.push(mark.id)
  }
  const buckets = new Set(lists.recordBuckets)
  for (const record of members.all()) {
    if (!buckets.has(bucketOf(record.id))) continue
    const mark = marks.get(record.id)
    if (mark === undefined || isAhead(record, mark)) lacking.push(record)
  }
  return fill(lacking, lackingStandings(standings, lists), wanted, lists.isCut)
}

/** The records that the other side wants; undefined if none. */
export function onWanted({ members }: Sets, wanted: readonly NodeId[]): Fill | undefined {
  const records = wanted.flatMap((id) => members.get(id) ?? [])
  return records.length === 0 ? undefined : fill(records, [], [])
}

export function fill(
  records: readonly MemberRecord[],
  standings: readonly Standing[],
  wanted: readonly NodeId[],
  isMore = false,
): Fill {
  let room = FILL_BYTES_MAX
  const fitting = records.filter((record) => {
    room -= recordBytes(record) + 4
    return room >= 0
  })
  const standingsMax = Math.floor(Math.max(0, room) / STANDING_BYTES)
  const isCut =
    isMore ||
    fitting.length < records.length ||
    standings.length > standingsMax ||
    wanted.length > WANTED_MAX
  return {
    kind: 'fill',
    records: fitting,
    standings: standings.slice(0, standingsMax),
    wanted: wanted.slice(0, WANTED_MAX),
    isCut,
  }
}

function differing(own: SetDigest, sums: Buckets['records']): readonly number[] {
  if (sums?.length !== BUCKETS) return []
  return sums.flatMap((sum, bucket) => (own.isEqual(bucket, sum) ? [] : [bucket]))
}

/** Whole buckets, as many as fit, with a mark of each entry in them. */
function listOf<Entry extends { readonly id: NodeId }, Mark>(
  buckets: readonly number[],
  entries: Iterable<Entry>,
  mark: (entry: Entry) => Mark,
): readonly [readonly number[], readonly Mark[]] {
  if (buckets.length === 0) return [[], []]
  const wanted = new Map<number, Mark[]>(buckets.map((bucket) => [bucket, []]))
  for (const entry of entries) wanted.get(bucketOf(entry.id))?.push(mark(entry))
  const listed: number[] = []
  const marks: Mark[] = []
  for (const [bucket, inside] of wanted) {
    if (listed.length > 0 && marks.length + inside.length > LISTED_MAX) break
    listed.push(bucket)
    marks.push(...inside)
  }
  return [listed, marks]
}

function markOf(record: MemberRecord): RecordMark {
  const { id, version, digest, state } = record
  return { id, version, isGone: state === MemberState.gone, digest: digest.hi }
}

/** Whether the record of the mark would win; digests order where versions are equal. */
function isBehind(own: MemberRecord, mark: RecordMark): boolean {
  const isGone = own.state === MemberState.gone
  if (isGone !== mark.isGone) return mark.isGone
  if (own.version !== mark.version) return own.version < mark.version
  return own.digest.hi < mark.digest
}

function isAhead(own: MemberRecord, mark: RecordMark): boolean {
  return !isBehind(own, mark) && (own.version !== mark.version || own.digest.hi !== mark.digest)
}

function lackingStandings(own: Standings, lists: Lists): readonly Standing[] {
  if (lists.standingBuckets.length === 0) return []
  const told = new Map(lists.standings.map((standing) => [standing.id, standing]))
  const buckets = new Set(lists.standingBuckets)
  return [...own.all()].filter((standing) => {
    if (!buckets.has(bucketOf(standing.id))) return false
    const theirs = told.get(standing.id)
    return theirs === undefined || outranks(standing, theirs)
  })
}
