/**
 * The library: a client of a running cluster.
 *
 *     import { connect, json } from 'everwrite'
 *
 *     await using client = await connect({ seeds: ['127.0.0.1:7400'] })
 *     const carts = client.bucket('carts', { codec: json<string[]>() })
 *
 *     await carts.put('anna', ['tea'], { replace: 'seen' })
 *     const { siblings, context } = await carts.get('anna')
 *     await carts.put('anna', [...new Set(siblings.flat()), 'milk'], { context })
 *     await carts.update('anna', (found) => [...new Set(found.flat()), 'bread'])
 *
 * Times are in milliseconds. Everything that fails throws an `OperatingError` with a stable
 * `code`, `isRetryable` and `certainty`, and `details` where more is known; a failed call throws
 * its subclass `CallError`. An option that is unknown or has a value of a wrong type is refused
 * with `config-wrong`, and nothing is sent.
 */
import { type Client, connectTo } from './client/client.ts'
import type { ConnectOptions } from './client/options.ts'
import { clientWorld } from './host/client-world.ts'

export { isOperatingError, OperatingError } from './base/errors.ts'
export type { Certainty, ErrorCode, FailureDetails } from './base/errors.ts'
export { GetResult, Entry } from './client/get-result.ts'
export type { Bucket, Key, Merge } from './client/bucket.ts'
export type {
  BucketOptions,
  GetOptions,
  PutOptions,
  Replacing,
  ScanOptions,
  UpdateOptions,
  PutResult,
  WriteHolder,
} from './client/bucket-options.ts'
export type {
  BucketInfo,
  ChangedBucket,
  BucketPolicy,
  CreateBucketOptions,
  CreatedBucket,
  RenameBucketOptions,
} from './client/buckets.ts'
export type { Client, ClusterView, MemberSeen, NodeStatus } from './client/client.ts'
export type { DurableOptions } from './client/durable.ts'
export type { ExplainedCopy, ExplainedNode, Explanation } from './client/explanation.ts'
export { bytes, type Codec, json, text } from './client/codec.ts'
export type {
  ComparedOwner,
  EqualRoot,
  NodeRanges,
  PartitionRange,
  RangesOptions,
} from './client/ranges.ts'
export type { InviteOptions, IssuedInvitation } from './client/invite.ts'
export { Receipt } from './client/receipt.ts'
export { SealedContext } from './client/sealed-context.ts'
export { CallError } from './client/failure.ts'
export type { RepairOptions, RepairProgress } from './client/repair.ts'
export type { NodeRound, RoundOptions, RoundProgress } from './client/round.ts'
export type { CallOptions, ConnectOptions } from './client/options.ts'
export type { Scan } from './client/scan.ts'
export type { Session } from './client/session.ts'

/**
 * Connects to a cluster through any of `options.seeds`; the other nodes are learned from it.
 *
 * Resolves when a node has answered. Throws `config-wrong` for options that make no sense,
 * `not-connected` when no seed answered within `connectTimeout`, `aborted` when `signal` is
 * aborted, and `token-wrong` or `wrong-cluster` when all seeds refused this client for that reason.
 * Close the client with `close()` or `await using`; until then it keeps the process alive, and
 * afterwards, as after a `connect` that failed, nothing of it does.
 */
export function connect(options: ConnectOptions): Promise<Client> {
  return connectTo(options, clientWorld())
}
