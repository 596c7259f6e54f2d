/**
 * Replaces a rotten copy with what the other owners hold.
 *
 * A rotten copy answers no read and counts towards no quorum. The node that finds one reads the key
 * from n - w + 1 other owners, so that one of them is among the W that acknowledged any write, and
 * puts the result in its place. Where they hold nothing, no write was acknowledged that only this
 * disk holds, and the copy is erased: else every read that needs all owners would fail for ever.
 *
 * A write to the key waits for it: over a rotten copy it would leave out what the others hold, and
 * the copy would count as whole. Where too few owners answer, the next read or write tries again.
 *
 * A rotten hint is erased: nothing can be got from it, it never counts as whole, and what owners
 * hold they have without it. Its disk counts as destroyed, like any that loses a record.
 */
import { isFailure, perform } from '../../base/deliver.ts'
import { type CopyId, isOwn } from '../../dynamo/names.ts'
import type { VersionedObject } from '../../dynamo/version/object.ts'
import { MENDS_MAX } from '../../limits.ts'
import type { Clock } from '../../world/clock.ts'
import type { Trace } from '../../world/trace.ts'
import type { Topology } from '../cluster/topology.ts'
import type { Gets } from '../coordinator/get.ts'
import { placementOfCopy } from '../coordinator/quorums.ts'
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
  /** Keys that are being mended, and who waits for each. */
  readonly #busy = new Map<string, ((isMended: boolean) => void)[]>()

  constructor(dependencies: MenderDependencies) {
    this.#node = dependencies
  }

  /**
   * Mends a copy. Resolves with whether that succeeded; with false at once where too
   * many copies are being mended.
   */
  mend(copy: CopyId): Promise<boolean> {
    const key = mapKeyOf(copy)
    const waiting = this.#busy.get(key)
    if (waiting !== undefined) return new Promise((resolve) => waiting.push(resolve))
    if (this.#busy.size >= MENDS_MAX) return Promise.resolve(false)
    return new Promise((resolve) => {
      this.#busy.set(key, [resolve])
      this.#begin(key, copy)
    })
  }

  #begin(key: string, copy: CopyId): void {
    if (!isOwn(copy)) {
      this.#replace(key, copy, undefined)
      return
    }
    const { topology, clock, gets } = this.#node
    const { owners, ring, bucket } = placementOfCopy(topology, copy)
    const others = owners.filter((owner) => owner !== topology.self.id)
    if (others.length === 0) {
      this.#replace(key, copy, undefined)
      return
    }
    // Any n - w + 1 owners include one of any w.
    const needed = Math.min(bucket.n - bucket.w + 1, others.length)
    const deadline = clock.now() + bucket.deadlineMs
    const read = { copy, owners: others, ring, needed, deadline }
    gets.run(read, (found) => {
      if (isFailure(found)) this.#end(key, false)
      else this.#replace(key, copy, found.object)
    })
  }

  #replace(key: string, copy: CopyId, found: VersionedObject | undefined): void {
    perform(
      () => this.#node.replica.mend(copy, found),
      (result) => this.#end(key, !isFailure(result)),
    )
  }

  #end(key: string, isMended: boolean): void {
    const waiting = this.#busy.get(key) ?? []
    this.#busy.delete(key)
    for (const resolve of waiting) resolve(isMended)
    this.#node.trace.record(isMended ? 'copy-mended' : 'mending-failed', {})
  }
}
