/**
 * Drives `quorum/put.ts`: adds a client's write here, and carries the object to the other owners.
 *
 * Only an owner coordinates; whoever else receives a put forwards it once (`forward.ts`). What
 * travels to the other owners is the whole object: never the new sibling with this node's
 * context, which would cover what a receiver holds and nobody replaced (docs/design.md 3.4).
 *
 * Invariant: before the first append a failure is *refused*; after it, *in doubt*.
 */
import { OperatingError } from '../../base/errors.ts'
import type { KeyName, NodeId } from '../../dynamo/names.ts'
import { canReach, PutRound } from '../../dynamo/quorum/put.ts'
import { Context } from '../../dynamo/version/context.ts'
import { requestIdOf, type Sibling } from '../../dynamo/version/object.ts'
import type { Token } from '../../native/digest.ts'
import type { Put, PutReply } from '../../wire/message/client.ts'
import type { Timer } from '../../world/clock.ts'
import { type Deliver, isFailure, perform } from '../../base/deliver.ts'
import type { Parts } from '../parts.ts'
import { read } from './get.ts'
import type { LocalWrite } from '../replica/replica.ts'

export interface WriteRequest {
  readonly put: Put
  readonly token: Token
  /** An instant of the node's clock. */
  readonly deadline: number
}

/**
 * Coordinates one put as an owner. Delivers a context that covers what the client saw, what it
 * replaced and its own write; or with what `Put` documents.
 */
export function write(parts: Parts, request: WriteRequest, deliver: Deliver<PutReply>): void {
  const { topology, peers, seal } = parts
  const { name, contexts } = request.put
  const owners = topology.ownersOf(request.token, name.bucket).map((owner) => owner.id)
  const quorums = topology.quorumsOf(name.bucket)
  const w = request.put.w === 0 ? quorums.w : request.put.w
  if (w > quorums.n) {
    deliver(new OperatingError('quorum-wrong', `w is ${w}; the bucket keeps ${quorums.n} copies`))
    return
  }
  const opened = seal.openAll(name.bucket, name.key, contexts)
  if (opened.kind === 'refused') {
    deliver(new OperatingError(opened.code, CONTEXT_ADVICE[opened.code]))
    return
  }
  const isPresent = (node: NodeId): boolean => node === topology.self.id || peers.isConnected(node)
  if (!canReach(owners, isPresent, w)) {
    deliver(
      new OperatingError(
        'replicas-short',
        `fewer than ${w} owners of this key are here; try again`,
      ),
    )
    return
  }
  const work = new Write(parts, request, owners, w, deliver)
  if (request.put.replace === 'given') work.begin(opened.context)
  else replaceSeen(parts, request, opened.context, work, deliver)
}

const CONTEXT_ADVICE = {
  'context-garbled': 'a context must be given back byte for byte as it came',
  'context-foreign': 'this context belongs to another key; give each key the context of its get',
  'context-forged': 'this context was not made by this cluster; read the key again',
  'context-key-unknown': 'this node does not know the key that signed the context; try another',
  'contexts-too-many': 'a put takes at most one context a replica',
} as const

/** Reads at R first, and replaces what the read finds beside what the client names. */
function replaceSeen(
  parts: Parts,
  request: WriteRequest,
  given: Context,
  work: Write,
  deliver: Deliver<PutReply>,
): void {
  const { put, token, deadline } = request
  read(parts, { name: put.name, token, r: put.r, deadline }, (object) => {
    if (isFailure(object)) deliver(object)
    else work.begin(object === undefined ? given : given.join(object.context))
  })
}

class Write {
  readonly #parts: Parts
  readonly #request: WriteRequest
  readonly #owners: readonly NodeId[]
  readonly #needed: number
  readonly #round: PutRound
  readonly #deliver: Deliver<PutReply>
  #timer: Timer | undefined
  #reply: PutReply | undefined
  #isDelivered = false

  constructor(
    parts: Parts,
    request: WriteRequest,
    owners: readonly NodeId[],
    needed: number,
    deliver: Deliver<PutReply>,
  ) {
    this.#parts = parts
    this.#request = request
    this.#owners = owners
    this.#needed = needed
    this.#round = new PutRound(owners, needed)
    this.#deliver = deliver
  }

  begin(seen: Context): void {
    const { replica, world } = this.#parts
    const { put, token, deadline } = this.#request
    if (world.clock.now() >= deadline) {
      this.#parts.counters.expired += 1
      this.#deliver(
        new OperatingError('deadline-passed', 'the deadline passed before the write began'),
      )
      return
    }
    const write = { requestId: requestIdOf(put.requestId), value: put.value, seen }
    perform(
      () => replica.write(put.name, token, write),
      (local) => {
        if (isFailure(local)) this.#deliver(local)
        else this.#onLocal(local, seen)
      },
    )
  }

  #onLocal(local: LocalWrite, seen: Context): void {
    const { outcome, object, sequence } = local
    const { name } = this.#request.put
    if (outcome.kind === 'refused') {
      this.#deliver(
        new OperatingError(
          outcome.code,
          `${REFUSAL_ADVICE[outcome.code]} (${outcome.count} > ${outcome.limit})`,
        ),
      )
      return
    }
    if (outcome.kind !== 'written') this.#parts.world.trace.record('put-repeated')
    const covered =
      outcome.kind === 'written'
        ? seen.with(outcome.fresh)
        : outcome.kind === 'repeated'
          ? seen.join(dotsOf(outcome.sibling))
          : seen
    const context = this.#parts.seal.seal(name.bucket, name.key, covered)
    this.#reply = { context, attempts: 1 }
    this.#spread(name, object)
    this.#awaitOwn(sequence)
    if (!this.#isDelivered) this.#awaitDeadline()
  }

  #spread(name: KeyName, object: Uint8Array): void {
    const { topology, peers, world } = this.#parts
    const deadlineMs = Math.max(1, Math.floor(this.#request.deadline - world.clock.now()))
    const request = { name, ring: topology.ring.digest, object, deadlineMs }
    for (const node of this.#owners) {
      if (node === topology.self.id) continue
      peers.call(node, 'peerWrite', request, (answer) => {
        this.#onCounted(node, !isFailure(answer))
      })
    }
  }

  /** This node's own copy counts once it would survive a power cut. */
  #awaitOwn(sequence: number): void {
    const { replica, topology } = this.#parts
    replica.whenSynced(sequence, (error) => {
      this.#onCounted(topology.self.id, error === undefined)
    })
  }

  #awaitDeadline(): void {
    const { clock } = this.#parts.world
    this.#timer = clock.after(Math.max(0, this.#request.deadline - clock.now()), () =>
      this.#end(this.#doubt('in time')),
    )
  }

  #onCounted(node: NodeId, isHeld: boolean): void {
    if (this.#isDelivered) return
    const verdict = isHeld ? this.#round.onHeld(node) : this.#round.onFailed(node)
    if (verdict === 'reached') this.#end(this.#reply as PutReply)
    else if (verdict === 'impossible') this.#end(this.#doubt('durably'))
  }

  #doubt(how: string): OperatingError {
    return new OperatingError(
      'write-in-doubt',
      `${this.#round.held} of the ${this.#needed} owners hold the write ${how}; ` +
        'it may be applied: send it again with the same request id',
    )
  }

  #end(result: PutReply | OperatingError): void {
    this.#isDelivered = true
    this.#timer?.cancel()
    this.#deliver(result)
  }
}

const REFUSAL_ADVICE = {
  'context-full': 'the causal context of this key is full; try another coordinator',
  'siblings-full': 'this key has too many siblings; read and reconcile them first',
  'object-too-large': 'the siblings of this key together are too large; reconcile them first',
  'request-id-wrong': 'this request id was used for another value; draw a fresh one for each put',
} as const

/** A context of a sibling's own dots: what its writer knows of it. */
function dotsOf(sibling: Sibling): Context {
  return Context.of(sibling.dots.map((dot) => ({ ...dot, first: dot.counter, last: dot.counter })))
}
