/**
 * What this member, as an owner, takes from donors: members that hold copies of what they do not
 * own. A donor names an attempt; once an exchange with it that began since is complete, it is told
 * so, and drops its copies when all owners have said that.
 *
 * Invariant: one exchange a donor at a time; the last attempt of each is remembered.
 */
import { equalU64 } from '../../base/u64.ts'
import type { NodeId } from '../../dynamo/names.ts'
import type { AttemptId, PeerMove } from '../../wire/message/peer.ts'

/** Exchanges with a donor, of these partitions; resolves with true where that was complete. */
export type TakeFrom = (
  donor: NodeId,
  scope: Pick<PeerMove, 'n' | 'partitions'>,
) => Promise<boolean>

interface Taking {
  readonly attempt: AttemptId
  readonly n: number
  readonly partitions: string
  isUnderWay: boolean
  isDone: boolean
}

export class Takings {
  readonly #take: TakeFrom
  readonly #byDonor = new Map<NodeId, Taking>()

  constructor(take: TakeFrom) {
    this.#take = take
  }

  /** Whether all that the donor holds of these partitions is durable here; begins to take it. */
  ask(donor: NodeId, { attempt, n, partitions }: PeerMove): boolean {
    const key = partitions.join()
    const known = this.#byDonor.get(donor)
    const isSame =
      known !== undefined &&
      equalU64(known.attempt, attempt) &&
      known.n === n &&
      known.partitions === key
    if (isSame && known.isDone) return true
    if (known?.isUnderWay === true || (isSame && known.isUnderWay)) return false
    const taking: Taking = { attempt, n, partitions: key, isUnderWay: true, isDone: false }
    this.#byDonor.set(donor, taking)
    void this.#take(donor, { n, partitions }).then((isDone) => {
      taking.isDone = isDone
      taking.isUnderWay = false
    })
    return false
  }
}
