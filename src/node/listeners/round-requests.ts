/** Requests of other members that belong to rounds, or to the exchanges that rounds rely on. */
import type { MaybePromise } from '../../base/deliver.ts'
import { isFailure, perform } from '../../base/deliver.ts'
import type { OperatingError } from '../../base/errors.ts'
import { OWN } from '../../dynamo/names.ts'
import { NO_FLOOR } from '../../dynamo/repair/floor.ts'
import { NO_ROUND } from '../../dynamo/repair/round.ts'
import { EXCHANGE_BYTES_MAX } from '../../limits.ts'
import { tokenOf } from '../../native/digest.ts'
import type { Engine } from '../../store/engine.ts'
import type { PeerKey } from '../../wire/message/peer.ts'
import type { IncomingCallOf } from '../../wire/session.ts'
import type { RangeRemoval } from '../background/range-removal.ts'
import type { Pacing } from '../background/pacing.ts'
import type { RoundMember } from '../background/round-member.ts'
import type { Clock } from '../../world/clock.ts'
import type { OwnStanding } from '../cluster/own-standing.ts'
import type { Counters } from '../counters.ts'
import type { Floors } from '../replica/floors.ts'
import type { Copy, Replica } from '../replica/replica.ts'
import { isRot } from '../replica/rot.ts'

export interface RoundRequestsDependencies {
  readonly engine: Engine
  readonly replica: Replica
  readonly floors: Floors
  readonly standing: OwnStanding
  readonly member: RoundMember
  readonly removal: RangeRemoval
  readonly counters: Counters
  readonly clock: Clock
  readonly pacing: Pacing
}

type RoundKind = 'peerObjects' | 'peerRounds' | 'peerOpenRound' | 'peerStepRound' | 'peerRanges'
type RoundCall = { [K in RoundKind]: IncomingCallOf<K> }[RoundKind]

interface Answerable<Reply> {
  answer(reply: Reply): void
  fail(error: OperatingError): void
}

export class RoundRequests {
  readonly #node: RoundRequestsDependencies

  constructor(dependencies: RoundRequestsDependencies) {
    this.#node = dependencies
  }

  onCall(call: RoundCall): void {
    const { member } = this.#node
    switch (call.kind) {
      case 'peerObjects':
        return this.#answer(this.#paced(call), () => this.#objects(call))
      case 'peerRounds':
        return this.#answer(call, () => this.#stand(call))
      case 'peerOpenRound':
        return this.#answer(call, () => member.open(call.request.number, call.request.last))
      case 'peerStepRound':
        return this.#answer(call, () => member.step(call.request))
      case 'peerRanges':
        return this.#answer(call, () => this.#node.removal.answer(call.request))
    }
  }

  /** The call, answered at the pace of background work. */
  #paced<Reply>(call: Answerable<Reply>): Answerable<Reply> {
    const { clock, pacing } = this.#node
    const beganMs = clock.now()
    return {
      answer: (reply) => pacing.answer(beganMs, () => call.answer(reply)),
      fail: (error) => call.fail(error),
    }
  }

  #answer<Reply>(call: Answerable<Reply>, work: () => MaybePromise<Reply>): void {
    perform(work, (reply) => {
      if (!isFailure(reply)) return call.answer(reply)
      this.#node.counters.countFailure(reply)
      return call.fail(reply)
    })
  }

  #stand({ request }: IncomingCallOf<'peerRounds'>) {
    const { replica, floors, standing, member, engine } = this.#node
    const { adopted } = floors
    const { closed, closing } = floors.closed
    const isKnown = adopted.number === request.known
    return {
      start: replica.start,
      isWhole: standing.isWhole,
      adopted: isKnown ? { ...NO_ROUND, number: adopted.number, base: adopted.base } : adopted,
      highest: member.highest,
      closed,
      closing: request.withClosing ? closing : NO_FLOOR,
      durable: engine.report().durableSequence,
      knowsClosed: floors.knowsClosed,
    }
  }

  /** All of one round: where that changes meanwhile they are read once more. */
  async #objects({ request, room }: IncomingCallOf<'peerObjects'>) {
    const { floors } = this.#node
    for (;;) {
      const round = floors.adopted.number
      const objects = await this.#read(request.keys, room)
      if (floors.adopted.number === round) return { round, objects }
    }
  }

  /** At least one; up to the one that has rotted, or that would make the answer too long. */
  async #read(keys: readonly PeerKey[], room: IncomingCallOf<'peerObjects'>['room']) {
    const objects: (Uint8Array | undefined)[] = []
    let bytesLeft = EXCHANGE_BYTES_MAX
    for (const { name, bucketId } of keys) {
      const copy = { place: OWN, bucketId, token: tokenOf(name.bucket, name.key), name }
      let found: Copy | undefined
      try {
        found = await this.#node.replica.readOwn(copy, room)
      } catch (error) {
        if (objects.length > 0 && isRot(error)) break
        throw error
      }
      bytesLeft -= found?.object.length ?? 0
      if (bytesLeft < 0 && objects.length > 0) break
      objects.push(found?.object)
    }
    return objects
  }
}
