/** What answers requests of members. */
import type { Clock } from '../../world/clock.ts'
import type { Pacing } from '../background/pacing.ts'
import type { ClusterKeys } from '../cluster/cluster-keys.ts'
import type { Buckets } from '../cluster/buckets.ts'
import type { Membership } from '../cluster/membership.ts'
import type { PeerLies } from '../cluster/peer-lies.ts'
import type { Rings } from '../cluster/rings.ts'
import type { Topology } from '../cluster/topology.ts'
import type { Coordinator } from '../coordinator/coordinator.ts'
import type { Counters } from '../counters.ts'
import type { HintsHome } from '../replica/hints-home.ts'
import type { Replica } from '../replica/replica.ts'
import type { Trees } from '../replica/trees.ts'
import type { Teller } from '../requests.ts'
import type { MoveRequests } from './move-requests.ts'
import type { JoinRequests } from './join-requests.ts'
import type { RoundRequests } from './round-requests.ts'
import type { TransferRequests } from './transfer-requests.ts'

export interface PeerRequestsDependencies {
  readonly topology: Topology
  readonly coordinator: Coordinator
  readonly replica: Replica
  readonly trees: Trees
  readonly counters: Counters
  readonly rounds: RoundRequests
  readonly joins: JoinRequests
  readonly hintsHome: HintsHome
  readonly teller: Teller
  readonly clock: Clock
  readonly pacing: Pacing
  readonly lies: PeerLies
  readonly membership: Pick<Membership, 'hear' | 'isGone'>
  readonly rings: Pick<Rings, 'hear' | 'onDiffers'>
  readonly moves: Pick<MoveRequests, 'onCall'>
  readonly buckets: Pick<Buckets, 'hear'>
  readonly transfers: Pick<TransferRequests, 'onCall'>
  readonly clusterKeys: Pick<ClusterKeys, 'hear'>
}
