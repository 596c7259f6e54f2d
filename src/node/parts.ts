/**
 * What the workers of one node share.
 */
import type { Config } from '../config.ts'
import type { ContextSeal } from '../dynamo/version/context-seal.ts'
import type { World } from '../world/world.ts'
import type { Peers } from './cluster/peers.ts'
import type { Replica } from './replica/replica.ts'
import type { Counters } from './report.ts'
import type { Topology } from './cluster/topology.ts'

export interface Parts {
  readonly config: Config
  readonly world: World
  readonly topology: Topology
  readonly replica: Replica
  readonly peers: Peers
  readonly seal: ContextSeal
  readonly counters: Counters
}
