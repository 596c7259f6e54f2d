/**
 * Every upper bound in the system, with its unit in its name. Every bound must be listed here.
 *
 * What an operator may choose is in `config.ts`, within these ceilings. Relations between the
 * numbers are asserted as this module loads.
 */
import { assert } from './base/assert.ts'

const KIB = 1024
const MIB = 1024 * KIB

// What clients may store.
export const BUCKET_BYTES_MAX = 255
export const KEY_BYTES_MAX = 4 * KIB
export const VALUE_BYTES_MAX = 8 * MIB
/** All siblings of a key together, on client puts only: what is merged must stay movable. */
export const OBJECT_BYTES_MAX = 16 * MIB
/** An encoded object that a merge makes here: with the largest name it fits any message. */
export const OBJECT_MERGED_BYTES_MAX: number = 64 * MIB - 16 * KIB
/** On client puts only. */
export const SIBLINGS_MAX = 64
/**
 * On client puts only: above it `context-full`. While places move or a member is away no round
 * makes room, and each owner that comes to write the key needs a range.
 */
export const RANGES_PER_PUT_MAX = 512
/** What a merge accepts: bounded by what the encoding and a message can carry. */
export const RANGES_MAX = 4096
export const DOTS_PER_SIBLING_MAX = 64
/** Requests with more than one attempt that a key's context names: the newest. */
export const REPEATS_PER_KEY_MAX = 16
export const REQUEST_ID_BYTES = 16

// Placement and quorums.
export const REPLICAS_MAX = 7
/** Copies that one put asks for: of owners, and hints at fallbacks, those that failed included. */
export const COPIES_PER_PUT_MAX: number = 4 * REPLICAS_MAX
/** Partitions that one message moves: so many are closed at once. */
export const MOVE_PARTITIONS_MAX = 64
/** Records in one answer of a bulk transfer; a longer record comes by the exchange after it. */
export const TRANSFER_BYTES_MAX = 1 * MIB
/** Members that take a bulk transfer from one node at once, and that one node takes it from. */
export const TRANSFER_RECEIVERS_MAX = 4
export const TRANSFER_DONORS_MAX = 4
/** Members to which hints are delivered at once. */
export const DELIVERIES_MAX = 4
/** Hints in one message to a member, their names and objects together; a longer one goes alone. */
export const DELIVERY_KEYS_MAX = 256
export const DELIVERY_BYTES_MAX = 1 * MIB
/** The least space for hints, whatever the disk's size. */
export const HINT_BYTES_MIN: number = 64 * MIB
export const PARTITIONS_MAX = 65_536
/** Members that are not gone: above it `members-full`. */
export const MEMBERS_MAX = 4096
/** The weight of a member. 0 owns nothing: an operator alone may set it. */
export const MEMBER_WEIGHT_MAX = 100
/** Members that one plan names as dead. */
export const WITHOUT_MAX = 512
/** Members that were removed: their ids are refused for ever. */
export const GONE_MEMBERS_MAX = 16_384
/** Name, host, machine and zone in the record of a member, each. */
export const MEMBER_TEXT_BYTES_MAX: number = 3 * 255
/** One message about members, and messages in the answer to one. */
export const GOSSIP_BYTES_MAX = 1 * MIB
export const GOSSIP_REPLIES_MAX = 4
/** Pieces of news that wait to be sent with probes; one more drops that which was sent most. */
export const NEWS_MAX = 16_384
/** Members that are probed before their turn. */
export const PREFERRED_MAX = 64
/** Probes under way for other members, which asked for help. */
export const RELAYS_MAX = 1024
/** Members of which it is kept how fast they answer. */
export const AVOIDED_MEMBERS_MAX = 4096
/** Members that one get asks for hints where no owner answers. */
export const FALLBACKS_PER_GET_MAX = 64
/** Buckets that a configuration names; and that are created: above it `buckets-full`. */
export const BUCKETS_MAX = 1024
/** Of those that are created what a node takes of others: they may create some at the same time. */
export const BUCKET_RECORDS_MAX: number = 2 * BUCKETS_MAX
/** Contexts in one put: one for each replica that a client read. */
export const CONTEXTS_MAX = REPLICAS_MAX
/** What a put or get gives its client of one key: see dynamo/version/receipt.ts. */
export const RECEIPT_BYTES_MAX = 64
/** Siblings of an object that has a receipt. */
export const RECEIPT_DOTS_MAX = 2
/** Receipts in one get. */
export const RECEIPTS_PER_GET_MAX = 8
/** All that a client's session keeps, as text for a cookie in base64 a third more. */
export const SESSION_BYTES_MAX = 1024

// Frames and messages.
/** A longer message travels in chunks, which the receiver allows by credit. */
export const FRAME_BODY_BYTES_MAX = 64 * KIB
/** Bytes of a message in chunks that the receiver allows ahead of what has come. */
export const CREDIT_BYTES_MAX = 1 * MIB
/** A message, all its chunks together: an object beyond the put limit, grown by merges, fits. */
export const MESSAGE_BYTES_MAX = 64 * MIB
export const HANDSHAKE_FRAME_BYTES_MAX = 4 * KIB
export const HANDSHAKE_CONNECTION_BYTES_MAX = 16 * KIB
export const HANDSHAKE_MS_MAX = 5_000
/** Directories of one member that a node remembers, and tells in the handshake: the newest. */
export const DIRECTORIES_MET_MAX = 8
/** A client's token; at least 1. */
export const TOKEN_BYTES_MAX = 1024
/** The version that a side tells of its software, in characters. */
export const VERSION_CHARS_MAX = 64
/** An invitation may be used for so long. */
export const INVITATION_MS = 600_000
/** At one node: invitations that were not used yet; and ended ones that are remembered. */
export const INVITATIONS_MAX = 64
/** At one node: calls of operators that it has begun and not answered. */
export const OPERATOR_CALLS_MAX = 16
/** The text of an invitation. */
export const INVITATION_CHARS_MAX = 4096
/** Name, host, machine and zone of a member, in characters (units of UTF-16). */
export const MEMBER_TEXT_CHARS_MAX = 255
/** Cluster keys: with so many, one is dropped before another is made. */
export const CLUSTER_KEYS_MAX = 16
/** The same where members that were cut off from each other made some: see `key-ring.ts`. */
export const CLUSTER_KEYS_MERGED_MAX = 64
/** What one node is told of a member when it joins. */
export const MEMBER_RECORD_BYTES_MAX: number = 4 * KIB
/** The placement that a joiner is told, as text, and the file of a data directory that has it. */
export const PLACEMENT_BYTES_MAX: number = 4 * MIB
/** Features that a side tells of itself. */
export const FEATURES_MAX = 64
/** Bytes that each side of a connection may send before the other grants more. */
export const WINDOW_BYTES = 16 * MIB
/** The least window, and the least bound of a message, that a side may tell. */
export const SETTING_BYTES_MIN = 64 * KIB
/** A scan's cursor. */
export const CURSOR_BYTES_MAX = 64
/** The sentence in a failure or goodbye, in characters. */
export const SENTENCE_CHARS_MAX = 1024
/** The name of a limit in a failure, in characters. */
export const LIMIT_NAME_CHARS_MAX = 64
/** How long a failure may ask its client to wait before the request is sent again. */
export const RETRY_AFTER_MS_MAX = 1_000
/** How long the answer `overloaded` asks its client to wait. */
export const OVERLOAD_RETRY_MS = 50
/** Fields in one request, known or not: each costs more memory than bytes. */
export const REQUEST_FIELDS_MAX = 1024
/** The same in one request of another member, which may list keys. */
export const PEER_FIELDS_MAX = 4096
/** Fields in one answer, those of what is nested in it included. */
export const ANSWER_FIELDS_MAX = 262_144
/** How often what is under way is checked for progress. */
export const PROGRESS_MS = 10_000
/** Bytes that a half frame must make in that time. */
export const PROGRESS_BYTES_MIN: number = 10 * KIB
/**
 * A message of which no byte moves for this long is given up, with its connection; after one check
 * already where others wait for the memory that it holds.
 */
export const MESSAGE_STALL_MS_MAX = 60_000
/**
 * Twice so long without a byte from a node that dialled, which would send pings, and its connection
 * ends if others wait for the memory that its messages hold.
 */
export const PEER_SILENCE_MS = 1_000
/** A socket that was ended is closed after this if its other side does not read. */
export const GOODBYE_MS_MAX = 5_000

// Connections and requests.
export const CONNECTIONS_MAX = 10_000
export const CALLS_PER_CONNECTION_MAX = 1024
export const CALLS_PER_NODE_MAX = 16_384
/** Above this delay of its event loop a node refuses calls of clients. */
export const LOOP_DELAY_MS_MAX = 20
/** A node with fewer requests of clients in progress is late for another reason than too many. */
export const LOOP_CALLS_MIN = 32
/** The same for one turn alone of the loop: so much is taken of a burst. */
export const LOOP_BURST_MS_MAX = 100
/** Above this delay it refuses calls of peers too: what they belong to was begun and shall end. */
export const LOOP_DELAY_PEERS_MS_MAX = 500
/** Requests that wait to be sent on one connection, in bytes, before no further call is begun. */
export const OUTGOING_BYTES_PER_CONNECTION_MAX: number = MESSAGE_BYTES_MAX
/** Memory for messages that an operator may allow. */
export const MESSAGE_MEMORY_BYTES_MAX: number = 64 * 1024 * MIB
/** What an answer may take before it is known how long it is. */
export const ANSWER_BYTES_FIRST = 64 * KIB
/** Above this many waiting bytes a connection is not read from until its reader catches up. */
export const OUTGOING_BYTES_PAUSE = 1 * MIB
/** In a client: calls that wait until fewer than its `callsMax` are in flight. */
export const WAITING_CALLS_MAX = 65_536
/** Keys and values of those calls together. */
export const WAITING_BYTES_MAX: number = 256 * MIB
export const DEADLINE_MS_MAX = 60_000
/** At a node, in any 10 s: copies that gets ask for, for each hedge (`node/coordinator/get.ts`). */
export const READS_PER_HEDGE = 20
/** Hedges beside those. */
export const HEDGES_FREE_MAX = 10
/** In a client, in any 10 s: calls for each one that is tried again (`client/retry-budget.ts`). */
export const CALLS_PER_RETRY = 10
/** Calls that are tried again beside those. */
export const RETRIES_FREE_MAX = 10
/** Puts that wait for the one before them on the same key. */
export const WAITERS_PER_KEY_MAX = 1024
/** Bytes of lines of the log that their reader has not taken yet. */
export const LOG_BYTES_MAX: number = 1024 * KIB
/** Of a log file of `everwrite dev`; a longer one is moved away, in the place of the one before. */
export const DEV_LOG_BYTES_MAX: number = 4 * MIB
/** Request ids that a coordinator remembers after their sibling was replaced. */
export const REMEMBERED_REQUESTS_MAX = 65_536
/** Starts whose last dots are remembered; when there are more, each dot counts as a recent one. */
export const RECENT_STARTS_MAX = 1_024
/** Copies that have rotted and are being brought back from other owners. */
export const MENDS_MAX = 64
/** Branches of hash trees that one message compares. */
export const TREE_BRANCHES_MAX = 1024
/** Leaves whose keys one message asks for, and keys in its answer. */
export const TREE_LEAVES_MAX = 64
export const TREE_KEYS_MAX = 256
/** Starts that a floor may hold: above it no round opens (design 3.6). */
export const FLOOR_STARTS_MAX = 65_536
/** How seldom an operator may have trees compared, and rounds opened. */
export const EXCHANGE_MS_MAX = 3_600_000
export const ROUND_MS_MAX = 86_400_000
/** Copies that one message of an exchange brings: it ends before the one that would pass these. */
export const EXCHANGE_BYTES_MAX: number = 1 * MIB
/** A worker of the background rests so long at most before its next piece of work. */
export const BACKGROUND_REST_MS_MAX = 1_000
/** Another member waits so much longer at most for an answer of an exchange. */
export const BACKGROUND_ANSWER_MS_MAX = 200
/** Requests that wait at a node for its exchanges: for ranges to be equal, or for repairs. */
export const EXCHANGE_WAITERS_MAX = 128
/** Repairs that a node makes or remembers: one more drops the oldest that has ended. */
export const REPAIRS_MAX = 16
export const SCAN_PAGE_KEYS_MAX = 1000
/** A page ends before the entry that would pass it; a larger entry stands alone. */
export const SCAN_PAGE_BYTES_MAX = 1 * MIB
/** Siblings in one answer, with their overhead: keys and contexts fit beside them. */
export const ANSWER_VALUES_BYTES_MAX: number = MESSAGE_BYTES_MAX - 2 * MIB

// The log.
export const SEGMENT_BYTES_MAX = 1024 * MIB
export const SEGMENTS_MAX = 1_000_000
/** Files of segments that are open at once; fewer where the process may open few. */
export const SEGMENT_FILES_MAX = 256
export const GROUP_BYTES_MAX = 64 * MIB
export const NOTE_BYTES_MAX = 64
/** A record: key, note, and an object as large as a message can bring. */
export const RECORD_BYTES_MAX: number = MESSAGE_BYTES_MAX + 8 * KIB
/** Appends that wait for the disk before the store says overloaded. */
export const UNSYNCED_BYTES_MAX: number = 4 * GROUP_BYTES_MAX

assert(OBJECT_BYTES_MAX >= VALUE_BYTES_MAX, 'an object can hold the largest value')
assert(CREDIT_BYTES_MAX >= 2 * FRAME_BODY_BYTES_MAX, 'credit keeps a chunk in flight, one coming')
assert(ANSWER_BYTES_FIRST >= FRAME_BODY_BYTES_MAX, 'an answer in one frame needs no more')
assert(MESSAGE_BYTES_MAX > OBJECT_BYTES_MAX, 'any object that a put made fits a message')
assert(OBJECT_MERGED_BYTES_MAX + 2 * KEY_BYTES_MAX < MESSAGE_BYTES_MAX, 'a merge fits a message')
assert(ANSWER_VALUES_BYTES_MAX >= VALUE_BYTES_MAX, 'an answer has room for any sibling')
assert(RECORD_BYTES_MAX > MESSAGE_BYTES_MAX + KEY_BYTES_MAX, 'any object received can be stored')
assert(TRANSFER_BYTES_MAX <= GROUP_BYTES_MAX, 'records of one answer fit a group commit')
assert(REPLICAS_MAX * RANGES_PER_PUT_MAX <= RANGES_MAX, 'what puts at all owners make, merges')
assert(HANDSHAKE_FRAME_BYTES_MAX <= HANDSHAKE_CONNECTION_BYTES_MAX, 'a first frame fits')
assert(CLUSTER_KEYS_MAX < CLUSTER_KEYS_MERGED_MAX, 'members that were cut off merge their keys')
assert(LOOP_DELAY_MS_MAX < LOOP_DELAY_PEERS_MS_MAX, 'calls of clients are refused first')
assert(OUTGOING_BYTES_PAUSE < OUTGOING_BYTES_PER_CONNECTION_MAX, 'pausing comes before cutting')
