/**
 * The table of requests: the number of each kind, its senders, its request and reply.
 *
 * A *frame* is a unit of bytes, a *message* a unit of meaning, a *call* one request and its answer
 * on one connection.
 *
 * These numbers are on the wire. Append only; never reuse. A request of kind k is answered by kind
 * k + 64, or by `failure`. Kinds 32 to 47 are keyed: bucket and key come first.
 */
import type {
  BucketCreate,
  BucketRename,
  BucketReply,
  PeerBuckets,
  PeerBucketsReply,
} from './bucket.ts'
import type {
  Explain,
  ExplainReply,
  Get,
  GetReply,
  Put,
  PutReply,
  Ranges,
  RangesReply,
  Repair,
  RepairReply,
  Scan,
  ScanReply,
  Status,
  Topology,
} from './client.ts'
import type {
  ClusterChange,
  ClusterChangeReply,
  ClusterPause,
  ClusterPauseReply,
  ClusterPlan,
  ClusterPlanReply,
  ClusterStatus,
  ClusterStatusReply,
} from './cluster.ts'
import type { Invite, InviteReply, PeerJoin, PeerJoinReply } from './join.ts'
import type { ClusterKeyReply, ClusterKeyRequest, PeerKeys, PeerKeysReply } from './keys.ts'
import type {
  PeerCopies,
  PeerCopiesReply,
  PeerGossip,
  PeerGossipReply,
  PeerHints,
  PeerHintsReply,
  PeerLeaves,
  PeerLeavesReply,
  PeerMove,
  PeerMoveReply,
  PeerObjects,
  PeerObjectsReply,
  PeerOpenRound,
  PeerOpenRoundReply,
  PeerPut,
  PeerPutReply,
  PeerRange,
  PeerRangeReply,
  PeerRanges,
  PeerRangesReply,
  PeerRead,
  PeerReadReply,
  PeerRing,
  PeerRingReply,
  PeerRounds,
  PeerRoundsReply,
  PeerStepRound,
  PeerStepRoundReply,
  PeerTransfer,
  PeerTransferReply,
  PeerTree,
  PeerTreeReply,
  PeerWrite,
  PeerWriteReply,
} from './peer.ts'
import type { Role } from './session.ts'

export const REQUEST_KINDS = {
  topology: 16,
  status: 17,
  scan: 18,
  ranges: 20,
  repair: 21,
  peerGossip: 22,
  peerHints: 23,
  peerRange: 24,
  peerTree: 25,
  peerLeaves: 26,
  peerObjects: 27,
  peerRounds: 28,
  peerOpenRound: 29,
  peerStepRound: 30,
  peerRanges: 31,
  get: 32,
  put: 33,
  explain: 36,
  peerRead: 40,
  peerWrite: 41,
  peerPut: 42,
  peerCopies: 43,
  peerRing: 48,
  peerMove: 49,
  peerJoin: 50,
  invite: 51,
  clusterPlan: 52,
  clusterChange: 53,
  clusterStatus: 54,
  clusterPause: 55,
  peerBuckets: 56,
  bucketCreate: 57,
  bucketRename: 58,
  peerTransfer: 60,
  peerKeys: 61,
  clusterKey: 62,
} as const

/** Whether a request of this kind is about one key. */
export function isKeyed(kind: number): boolean {
  return kind >= 32 && kind < 48
}

/** The senders of each kind. */
export const SENDERS: Readonly<Record<RequestKind, readonly Role[]>> = {
  topology: ['client', 'peer'],
  status: ['client'],
  scan: ['client'],
  ranges: ['client'],
  repair: ['client'],
  peerGossip: ['peer'],
  peerHints: ['peer'],
  peerRange: ['peer'],
  peerTree: ['peer'],
  peerLeaves: ['peer'],
  peerObjects: ['peer'],
  peerRounds: ['peer'],
  peerOpenRound: ['peer'],
  peerStepRound: ['peer'],
  peerRanges: ['peer'],
  get: ['client'],
  put: ['client'],
  explain: ['client'],
  peerRead: ['peer'],
  peerWrite: ['peer'],
  peerPut: ['peer'],
  peerCopies: ['peer'],
  peerRing: ['peer'],
  peerMove: ['peer'],
  peerJoin: ['joiner'],
  invite: ['client'],
  clusterPlan: ['client'],
  clusterChange: ['client'],
  clusterStatus: ['client'],
  clusterPause: ['client'],
  peerBuckets: ['peer'],
  bucketCreate: ['client'],
  bucketRename: ['client'],
  peerTransfer: ['peer'],
  peerKeys: ['peer'],
  clusterKey: ['client'],
}

/** The request and the reply of each kind. */
export interface RequestTable {
  topology: { request: Record<never, never>; reply: Topology }
  status: { request: Record<never, never>; reply: Status }
  scan: { request: Scan; reply: ScanReply }
  ranges: { request: Ranges; reply: RangesReply }
  repair: { request: Repair; reply: RepairReply }
  peerGossip: { request: PeerGossip; reply: PeerGossipReply }
  peerHints: { request: PeerHints; reply: PeerHintsReply }
  peerRange: { request: PeerRange; reply: PeerRangeReply }
  peerTree: { request: PeerTree; reply: PeerTreeReply }
  peerLeaves: { request: PeerLeaves; reply: PeerLeavesReply }
  peerObjects: { request: PeerObjects; reply: PeerObjectsReply }
  peerRounds: { request: PeerRounds; reply: PeerRoundsReply }
  peerOpenRound: { request: PeerOpenRound; reply: PeerOpenRoundReply }
  peerStepRound: { request: PeerStepRound; reply: PeerStepRoundReply }
  peerRanges: { request: PeerRanges; reply: PeerRangesReply }
  get: { request: Get; reply: GetReply }
  put: { request: Put; reply: PutReply }
  explain: { request: Explain; reply: ExplainReply }
  peerRead: { request: PeerRead; reply: PeerReadReply }
  peerWrite: { request: PeerWrite; reply: PeerWriteReply }
  peerPut: { request: PeerPut; reply: PeerPutReply }
  peerCopies: { request: PeerCopies; reply: PeerCopiesReply }
  peerRing: { request: PeerRing; reply: PeerRingReply }
  peerMove: { request: PeerMove; reply: PeerMoveReply }
  peerJoin: { request: PeerJoin; reply: PeerJoinReply }
  invite: { request: Invite; reply: InviteReply }
  clusterPlan: { request: ClusterPlan; reply: ClusterPlanReply }
  clusterChange: { request: ClusterChange; reply: ClusterChangeReply }
  clusterStatus: { request: ClusterStatus; reply: ClusterStatusReply }
  clusterPause: { request: ClusterPause; reply: ClusterPauseReply }
  peerBuckets: { request: PeerBuckets; reply: PeerBucketsReply }
  bucketCreate: { request: BucketCreate; reply: BucketReply }
  bucketRename: { request: BucketRename; reply: BucketReply }
  peerTransfer: { request: PeerTransfer; reply: PeerTransferReply }
  peerKeys: { request: PeerKeys; reply: PeerKeysReply }
  clusterKey: { request: ClusterKeyRequest; reply: ClusterKeyReply }
}

export type RequestKind = keyof RequestTable
export type Request<K extends RequestKind> = RequestTable[K]['request']
export type Reply<K extends RequestKind> = RequestTable[K]['reply']
