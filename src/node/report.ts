/**
 * The registry of figures: every number that a node tells about itself, with a name and a sentence.
 *
 * `status` gives all of them; `gauges` those that have a bound in `limits.ts` or in the
 * configuration. Names stay: people's dashboards know them.
 */
import type { Life } from '../dynamo/membership/liveness.ts'
import type { MemberState } from '../dynamo/membership/member-record.ts'
import type { NodeId } from '../dynamo/names.ts'
import type { Engine, PlaceReport } from '../store/engine.ts'
import type { RoundState } from './requests.ts'
import type { Hints, HintsReport } from './replica/hints.ts'
import type { Floors } from './replica/floors.ts'
import type { Replica } from './replica/replica.ts'
import type { Membership } from './cluster/membership.ts'
import type { SessionMemory } from '../wire/session-memory.ts'
import { type Counters, type Latencies, VERSIONS_COUNTED } from './counters.ts'

export interface Figure {
  readonly name: string
  /** One sentence for people. */
  readonly help: string
  /** The value at this moment. */
  readonly read: () => number
}

/** Figures with a bound. */
export type GaugeName =
  | 'client_connections'
  | 'peer_connections'
  | 'client_calls'
  | 'calls_of_connection'
  | 'outgoing_bytes'
  | 'incoming_bytes'
  | (typeof MEMORY_GAUGES)[number]
  | 'waiters_of_key'
  | 'remembered_requests'
  | 'unsynced_bytes'
  | 'segment_bytes'

/** Bytes of messages, by what they are for: see `SessionMemory`. */
export const MEMORY_GAUGES = [
  'request_bytes',
  'long_request_bytes',
  'long_answer_bytes',
  'handed_on_bytes',
  'begun_answer_bytes',
  'grown_answer_bytes',
] as const

export type Gauges = Readonly<Record<GaugeName, number>>

export interface NodeStatus {
  readonly node: NodeId
  readonly name: string
  readonly version: string
  readonly cluster: string
  readonly peers: readonly {
    readonly node: NodeId
    readonly name: string
    readonly isConnected: boolean
  }[]
  readonly figures: readonly { readonly name: string; readonly value: number }[]
  readonly warnings: readonly string[]
  /** What is wrong now and needs someone, in sentences. */
  readonly alarms: readonly string[]
  /** What it keeps for each other member. */
  readonly hints: readonly (HintsReport & { readonly node: NodeId; readonly name: string })[]
  readonly round: RoundState
  /** Every member that it knows, also those that are gone. */
  readonly members: readonly {
    readonly node: NodeId
    readonly name: string
    readonly state: keyof typeof MemberState
    readonly life: Life
    /** It is suspected or dead for so long. */
    readonly lifeMs: number
  }[]
}

/** The part of a node's log that would survive a power cut at this moment. */
export interface Durable {
  /** Everything that was appended up to here. */
  readonly sequence: number
  /** At least so many keys. */
  readonly keys: number
  /** What was appended in the last so many milliseconds may be missing. */
  readonly unsyncedMs: number
}

/** The load of one session. */
interface SessionLoad {
  readonly callsInFlight: number
  readonly callsToAnswer: number
  readonly callsBegun: number
  readonly waitingBytes: number
  readonly incomingBytes: number
}

interface ListenerLoad {
  readonly connections: number
  readonly sessions: Iterable<SessionLoad>
}

/** Where figures are read. */
export interface Sources {
  readonly counters: Counters
  readonly engine: Pick<Engine, 'report' | 'unsyncedMs'>
  readonly hints: Pick<Hints, 'places' | 'bytesMax'>
  readonly replica: Pick<Replica, 'waitersOfKey' | 'rememberedRequests' | 'writer'>
  readonly floors: Pick<Floors, 'refused' | 'adopted'>
  readonly opener: { readonly ageMs: number }
  readonly pacing: { readonly share: number }
  readonly starts: { readonly size: number }
  readonly membership: Pick<Membership, 'count' | 'view'>
  readonly coordinator: { readonly inProgress: number }
  readonly trees: { readonly corrections: number; readonly bytes: number }
  readonly clients: ListenerLoad
  readonly members: ListenerLoad
  readonly peers: { readonly sessions: Iterable<SessionLoad> }
  /** For messages of clients, and for those of members. */
  readonly memories: readonly SessionMemory[]
  readonly uptimeMs: () => number
  /** Bytes that the disk had free when a client last asked; undefined: the engine uses no disk. */
  readonly freeBytes: (() => number) | undefined
}

type MemoryPool = Exclude<keyof SessionMemory, 'windowBytes'>
type Row = readonly [help: string, read: () => number]

export class Report {
  readonly figures: readonly Figure[]
  readonly #gauges: Readonly<Record<GaugeName, Row>>

  constructor(sources: Sources) {
    this.#gauges = gaugeRows(sources)
    const rows = {
      ...counterRows(sources),
      ...repairRows(sources),
      ...memberRows(sources),
      ...latencyRows('get', sources.counters.getLatencies),
      ...latencyRows('put', sources.counters.putLatencies),
      ...loopRows(sources.counters.loopDelays),
      ...engineRows(sources),
      ...this.#gauges,
    }
    this.figures = Object.entries(rows).map(([name, [help, read]]) => ({ name, help, read }))
  }

  gauges(): Gauges {
    const entries = Object.entries(this.#gauges).map(([name, [, read]]) => [name, read()])
    return Object.fromEntries(entries) as Gauges
  }
}

function counterRows(sources: Sources): Record<string, Row> {
  const { counters, coordinator, uptimeMs } = sources
  const versions = counters.versionsSeen.map((_, i): [string, Row] => {
    const isLast = i + 1 === VERSIONS_COUNTED
    const name = `reads_saw_${i + 1}${isLast ? '_or_more' : ''}_versions_total`
    const count = `${i + 1}${isLast ? ' or more' : ''}`
    return [name, [`Gets that found ${count} siblings.`, () => counters.versionsSeen[i] as number]]
  })
  return {
    uptime_seconds: ['Since the node started.', () => Math.floor(uptimeMs() / 1000)],
    gets_total: ['Gets of clients.', () => counters.gets],
    puts_total: ['Puts of clients, coordinated here or handed on.', () => counters.puts],
    puts_first_total: ['Puts that clients sent here, no retries.', () => counters.firstPuts],
    scans_total: ['Pages of scans.', () => counters.scans],
    forwards_total: ['Times that a put was handed on to an owner.', () => counters.forwards],
    hedges_total: ['Owners asked because a get was late.', () => counters.hedges],
    hedges_withheld_total: [
      'Late gets for which no more owners were asked: too many had been.',
      () => counters.hedgesWithheld,
    ],
    read_repairs_total: ['Copies that a get found behind and repaired.', () => counters.repairs],
    refused_total: ['Requests that failed and were not applied.', () => counters.refused],
    in_doubt_total: ['Requests that failed and may be applied.', () => counters.inDoubt],
    expired_total: ['Requests dropped since their deadline had passed.', () => counters.expired],
    overloaded_loop_total: [
      'Calls of clients refused since the event loop was late.',
      () => counters.overloadedLoop,
    ],
    overloaded_peers_loop_total: ['The same of members.', () => counters.overloadedPeersLoop],
    overloaded_calls_total: [
      'Calls refused since too many were in progress, here or on their connection.',
      () => counters.overloadedCalls,
    ],
    overloaded_bytes_total: [
      'Calls refused since there was no memory for their request.',
      () => counters.overloadedBytes,
    ],
    peer_reads_total: ['Copies that other members read here.', () => counters.peerReads],
    peer_writes_total: ['Copies that other members wrote here.', () => counters.peerWrites],
    losers_total: [
      'Writes that gave way unseen to a later one, where the last write wins.',
      () => counters.losers,
    ],
    hints_given_total: ['Hints that fallbacks were asked to keep.', () => counters.hintsGiven],
    hints_taken_total: ['Hints that others gave this node to keep.', () => counters.hintsTaken],
    hints_delivered_total: ['Hints that their members have now.', () => counters.hintsDelivered],
    hints_received_total: ['Hints of this node that came home.', () => counters.hintsReceived],
    new_starts_total: ['Starts drawn while the node ran.', () => counters.newStarts],
    peer_lies_total: [
      'Connections ended since a member said what cannot be.',
      () => counters.peerLies,
    ],
    ...Object.fromEntries(versions),
    calls_in_progress: ['Requests that have no result yet.', () => coordinator.inProgress],
  }
}

/** Exchanges between owners, and rounds with what they let go of. */
function repairRows({
  counters,
  trees,
  replica,
  floors,
  opener,
  pacing,
  starts,
}: Sources): Record<string, Row> {
  return {
    background_share: [
      'Share of its full rate at which background work goes on; below 1 while requests are slow.',
      () => pacing.share,
    ],
    exchanges_total: ['Times that trees were compared with an owner.', () => counters.exchanges],
    exchange_leaves_total: ['Leaves that differed then.', () => counters.leavesDiffered],
    exchange_repairs_total: ['Copies here that became newer by that.', () => counters.keysRepaired],
    transfer_given_bytes_total: [
      'Bytes of records that members took from here in bulk.',
      () => counters.transferGivenBytes,
    ],
    transfer_taken_bytes_total: [
      'Bytes of records that this node took from members in bulk.',
      () => counters.transferTakenBytes,
    ],
    transfer_copies_total: ['Copies here that came by that.', () => counters.transferredCopies],
    transfer_rotten_total: [
      'Rotten stretches of the logs of members that were passed over.',
      () => counters.transferRotten,
    ],
    keys_reaped_total: [
      'Deleted keys that went for good: all owners have what they replaced.',
      () => counters.keysReaped,
    ],
    contexts_stripped_total: [
      'Contexts that became shorter, since all owners agreed to it.',
      () => counters.contextsStripped,
    ],
    deleted_leaves: [
      'Leaves of the hash trees that may have deleted keys which wait for a round.',
      () => replica.writer.deleted.size,
    ],
    crowded_leaves: ['The same of keys with long contexts.', () => replica.writer.crowded.size],
    writes_late_total: ['Writes refused, older than a floor closed here.', () => floors.refused],
    round: ['The last round that this node adopted.', () => floors.adopted.number],
    round_age_seconds: ['Since then.', () => Math.floor(opener.ageMs / 1000)],
    named_starts: ['Starts that contexts here name.', () => starts.size],
    tree_corrections_total: ['Leaves of trees read again.', () => trees.corrections],
    tree_bytes: ['Memory of the hash trees.', () => trees.bytes],
  }
}

/** Who is here, as this node sees it. */
function memberRows({ counters, membership }: Sources): Record<string, Row> {
  const { members, health } = membership.view
  return {
    members: ['Members that are not gone.', () => members.size],
    members_suspected: ['Those that are suspected.', () => membership.count('suspect')],
    members_dead: ['Those that are declared dead.', () => membership.count('dead')],
    records_far_ahead_total: [
      'Records of members whose version leapt by more than 2^20, taken or refused.',
      () => members.counts.farAhead,
    ],
    probes_total: ['Members that this node probed.', () => counters.probes],
    gossip_bytes_total: ['Bytes of messages about members sent.', () => counters.gossipBytes],
    local_health: ['How late this node finds itself: 0, healthy, to 8.', () => health.score],
  }
}

function latencyRows(kind: string, latencies: Latencies): Record<string, Row> {
  return {
    [`${kind}_ms_p50`]: [`Median of recent ${kind}s, ms.`, () => latencies.quantile(0.5)],
    [`${kind}_ms_p99`]: [`99th percentile of recent ${kind}s, ms.`, () => latencies.quantile(0.99)],
  }
}

function loopRows(delays: Latencies): Record<string, Row> {
  const of = (share: number) => (): number => delays.quantile(share)
  return {
    loop_delay_ms_p50: ['Median of how late the event loop was recently, ms.', of(0.5)],
    loop_delay_ms_p99: ['99th percentile of the same, ms.', of(0.99)],
  }
}

/**
 * Not counted: keys without tombstones, and bytes of living records alone. An engine does not
 * interpret objects, and the key index has no sizes: both would need all records read.
 */
function engineRows({ engine, hints, freeBytes }: Sources): Record<string, Row> {
  const sum = (of: (place: PlaceReport) => number): number =>
    hints.places.reduce((total, place) => total + of(place), 0)
  const free: Row | undefined = freeBytes && ['Bytes that the disk has free.', freeBytes]
  return {
    keys: ['Copies here: of keys, tombstones among them, and hints.', () => engine.report().keys],
    hints: ['Hints kept here for other members.', () => sum(({ keys }) => keys)],
    hint_bytes: ['Bytes of the same.', () => sum(({ bytes }) => bytes)],
    hint_bytes_max: ['Space for hints.', () => hints.bytesMax],
    bytes: ['Bytes of the log: living and dead records, unused room.', () => engine.report().bytes],
    ...(free === undefined ? {} : { free_bytes: free }),
    segments: ['Files of the log.', () => engine.report().segments ?? 0],
    appends_total: ['Records appended since the start.', () => engine.report().appends ?? 0],
    syncs_total: ['Group commits since the start.', () => engine.report().syncs ?? 0],
    unsynced_ms: [
      'For how long the oldest append has waited to be durable.',
      () => engine.unsyncedMs ?? 0,
    ],
  }
}

function gaugeRows(sources: Sources): Readonly<Record<GaugeName, Row>> {
  const { engine, replica, clients, members, peers } = sources
  const most = (of: (session: SessionLoad) => number): number => {
    let highest = 0
    for (const sessions of [clients.sessions, members.sessions, peers.sessions]) {
      for (const session of sessions) highest = Math.max(highest, of(session))
    }
    return highest
  }
  const clientCalls = (): number => {
    let calls = 0
    for (const { callsBegun } of clients.sessions) calls += callsBegun
    return calls
  }
  return {
    client_connections: ['Connections of clients.', () => clients.connections],
    peer_connections: ['Connections that other members opened.', () => members.connections],
    client_calls: ['Calls of clients that have begun and are not answered.', clientCalls],
    calls_of_connection: [
      'Calls in flight, one way, on the connection where most are.',
      () => most((session) => Math.max(session.callsInFlight, session.callsToAnswer)),
    ],
    outgoing_bytes: [
      'Bytes that wait to be sent, on the connection where most do.',
      () => most(({ waitingBytes }) => waitingBytes),
    ],
    incoming_bytes: [
      'Bytes of messages half received, on the connection where most are.',
      () => most(({ incomingBytes }) => incomingBytes),
    ],
    ...memoryRows(sources),
    waiters_of_key: ['Writes that wait at the busiest key.', () => replica.waitersOfKey],
    remembered_requests: ['Request ids remembered.', () => replica.rememberedRequests],
    unsynced_bytes: ['Bytes appended and not durable yet.', () => engine.report().unsyncedBytes],
    segment_bytes: ['Bytes of the largest segment.', () => engine.report().segmentBytesMax ?? 0],
  }
}

/** Each of clients, or of members: whichever is more. */
function memoryRows({ memories }: Sources): Readonly<Record<(typeof MEMORY_GAUGES)[number], Row>> {
  const row = (what: string, pool: MemoryPool): Row => [
    `Memory that ${what} take, of clients or of members.`,
    () => Math.max(...memories.map((memory) => memory[pool].taken)),
  ]
  return {
    request_bytes: row('requests of one frame', 'requests'),
    long_request_bytes: row('requests in chunks', 'received'),
    long_answer_bytes: row('answers in chunks to this node', 'answers'),
    handed_on_bytes: row('puts that were handed on', 'handedOn'),
    begun_answer_bytes: row('the first bytes of answers', 'begun'),
    grown_answer_bytes: row('the further bytes of answers', 'grown'),
  }
}
