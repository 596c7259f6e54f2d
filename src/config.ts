/**
 * The configuration of one node, checked, and its defaults.
 *
 * These are the types and the defaults; `cli/settings/settings.ts` reads them from a file, the
 * environment and flags. Tiny numbers are legal on purpose: simulation shrinks them until rare
 * paths are common. The ceilings stand in `limits.ts`.
 */
import type { NodeId } from './dynamo/names.ts'
import { CONNECTIONS_MAX, DEADLINE_MS_MAX, WINDOW_BYTES } from './limits.ts'
import type { OpenEngine } from './store/engine.ts'
import { MESSAGE_MEMORY_BYTES } from './wire/session-memory.ts'
import type { Address } from './world/network.ts'

/** A bucket's quorums: `n` is fixed, the others are defaults of a request. */
export interface BucketConfig {
  readonly name: string
  readonly n: number
  readonly r: number
  readonly w: number
  /** The deadline of a request that names none; undefined: the node's own. */
  readonly deadlineMs?: number | undefined
}

export interface MemberConfig {
  readonly name: string
  readonly host: string
  readonly clientPort: number
  readonly peerPort: number
  /** Members with one machine fail together. */
  readonly machine: string
  readonly zone: string
  readonly weight: number
}

/** An engine that is not part of Everwrite. */
export interface OtherEngine {
  /** Written into the data directory: no engine of another name opens it later. */
  readonly name: string
  readonly open: OpenEngine
}

export interface Config {
  /** Members of different clusters never talk. */
  readonly cluster: string
  /** Which of `members` this node is. */
  readonly name: string
  /** The id of that member: made from its name, or drawn by the node that joined. */
  readonly id: NodeId
  readonly members: readonly MemberConfig[]
  /** A power of two. */
  readonly partitions: number
  /** The quorums of buckets that are not named below. */
  readonly defaults: Pick<BucketConfig, 'n' | 'r' | 'w'>
  readonly buckets: readonly BucketConfig[]

  /** Where this node listens; by default its member entry's host and ports. */
  readonly clientListen: Address
  readonly peerListen: Address
  /**
   * 16 bytes that the cluster began with: peers prove it, contexts are signed with it, until there
   * is a newer one. Undefined: the data directory has the keys.
   */
  readonly clusterKey: Uint8Array | undefined
  /** The token that clients must prove, 1 to 1,024 bytes; undefined: none. */
  readonly clientToken: Uint8Array | undefined
  /** Allows listening beyond loopback without a token; the node warns every minute. */
  readonly isInsecure: boolean

  readonly engine: 'log' | 'memory' | OtherEngine
  /** The data directory. */
  readonly directory: string
  /**
   * A node whose disk was emptied reads its copies from the others, instead of ending. The command
   * refuses it where the directory has all that the node acknowledged.
   */
  readonly mayRebuild: boolean
  readonly segmentBytes: number
  /** Space for hints; undefined: a tenth of the disk, at least `HINT_BYTES_MIN`. */
  readonly hintBytes: number | undefined

  /** The deadline of a request that names none. */
  readonly deadlineMs: number
  /**
   * A read asks the next replica too when it is late: at the 95th percentile of recent ones, at
   * this long at the latest.
   */
  readonly hedgeMs: number
  /** A forwarded put goes to the next owner if no answer has begun after this time. */
  readonly forwardMs: number
  /** How often hash trees are compared with each other owner. */
  readonly exchangeMs: number
  /** Background work yields while the 99th percentile of clients' requests is above this. */
  readonly latencyTargetMs: number
  /** How old a round becomes before the next one opens: deletes are forgotten by rounds. */
  readonly roundMs: number
  /**
   * So long a request is remembered, and holds back what rounds would let go: twice as long as it
   * may be repeated. Rounds open half as long apart, or longer.
   */
  readonly rememberMs: number
  /** How often is looked for what rounds let go. */
  readonly cleanMs: number
  /** Requests of clients in progress at once. */
  readonly callsMax: number
  /**
   * Memory for messages of clients that are received, worked on or sent, and as much for those of
   * other nodes.
   */
  readonly messageBytes: number
  /** How much of it one connection may have in each direction. */
  readonly windowBytes: number
  /** Connections of each listener at once, including those in a handshake. */
  readonly connectionsMax: number
}

export const DEFAULTS = {
  partitions: 256,
  n: 3,
  r: 2,
  w: 2,
  clientPort: 7400,
  peerPort: 7500,
  segmentBytes: 64 * 1024 * 1024,
  deadlineMs: 5_000,
  hedgeMs: 50,
  forwardMs: 100,
  exchangeMs: 3_000,
  latencyTargetMs: 20,
  roundMs: 60_000,
  rememberMs: 2 * DEADLINE_MS_MAX,
  cleanMs: 1_000,
  callsMax: 4096,
  messageBytes: MESSAGE_MEMORY_BYTES,
  windowBytes: WINDOW_BYTES,
  connectionsMax: CONNECTIONS_MAX,
} as const
