/**
 * Steps of moves that other members ask for: of this member as a leaver, and as an owner that a
 * donor gives its copies to.
 *
 * A leaver closes, and ends a move if it is closed still, in the same process and for the same
 * filler: then all that it acknowledged has been asked for since. (docs/design.md, moves of places)
 */
import { OperatingError } from '../../base/errors.ts'
import { equalU64, u64 } from '../../base/u64.ts'
import type { NodeId } from '../../dynamo/names.ts'
import {
  type AttemptId,
  MoveStep,
  type PeerMove,
  type PeerMoveReply,
} from '../../wire/message/peer.ts'
import type { IncomingCallOf, Session } from '../../wire/session.ts'
import type { Takings } from '../background/takings.ts'
import type { Closings } from '../cluster/closings.ts'
import type { OwnStanding } from '../cluster/own-standing.ts'
import type { EndedMove, Rings } from '../cluster/rings.ts'
import type { Topology } from '../cluster/topology.ts'
import type { Counters } from '../counters.ts'

export interface MoveRequestsDependencies {
  readonly topology: Topology
  readonly rings: Rings
  readonly closings: Closings
  readonly takings: Takings
  readonly standing: Pick<OwnStanding, 'isWhole'>
  readonly counters: Counters
}

const NO_ATTEMPT: AttemptId = u64(0, 0)

export class MoveRequests {
  readonly #node: MoveRequestsDependencies

  constructor(dependencies: MoveRequestsDependencies) {
    this.#node = dependencies
  }

  onCall(call: IncomingCallOf<'peerMove'>, { node }: Session): void {
    void this.#answer(call.request, node).then(
      (reply) => call.answer(reply),
      (error: unknown) => {
        if (!(error instanceof OperatingError)) throw error
        this.#node.counters.countFailure(error)
        call.fail(error)
      },
    )
  }

  async #answer(asked: PeerMove, from: NodeId | undefined): Promise<PeerMoveReply> {
    const { topology, rings } = this.#node
    const { step, n, partitions, ring } = asked
    const { stages } = topology
    if (from === undefined) throw new OperatingError('kind-unknown', 'members alone move places')
    if (partitions.some((one) => one >= topology.ring.partitionCount)) throw differs()
    const here = stages.digestOf(partitions.map((one) => [one, n]))
    if (!equalU64(here, ring)) {
      rings.onDiffers(from)
      throw differs()
    }
    switch (step) {
      case MoveStep.close:
        return this.#close(asked, from)
      case MoveStep.end:
        return this.#end(asked, from)
      case MoveStep.reopen:
        this.#node.closings.open(asked.attempt)
        return { attempt: NO_ATTEMPT, isWhole: false }
      case MoveStep.take:
        return { attempt: NO_ATTEMPT, isWhole: this.#take(asked, from) }
    }
  }

  /** Where this member has closed, its filler would not hear of what comes now. */
  #take(asked: PeerMove, from: NodeId): boolean {
    const { closings, takings } = this.#node
    if (asked.partitions.some((one) => closings.isClosed(one, asked.n))) throw differs()
    return takings.ask(from, asked)
  }

  #close({ n, partitions }: PeerMove, from: NodeId): PeerMoveReply {
    const { closings, standing } = this.#node
    this.#requireHanded(n, partitions, from)
    const closing = closings.close({ n, partitions, isWhole: standing.isWhole })
    if (closing === undefined) throw differs()
    return { attempt: closing.attempt, isWhole: closing.isWhole }
  }

  async #end({ n, partitions, attempt }: PeerMove, from: NodeId): Promise<PeerMoveReply> {
    const { closings, rings, topology } = this.#node
    this.#requireHanded(n, partitions, from)
    const closing = closings.of(attempt)
    const isSame = closing?.n === n && closing.partitions.join() === partitions.join()
    if (closing === undefined || !isSame) throw differs()
    const moves = partitions.map((partition): EndedMove => {
      const stage = topology.stages.of(partition, n)
      return { n, partition, stage, isFilled: closing.isWhole }
    })
    // It stays closed until the moves have ended durably: it has told no one by then.
    closings.hold(attempt)
    const hasEnded = await rings.end(moves)
    closings.open(attempt)
    if (!hasEnded) throw differs()
    return { attempt, isWhole: true }
  }

  /** This member is the leaver of all of these, and the sender the filler. */
  #requireHanded(n: number, partitions: readonly number[], from: NodeId): void {
    const { topology, rings } = this.#node
    const isHanded = partitions.every((partition) => {
      const { leaver, filler } = topology.stages.of(partition, n)
      return leaver === topology.self.id && filler === from
    })
    if (rings.isFrozen || rings.view.isOnOtherDisk || !isHanded) throw differs()
  }
}

function differs(): OperatingError {
  const sentence = 'this node does not hand these places over now: it may know a newer table'
  return new OperatingError('ring-differs', sentence)
}
