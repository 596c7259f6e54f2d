/**
 * Sends what a get has merged to the owners that lack some of it; they merge it like any write.
 *
 * It follows the answer and delays no client; a monotonic get waits for as many as make R.
 * (Dynamo 5)
 */
import { type Deliver, isFailure, perform } from '../../base/deliver.ts'
import type { OperatingError } from '../../base/errors.ts'
import type { CopyId, NodeId } from '../../dynamo/names.ts'
import type { VersionedObject } from '../../dynamo/version/object.ts'
import type { Trace } from '../../world/trace.ts'
import type { PeerCalls, Terms } from '../cluster/peer-calls.ts'
import type { Counters } from '../counters.ts'
import type { Replica } from '../replica/replica.ts'

export interface RepairDependencies {
  readonly trace: Trace
  readonly self: NodeId
  readonly replica: Replica
  readonly peers: Pick<PeerCalls, 'writeCopy'>
  readonly counters: Counters
}

export interface Repair {
  readonly copy: CopyId
  readonly object: VersionedObject
  /** The same, encoded. */
  readonly bytes: Uint8Array
  readonly owners: readonly NodeId[]
  readonly terms: Terms
}

/** Calls `onEnd` once for each owner: undefined where it holds the object durably. */
export function repair(
  node: RepairDependencies,
  { copy, object, bytes, owners, terms }: Repair,
  onEnd: (owner: NodeId, failure: OperatingError | undefined) => void,
): void {
  for (const owner of owners) {
    node.counters.repairs += 1
    node.trace.record('read-repaired', { node: owner })
    const end = (failure: OperatingError | undefined): void => {
      if (failure !== undefined) node.trace.record('repair-failed', { node: owner })
      onEnd(owner, failure)
    }
    if (owner === node.self) repairSelf(node.replica, copy, object, terms.deadline, end)
    else node.peers.writeCopy(owner, copy, bytes, terms, end)
  }
}

function repairSelf(
  replica: Replica,
  copy: CopyId,
  object: VersionedObject,
  deadline: number,
  end: Deliver<undefined>,
): void {
  perform(
    () => replica.merge(copy, object, 'sent', deadline),
    (sequence) => {
      if (isFailure(sequence)) end(sequence)
      else replica.whenSynced(sequence, end)
    },
  )
}
