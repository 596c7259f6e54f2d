/** What a replica works with. */
import type { CopyId, NodeId } from '../../dynamo/names.ts'
import type { Engine } from '../../store/engine.ts'
import type { Clock } from '../../world/clock.ts'
import type { Entropy } from '../../world/entropy.ts'
import type { Trace } from '../../world/trace.ts'
import type { Counters } from '../counters.ts'
import type { KeyRange } from './copies.ts'
import type { Floors } from './floors.ts'
import type { Hints } from './hints.ts'
import type { NamedStarts } from './named-starts.ts'
import type { Trees } from './trees.ts'

export interface ReplicaDependencies {
  readonly engine: Engine
  readonly node: NodeId
  /** 16 bytes, the cluster's: see `digestKeyOf`. */
  readonly digestKey: Uint8Array
  readonly clock: Clock
  readonly entropy: Entropy
  readonly trace: Trace
  readonly counters: Counters
  /** Whether all that this node acknowledged is here. */
  readonly isWhole: () => boolean
  /** Whether this node is an owner of the key now, and not about to hand its place over. */
  readonly isOpen: (copy: CopyId) => boolean
  /** The same of all keys from a token to another one. */
  readonly isOpenRange: (range: Pick<KeyRange, 'from' | 'to' | 'n'>) => boolean
  readonly hints: Hints
  readonly trees: Trees
  readonly starts: NamedStarts
  readonly floors: Floors
  /** A request may be repeated for half as long. */
  readonly rememberMs: number
  /** Mends a rotten copy from the other owners; false where that did not succeed. */
  readonly mend: (copy: CopyId) => Promise<boolean>
}
