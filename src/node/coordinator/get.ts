/**
 * Drives `quorum/get.ts`: carries one read to the owners and back, then repairs who was behind.
 *
 * The answer goes out first; read repair follows it and nobody waits for it (Dynamo 5).
 */
import { OperatingError } from '../../base/errors.ts'
import type { KeyName, NodeId } from '../../dynamo/names.ts'
import { type Ask, type CopyAnswer, GetRound } from '../../dynamo/quorum/get.ts'
import { decodeObject, encodeObject } from '../../dynamo/version/object-bytes.ts'
import type { VersionedObject } from '../../dynamo/version/object.ts'
import type { Token } from '../../native/digest.ts'
import type { Answer } from '../../wire/session.ts'
import type { Timer } from '../../world/clock.ts'
import { type Deliver, isFailure, perform } from '../../base/deliver.ts'
import type { Parts } from '../parts.ts'

export interface ReadRequest {
  readonly name: KeyName
  readonly token: Token
  /** 0: the bucket's own. */
  readonly r: number
  /** An instant of the node's clock. */
  readonly deadline: number
}

/** Sooner a hedge would cost more than it saves. */
const HEDGE_MS_MIN = 2

const FAILED: CopyAnswer = { kind: 'failed' }
const ABSENT: CopyAnswer = { kind: 'absent' }

/**
 * Reads `request.name` from R owners. Delivers all siblings together, undefined where there is
 * nothing; or `quorum-wrong`, `replicas-short`, `deadline-passed`.
 */
export function read(
  parts: Parts,
  request: ReadRequest,
  deliver: Deliver<VersionedObject | undefined>,
): void {
  const { topology, peers } = parts
  const owners = topology.ownersOf(request.token, request.name.bucket).map((owner) => owner.id)
  const quorums = topology.quorumsOf(request.name.bucket)
  const r = request.r === 0 ? quorums.r : request.r
  if (r > quorums.n) {
    deliver(new OperatingError('quorum-wrong', `r is ${r}; the bucket keeps ${quorums.n} copies`))
    return
  }
  if (r > owners.length) {
    deliver(tooFew(0, r, `the cluster has only ${owners.length} members`))
    return
  }
  const ordered = nearestFirst(owners, topology.self.id, (node) => peers.isConnected(node))
  new Read(parts, request, new GetRound(ordered, r), r, deliver).begin()
}

/**
 * The same, from owners other than this node: as many as `request.r`, or all of them where they are
 * fewer. Where this node is the only owner there is nothing to be found.
 */
export function readFromOthers(
  parts: Parts,
  request: ReadRequest,
  deliver: Deliver<VersionedObject | undefined>,
): void {
  const { topology, peers } = parts
  const { id: self } = topology.self
  const owners = topology.ownersOf(request.token, request.name.bucket).map((owner) => owner.id)
  const others = owners.filter((owner) => owner !== self)
  if (others.length === 0) {
    deliver(undefined)
    return
  }
  const r = Math.min(request.r, others.length)
  const ordered = nearestFirst(others, self, (node) => peers.isConnected(node))
  new Read(parts, request, new GetRound(ordered, r), r, deliver).begin()
}

/** This node, then those it is connected to, then the rest. */
export function nearestFirst(
  owners: readonly NodeId[],
  self: NodeId,
  isConnected: (node: NodeId) => boolean,
): readonly NodeId[] {
  const rank = (node: NodeId): number => (node === self ? 0 : isConnected(node) ? 1 : 2)
  return owners.toSorted((a, b) => rank(a) - rank(b))
}

/** A read is late once nineteen of twenty would have been answered (docs/design.md 3.4). */
function hedgeAfter({ config, counters }: Parts): number {
  return Math.max(HEDGE_MS_MIN, Math.min(config.hedgeMs, counters.getLatencies.lateMs))
}

function tooFew(answered: number, needed: number, why: string): OperatingError {
  return new OperatingError(
    'replicas-short',
    `${answered} of the ${needed} replicas that must answer did: ${why}; try again, or with less`,
  )
}

class Read {
  readonly #parts: Parts
  readonly #request: ReadRequest
  readonly #round: GetRound
  readonly #needed: number
  readonly #deliver: Deliver<VersionedObject | undefined>
  #timer: Timer | undefined
  #isDelivered = false

  constructor(
    parts: Parts,
    request: ReadRequest,
    round: GetRound,
    needed: number,
    deliver: Deliver<VersionedObject | undefined>,
  ) {
    this.#parts = parts
    this.#request = request
    this.#round = round
    this.#needed = needed
    this.#deliver = deliver
  }

  begin(): void {
    this.#askAll(this.#round.begin())
    if (!this.#isDelivered) this.#wait(hedgeAfter(this.#parts), true)
  }

  /** One timer at a time: for being late while anybody is left to ask, then for the deadline. */
  #wait(delayMs: number, isHedge: boolean): void {
    const { clock } = this.#parts.world
    const left = this.#request.deadline - clock.now()
    this.#timer = clock.after(Math.max(0, Math.min(delayMs, left)), () => {
      if (!isHedge || left <= delayMs) {
        this.#end(new OperatingError('deadline-passed', 'not enough replicas answered in time'))
        return
      }
      const asks = this.#round.onLate()
      this.#parts.counters.hedges += asks.length
      this.#askAll(asks)
      // Whoever was asked instead may be silent too: the next one is asked as long as there is one.
      if (this.#isDelivered) return
      if (asks.length > 0) this.#wait(hedgeAfter(this.#parts), true)
      else this.#wait(Number.POSITIVE_INFINITY, false)
    })
  }

  #askAll(asks: readonly Ask[]): void {
    for (const ask of asks) {
      if (ask.node === this.#parts.topology.self.id) this.#askSelf(ask)
      else this.#askPeer(ask)
    }
  }

  #askSelf({ node, digestOnly }: Ask): void {
    const { replica } = this.#parts
    const { name, token } = this.#request
    if (digestOnly) {
      perform(
        () => replica.digest(name, token),
        (digest) => {
          if (isFailure(digest)) this.#onAnswer(node, FAILED)
          else this.#onAnswer(node, digest === undefined ? ABSENT : { kind: 'digest', digest })
        },
      )
      return
    }
    perform(
      () => replica.read(name, token),
      (copy) => {
        if (isFailure(copy)) this.#onAnswer(node, FAILED)
        else if (copy === undefined) this.#onAnswer(node, ABSENT)
        else this.#onAnswer(node, objectAnswer(copy.object, copy.digest))
      },
    )
  }

  #askPeer({ node, digestOnly }: Ask): void {
    const { name, deadline } = this.#request
    const { topology, world, peers } = this.#parts
    const deadlineMs = Math.max(1, Math.floor(deadline - world.clock.now()))
    const request = { name, ring: topology.ring.digest, digestOnly, deadlineMs }
    peers.call(node, 'peerRead', request, (answer) => {
      this.#onAnswer(node, copyAnswer(answer, digestOnly))
    })
  }

  #onAnswer(node: NodeId, answer: CopyAnswer): void {
    if (this.#isDelivered) return
    const asks = this.#round.onAnswer(node, answer)
    const outcome = this.#round.outcome
    switch (outcome.kind) {
      case 'waiting':
        this.#askAll(asks)
        return
      case 'short':
        this.#end(tooFew(outcome.answered, this.#needed, 'the others are away'))
        return
      case 'answered':
        this.#end(outcome.object)
        if (outcome.object !== undefined && outcome.behind.length > 0) {
          this.#repair(outcome.object, outcome.behind)
        }
    }
  }

  #end(result: VersionedObject | undefined | OperatingError): void {
    this.#isDelivered = true
    this.#timer?.cancel()
    this.#deliver(result)
  }

  /** Hands those that were behind what they lack; they merge it as they would any write. */
  #repair(object: VersionedObject, behind: readonly NodeId[]): void {
    const { topology, replica, peers, counters, config, world } = this.#parts
    const { name, token } = this.#request
    const bytes = encodeObject(object)
    for (const node of behind) {
      counters.repairs += 1
      world.trace.record('read-repaired', { node })
      const onEnd = (result: unknown): void => {
        if (result instanceof OperatingError) world.trace.record('repair-failed', { node })
      }
      if (node === topology.self.id) {
        perform(() => replica.merge(name, token, object), onEnd)
        continue
      }
      const ring = topology.ring.digest
      const request = { name, ring, object: bytes, deadlineMs: config.deadlineMs }
      peers.call(node, 'peerWrite', request, (answer) => {
        onEnd(isFailure(answer) ? answer : undefined)
      })
    }
  }
}

function objectAnswer(bytes: Uint8Array, digest: { hi: number; lo: number }): CopyAnswer {
  const object = decodeObject(bytes)
  return object === undefined ? FAILED : { kind: 'object', object, digest }
}

function copyAnswer(answer: Answer<'peerRead'>, digestOnly: boolean): CopyAnswer {
  if (isFailure(answer)) return FAILED
  const { isFound, object, digest } = answer
  if (!isFound) return ABSENT
  return digestOnly ? { kind: 'digest', digest } : objectAnswer(object, digest)
}
