/**
 * The entry for requests of clients, whatever protocol they came by: get, put and scan.
 *
 *     admission ─► owners, R and W ─► get │ put, here or handed on │ scan ─► sealing
 *
 * Every request is counted, with how long it took and how it failed. Contexts leave sealed and are
 * opened when they come back; inside of the node they are values.
 *
 * Any node takes a get or scan. A put is coordinated by an owner of its key; another node hands it
 * on once.
 */
import { type Deliver, isFailure, perform } from '../../base/deliver.ts'
import { OperatingError } from '../../base/errors.ts'
import { type CopyId, NEVER_CREATED, type NodeId } from '../../dynamo/names.ts'
import { isUnread } from '../../dynamo/quorum/shortfall.ts'
import type { ContextSeal, SealedFor } from '../../dynamo/version/context-seal.ts'
import { fittingPart } from '../../dynamo/version/fitting.ts'
import { receiptOf, type Receipts } from '../../dynamo/version/receipt.ts'
import { ANSWER_VALUES_BYTES_MAX, OVERLOAD_RETRY_MS } from '../../limits.ts'
import type { BucketProperties } from '../cluster/named-buckets.ts'
import type { Topology } from '../cluster/topology.ts'
import type { Counters, Latencies } from '../counters.ts'
import {
  type Answered,
  type ClientExplain,
  type ClientGet,
  type ClientPut,
  type ClientScan,
  type Explanation,
  type GetResult,
  type KnownPut,
  type PutResult,
  type ScanResult,
  READ_NOTHING,
} from '../requests.ts'
import { explain, type ExplainDependencies } from './explain.ts'
import type { CoordinateHere, Forwards } from './forward.ts'
import type { Found, Gets } from './get.ts'
import { openedContexts, openedReceipts } from './given-back.ts'
import type { Puts } from './put.ts'
import { locate, type Located, type Placement, placementOfCopy, requiredOf } from './quorums.ts'
import { type Page, type Scans, valuesOf } from './scan.ts'

export interface CoordinatorDependencies extends ExplainDependencies {
  readonly topology: Topology
  readonly seal: ContextSeal
  readonly receipts: Receipts
  readonly counters: Counters
  readonly gets: Gets
  readonly puts: Puts
  readonly forwards: Forwards
  readonly scans: Scans
  /** Requests in progress above which clients are refused. */
  readonly callsMax: number
}

const NO_BYTES = new Uint8Array(0)
const NOTHING_SHOWN = { siblings: [], tombstones: 0, hasMore: false } as const
const NOTHING_FOUND = { ...NOTHING_SHOWN, context: NO_BYTES, receipt: NO_BYTES } as const

/** A put with contexts that cover all that it replaces, and how it came to them. */
interface Prepared extends Answered {
  readonly known: KnownPut
}

export class Coordinator {
  readonly #node: CoordinatorDependencies
  #inProgress = 0

  constructor(dependencies: CoordinatorDependencies) {
    this.#node = dependencies
  }

  /** Requests that have no result yet. */
  get inProgress(): number {
    return this.#inProgress
  }

  /** Delivers `overloaded` or a failure that `Gets.run` and `requiredOf` document otherwise. */
  get(get: ClientGet, deliver: Deliver<GetResult>): void {
    if (this.#isOverloaded(deliver)) return
    const { topology, counters, gets } = this.#node
    counters.gets += 1
    const end = this.#begin(counters.getLatencies, deliver)
    const located = locate(topology, get)
    if (isFailure(located)) {
      end(located)
      return
    }
    const { copy, placement } = located
    const { owners, ring } = placement
    const needed = requiredOf('r', get.r, placement)
    if (isFailure(needed)) {
      end(needed)
      return
    }
    const receipts = openedReceipts(this.#node.receipts, copy, get.receipts)
    if (isFailure(receipts)) {
      end(receipts)
      return
    }
    const { deadline, room, monotonic } = get
    const fallbacks = get.strict || monotonic ? undefined : placement
    const read = { copy, owners, ring, needed, deadline, fallbacks, monotonic, receipts, room }
    gets.run(read, (found) => {
      end(isFailure(found) ? found : this.#getResult(copy, found, needed))
    })
  }

  /** Delivers `overloaded` or a failure that `Puts.run` or `Forwards.run` document otherwise. */
  put(put: ClientPut, deliver: Deliver<PutResult>): void {
    if (this.#isOverloaded(deliver)) return
    const { topology, counters } = this.#node
    counters.puts += 1
    if (!put.isRepeat) counters.firstPuts += 1
    const end = this.#begin(counters.putLatencies, deliver)
    const located = locate(topology, put)
    if (isFailure(located)) {
      end(located)
      return
    }
    const { placement } = located
    this.#withContexts(put, located, (prepared) => {
      if (isFailure(prepared)) {
        end(prepared)
        return
      }
      const { known, answered, needed } = prepared
      const tell: Deliver<PutResult> = (result) =>
        end(isFailure(result) ? result : { ...result, answered, needed })
      this.#writeOrHandOn(known, placement, tell)
    })
  }

  /**
   * The same for a put that another member handed on: `not-an-owner` where it would have to be
   * handed on again. The member has admitted it: refusing it here would waste that work.
   */
  putHandedOn(put: KnownPut, deliver: Deliver<PutResult>): void {
    const { topology, counters } = this.#node
    const placement = placementOfCopy(topology, put)
    if (!placement.owners.includes(topology.self.id)) {
      const sentence = 'this node does not own the key: the sender has another ring'
      const failure = new OperatingError('not-an-owner', sentence)
      counters.countFailure(failure)
      deliver(failure)
      return
    }
    counters.puts += 1
    const end = this.#begin(counters.putLatencies, deliver)
    this.#write(put, placement, undefined, end)
  }

  /**
   * Delivers where the key is; `overloaded`, `receipt-garbled` or `receipt-foreign`. A member that
   * cannot tell is part of the result.
   */
  explain(asked: ClientExplain, deliver: Deliver<Explanation>): void {
    if (this.#isOverloaded(deliver)) return
    const { topology } = this.#node
    const { ownersOnly, deadline } = asked
    const end = this.#begin(undefined, deliver)
    const located = locate(topology, asked)
    if (isFailure(located)) {
      end(located)
      return
    }
    const { copy, placement } = located
    const { token } = copy
    const sealed = asked.receipt.length === 0 ? [] : [asked.receipt]
    const receipts = openedReceipts(this.#node.receipts, copy, sealed)
    if (isFailure(receipts)) {
      end(receipts)
      return
    }
    const question = { copy, placement, ownersOnly, receipt: receipts[0], deadline }
    const partition = topology.ring.partitionOf(token)
    const { n, id } = placement.bucket
    explain(this.#node, question, (nodes) => {
      end(isFailure(nodes) ? nodes : { token, partition, nodes, n, policy: id.policy })
    })
  }

  /** Delivers one page; `overloaded` or a failure that `Scans.run` documents otherwise. */
  scan(scan: ClientScan, deliver: Deliver<ScanResult>): void {
    if (this.#isOverloaded(deliver)) return
    const { counters, scans } = this.#node
    counters.scans += 1
    const end = this.#begin(undefined, deliver)
    perform(
      () => scans.run(scan),
      (page) => end(isFailure(page) ? page : this.#scanResult(scan, page)),
    )
  }

  /**
   * Delivers the put with contexts that cover all it replaces. Only the node that takes a put from
   * its client reads for `seen`, and reads once: an owner that read later would replace newer
   * writes. A put is taken also where fewer than R owners can be read, or none: it replaces what
   * they and hints hold. A strict one is refused then.
   */
  #withContexts(put: ClientPut, { copy, placement }: Located, deliver: Deliver<Prepared>): void {
    const { bucket } = placement
    if (put.replace === 'given') {
      deliver({ known: knownOf(put, copy, bucket, put.contexts), answered: 0, needed: 0 })
      return
    }
    const { seal, gets, clock } = this.#node
    const { owners, ring } = placement
    const needed = requiredOf('r', put.r, placement)
    if (isFailure(needed)) {
      deliver(needed)
      return
    }
    const given = openedContexts(seal, copy, put.contexts)
    if (isFailure(given)) {
      deliver(given)
      return
    }
    // Half of the time is for the write.
    const deadline = (clock.now() + put.deadline) / 2
    const fallbacks = put.strict ? undefined : placement
    gets.run({ copy, owners, ring, needed, deadline, fallbacks }, (found) => {
      if (isFailure(found)) {
        const isTaken = !put.strict && isUnread(found.code)
        const known = knownOf(put, copy, bucket, put.contexts)
        deliver(isTaken ? { known, answered: 0, needed } : found)
        return
      }
      const { object, answered } = found
      const seen = object === undefined ? given : given.join(object.context)
      const contexts = [seal.seal(copy, seen)]
      deliver({ known: knownOf(put, copy, bucket, contexts), answered, needed })
    })
  }

  /**
   * An owner writes. Where its copy has no room for another line, it hands the put on: an owner
   * whose copy has a line continues it. A node that does not own the key hands on, and
   * coordinates the put itself where no owner begins to answer.
   */
  #writeOrHandOn(put: KnownPut, placement: Placement, end: Deliver<PutResult>): void {
    const { topology, forwards } = this.#node
    const { owners, ring } = placement
    const { deadline } = put
    const self = topology.self.id
    if (!owners.includes(self)) {
      const here: CoordinateHere = (known, forOwner, deliver) => {
        this.#write(known, placement, forOwner, deliver)
      }
      const terms = { ring, deadline }
      forwards.run({ put, owners, terms, here: put.strict ? undefined : here }, end)
      return
    }
    this.#write(put, placement, undefined, (own) => {
      if (!isFailure(own) || own.code !== 'context-full') {
        end(own)
        return
      }
      const others = owners.filter((owner) => owner !== self)
      const forward = { put, owners: others, terms: { ring, deadline }, here: undefined }
      forwards.run(forward, (result) => {
        // If they all refused for passing reasons, the answer is this owner's.
        const isPassing = isFailure(result) && result.isRetryable && result.certainty === 'refused'
        end(isPassing ? own : result)
      })
    })
  }

  /** `forOwner`: this node does not own the key, and keeps its copy as a hint for that owner. */
  #write(
    put: KnownPut,
    placement: Placement,
    forOwner: NodeId | undefined,
    end: Deliver<PutResult>,
  ): void {
    const { seal, receipts, puts } = this.#node
    const needed = requiredOf('w', put.w, placement)
    if (isFailure(needed)) {
      end(needed)
      return
    }
    const seen = openedContexts(seal, put, put.contexts)
    if (isFailure(seen)) {
      end(seen)
      return
    }
    puts.run({ put, placement, needed, seen, deadline: put.deadline, forOwner }, (done) => {
      if (isFailure(done)) {
        end(done)
        return
      }
      const context = seal.seal(put, done.covered)
      const receipt = receipts.seal(put, done.receipt)
      end({ context, receipt, holders: done.holders, attempts: 1, ...READ_NOTHING })
    })
  }

  #getResult(of: SealedFor, { object, answered }: Found, needed: number): GetResult {
    if (object === undefined) {
      return { ...NOTHING_FOUND, answered, needed }
    }
    this.#node.counters.sawVersions(object.siblings.length)
    const part = fittingPart(object, ANSWER_VALUES_BYTES_MAX)
    const hasMore = part !== object
    const siblings = valuesOf(part)
    const tombstones = part.siblings.length - siblings.length
    const context = this.#node.seal.seal(of, part.context)
    const stands = receiptOf(object)
    const receipt = stands === undefined ? NO_BYTES : this.#node.receipts.seal(of, stands)
    return { siblings, tombstones, hasMore, context, receipt, answered, needed }
  }

  #scanResult({ withValues }: ClientScan, { bucket, bucketId, keys, cursor }: Page): ScanResult {
    const { seal } = this.#node
    const entries = keys.map(({ key, siblings, context, hasMore }) => {
      const of = { name: { bucket, key }, bucketId }
      const sealed = withValues ? seal.seal(of, context) : NO_BYTES
      return { key, siblings, context: sealed, hasMore }
    })
    return { entries, cursor }
  }

  /** Delivers the refusal where the node has too much in progress. */
  #isOverloaded<T>(deliver: Deliver<T>): boolean {
    const { counters, callsMax } = this.#node
    if (this.#inProgress < callsMax) return false
    const sentence = 'this node has too many requests in progress; try another, or again later'
    const limit = { name: 'calls-max', value: callsMax }
    const details = { retryAfterMs: OVERLOAD_RETRY_MS, limit }
    const failure = new OperatingError('overloaded', sentence, { details })
    counters.countFailure(failure)
    counters.overloadedCalls += 1
    deliver(failure)
    return true
  }

  /** Counts a request as in progress until the returned function delivers its result. */
  #begin<T>(latencies: Latencies | undefined, deliver: Deliver<T>): Deliver<T> {
    const { clock, counters } = this.#node
    const began = clock.now()
    this.#inProgress += 1
    counters.onBegun(latencies)
    return (result) => {
      this.#inProgress -= 1
      counters.onEnded(latencies, clock.now() - began)
      if (isFailure(result)) counters.countFailure(result)
      deliver(result)
    }
  }
}

/**
 * A member to which the put is handed on need not know a bucket that was created: it is told W. By
 * name: a spread of as many fields takes several times as long.
 */
function knownOf(
  { requestId, isRepeat, strict, value, w: asked, deadline }: ClientPut,
  { name, token, bucketId }: CopyId,
  bucket: BucketProperties,
  contexts: readonly Uint8Array[],
): KnownPut {
  const w = asked === 0 && bucketId.creation !== NEVER_CREATED ? bucket.w : asked
  return { name, token, bucketId, requestId, isRepeat, strict, value, contexts, w, deadline }
}
