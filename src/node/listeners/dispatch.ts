/**
 * From a message that arrived to the worker that answers it.
 *
 * Clients and peers come through the same door; the wire has checked by then that the message is
 * well formed and that its sender may ask it. Here it is counted, held to its deadline and to the
 * bound on work in progress, and handed on.
 */
import { unreachable } from '../../base/assert.ts'
import { OperatingError } from '../../base/errors.ts'
import { decodeObject } from '../../dynamo/version/object-bytes.ts'
import type { VersionedObject } from '../../dynamo/version/object.ts'
import { DEADLINE_MS_MAX } from '../../limits.ts'
import type { RingDigest } from '../../dynamo/ring/ring.ts'
import type { GetReply, Status } from '../../wire/message/client.ts'
import type { Role } from '../../wire/message/session.ts'
import type { Reply, RequestKind } from '../../wire/message/table.ts'
import type { IncomingCall, IncomingCallOf } from '../../wire/session.ts'
import { forward } from '../coordinator/forward.ts'
import { isFailure, perform } from '../../base/deliver.ts'
import type { Parts } from '../parts.ts'
import { read } from '../coordinator/get.ts'
import type { Latencies } from '../report.ts'
import { scan, scanOwn } from '../coordinator/scan.ts'
import { write } from '../coordinator/put.ts'

export class Dispatch {
  readonly #parts: Parts
  readonly #status: () => Status
  #inProgress = 0

  constructor(parts: Parts, status: () => Status) {
    this.#parts = parts
    this.#status = status
  }

  get inProgress(): number {
    return this.#inProgress
  }

  onCall(call: IncomingCall, role: Role): void {
    // Peers are admitted by the coordinator that asks for them: refusing here would waste its work.
    if (role === 'client' && this.#inProgress >= this.#parts.config.callsMax) {
      const sentence = 'this node has too many requests in progress; try another, or again later'
      this.#fail(call, new OperatingError('overloaded', sentence))
      return
    }
    switch (call.kind) {
      case 'get':
        return this.#get(call)
      case 'put':
        return this.#put(call, role)
      case 'peerRead':
        return this.#peerRead(call)
      case 'peerWrite':
        return this.#peerWrite(call)
      case 'scan': {
        this.#parts.counters.scans += 1
        const deadline = this.#deadlineOf(call.request.bucket, call.request.deadlineMs)
        return this.#later(call, () => scan(this.#parts, call.request, deadline))
      }
      case 'peerRange':
        if (this.#hasOtherRing(call, call.request.ring)) return
        return this.#later(call, () => scanOwn(this.#parts, call.request))
      case 'topology':
        return call.answer(this.#parts.topology.message())
      case 'status':
        return call.answer(this.#status())
      default:
        return unreachable(call)
    }
  }

  #get(call: IncomingCallOf<'get'>): void {
    const { request, token } = call
    const { counters, seal } = this.#parts
    const { name, r } = request
    counters.gets += 1
    const end = this.#begin(counters.getLatencies)
    const deadline = this.#deadlineOf(name.bucket, request.deadlineMs)
    read(this.#parts, { name, token, r, deadline }, (object) => {
      end()
      if (isFailure(object)) return this.#fail(call, object)
      const reply = replyOf(object)
      counters.sawVersions(reply.siblings.length + reply.tombstones)
      const context =
        object === undefined ? NO_BYTES : seal.seal(name.bucket, name.key, object.context)
      return call.answer({ ...reply, context })
    })
  }

  #put(call: IncomingCallOf<'put'>, role: Role): void {
    const { request: put, token } = call
    const { counters, topology } = this.#parts
    const isOwner = topology
      .ownersOf(token, put.name.bucket)
      .some((owner) => owner.id === topology.self.id)
    if (!isOwner && role === 'peer') {
      const sentence = 'this node does not own the key: the sender has another ring'
      return this.#fail(call, new OperatingError('not-an-owner', sentence))
    }
    counters.puts += 1
    const end = this.#begin(counters.putLatencies)
    const request = { put, token, deadline: this.#deadlineOf(put.name.bucket, put.deadlineMs) }
    const drive = isOwner ? write : forward
    drive(this.#parts, request, (reply) => {
      end()
      if (isFailure(reply)) this.#fail(call, reply)
      else call.answer(reply)
    })
  }

  #peerRead(call: IncomingCallOf<'peerRead'>): void {
    const { request, token } = call
    const { replica, counters } = this.#parts
    counters.peerReads += 1
    if (this.#hasOtherRing(call, request.ring)) return
    if (request.digestOnly) {
      perform(
        () => replica.digest(request.name, token),
        (digest) => {
          if (isFailure(digest)) this.#fail(call, digest)
          else if (digest === undefined) call.answer(ABSENT)
          else call.answer({ isFound: true, object: NO_BYTES, digest })
        },
      )
      return
    }
    perform(
      () => replica.read(request.name, token),
      (copy) => {
        if (isFailure(copy)) this.#fail(call, copy)
        else if (copy === undefined) call.answer(ABSENT)
        else call.answer({ isFound: true, object: copy.object, digest: copy.digest })
      },
    )
  }

  #peerWrite(call: IncomingCallOf<'peerWrite'>): void {
    const { request, token } = call
    const { replica, counters } = this.#parts
    counters.peerWrites += 1
    if (this.#hasOtherRing(call, request.ring)) return
    const object = decodeObject(request.object)
    if (object === undefined) {
      const sentence = 'the object is not encoded as objects are'
      return this.#fail(call, new OperatingError('message-garbled', sentence))
    }
    perform(
      () => replica.merge(request.name, token, object),
      (sequence) => {
        if (isFailure(sequence)) return this.#fail(call, sequence)
        return replica.whenSynced(sequence, (error) => {
          if (error === undefined) call.answer(NOTHING_MORE)
          else this.#fail(call, error)
        })
      },
    )
  }

  /** Counts work in progress; the function returned ends it and notes how long it took. */
  #begin(latencies: Latencies): () => void {
    const { clock } = this.#parts.world
    const started = clock.now()
    this.#inProgress += 1
    return () => {
      this.#inProgress -= 1
      latencies.add(clock.now() - started)
    }
  }

  #later<K extends RequestKind>(call: IncomingCallOf<K>, work: () => Promise<Reply<K>>): void {
    this.#inProgress += 1
    perform(work, (result) => {
      this.#inProgress -= 1
      if (isFailure(result)) this.#fail(call, result)
      else call.answer(result)
    })
  }

  #deadlineOf(bucket: Uint8Array, deadlineMs: number): number {
    const asked = deadlineMs === 0 ? this.#parts.topology.quorumsOf(bucket).deadlineMs : deadlineMs
    return this.#parts.world.clock.now() + Math.min(asked, DEADLINE_MS_MAX)
  }

  #hasOtherRing(call: Failing, ring: RingDigest): boolean {
    if (this.#parts.topology.isSameRing(ring)) return false
    const sentence = 'sender and receiver have different rings: give all nodes one list of members'
    this.#fail(call, new OperatingError('ring-differs', sentence))
    return true
  }

  #fail(call: Failing, error: OperatingError): void {
    if (error.certainty === 'in-doubt') this.#parts.counters.inDoubt += 1
    else this.#parts.counters.refused += 1
    call.fail(error)
  }
}

/** Any call, as far as refusing it goes. */
type Failing = Pick<IncomingCall, 'fail'>

const NO_BYTES = new Uint8Array(0)
const NOTHING_MORE = {}
const ABSENT = { isFound: false, object: NO_BYTES, digest: { hi: 0, lo: 0 } } as const

function replyOf(object: VersionedObject | undefined): Omit<GetReply, 'context'> {
  if (object === undefined) return { siblings: [], tombstones: 0 }
  const siblings: Uint8Array[] = []
  for (const { value } of object.siblings) if (value !== undefined) siblings.push(value)
  return { siblings, tombstones: object.siblings.length - siblings.length }
}
