/**
 * Replaces a rotten copy with what the other owners hold.
 *
 * A rotten copy answers no read and counts towards no quorum. The node that finds one reads the key
 * from n - w + 1 other owners, so that one of them is among the W that acknowledged any write, and
 * puts the result in its place. Where they hold nothing, no write was acknowledged that only this
 * disk holds, and the copy is erased: else every read that needs all owners would fail for ever.
 *
 * No request waits for it. Where too few owners answer, the next read of the copy tries again.
 */
import { isFailure, perform } from '../../base/deliver.ts'
import type { KeyName } from '../../dynamo/names.ts'
import type { VersionedObject } from '../../dynamo/version/object.ts'
import { MENDS_MAX } from '../../limits.ts'
import type { Token } from '../../native/digest.ts'
import type { Clock } from '../../world/clock.ts'
import type { Trace } from '../../world/trace.ts'
import type { Topology } from '../cluster/topology.ts'
import type { Gets } from '../coordinator/get.ts'
import { placementOf } from '../coordinator/quorums.ts'
import { mapKeyOf } from '../replica/key-steps.ts'
import type { Replica } from '../replica/replica.ts'

export interface MenderDependencies {
  readonly clock: Clock
  readonly trace: Trace
  readonly topology: Topology
  readonly gets: Gets
  readonly replica: Replica
}

export class Mender {
  readonly #node: MenderDependencies
  /** Keys that are being mended. */
  readonly #busy = new Set<string>()

  constructor(dependencies: MenderDependencies) {
    this.#node = dependencies
  }

  /** Begins to mend the copy of `name`, unless that is under way or too many are. */
  mend(name: KeyName, token: Token): void {
    const { topology, clock, gets } = this.#node
    const key = mapKeyOf(name)
    if (this.#busy.has(key) || this.#busy.size >= MENDS_MAX) return
    this.#busy.add(key)
    const { owners, ring, bucket } = placementOf(topology, token, name.bucket)
    const others = owners.filter((owner) => owner !== topology.self.id)
    if (others.length === 0) {
      this.#replace(key, name, token, undefined)
      return
    }
    // Any n - w + 1 owners include one of any w.
    const needed = Math.min(bucket.n - bucket.w + 1, others.length)
    const deadline = clock.now() + bucket.deadlineMs
    gets.run({ name, token, owners: others, ring, needed, deadline }, (found) => {
      if (isFailure(found)) this.#end(key, false)
      else this.#replace(key, name, token, found)
    })
  }

  #replace(key: string, name: KeyName, token: Token, found: VersionedObject | undefined): void {
    perform(
      () => this.#node.replica.mend(name, token, found),
      (result) => this.#end(key, !isFailure(result)),
    )
  }

  #end(key: string, isMended: boolean): void {
    this.#busy.delete(key)
    this.#node.trace.record(isMended ? 'copy-mended' : 'mending-failed', {})
  }
}
