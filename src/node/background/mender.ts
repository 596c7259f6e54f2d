/**
 * Brings back a copy that has rotted, from the other owners (docs/design.md 3.6, 3.7).
 *
 * A copy that cannot be believed answers no read and counts towards no quorum; the node that finds
 * it asks enough other owners that one of them is among the W that acknowledged any write, and puts
 * what they hold in its place. Where they hold nothing, nothing was acknowledged that this disk did
 * not lose, and the copy is erased: until then every read that needs all owners would fail.
 *
 * Nobody waits for it. What cannot be mended now, since owners are away, is tried again when the
 * copy is next asked for.
 */
import { latin1Of } from '../../base/bytes.ts'
import { OperatingError } from '../../base/errors.ts'
import type { KeyName } from '../../dynamo/names.ts'
import type { VersionedObject } from '../../dynamo/version/object.ts'
import { MENDS_MAX } from '../../limits.ts'
import type { Token } from '../../native/digest.ts'
import { isFailure, perform } from '../../base/deliver.ts'
import type { Parts } from '../parts.ts'
import { readFromOthers } from '../coordinator/get.ts'

export class Mender {
  readonly #parts: Parts
  /** Keys that are being mended. */
  readonly #busy = new Set<string>()

  constructor(parts: Parts) {
    this.#parts = parts
  }

  /** Begins to mend the copy of `name`, unless that is under way or too many are. */
  mend(name: KeyName, token: Token): void {
    const { topology, world, config } = this.#parts
    const key = `${name.bucket.length} ${latin1Of(name.bucket)}${latin1Of(name.key)}`
    if (this.#busy.has(key) || this.#busy.size >= MENDS_MAX) return
    const { n, w } = topology.quorumsOf(name.bucket)
    const deadline = world.clock.now() + config.deadlineMs
    this.#busy.add(key)
    // Any n - w + 1 owners include one of any w.
    readFromOthers(this.#parts, { name, token, r: n - w + 1, deadline }, (found) => {
      if (isFailure(found)) this.#end(key, found)
      else this.#replace(key, name, token, found)
    })
  }

  #replace(key: string, name: KeyName, token: Token, found: VersionedObject | undefined): void {
    perform(
      () => this.#parts.replica.mend(name, token, found),
      (mended) => this.#end(key, mended),
    )
  }

  #end(key: string, result: unknown): void {
    this.#busy.delete(key)
    const { trace } = this.#parts.world
    const isMended = !(result instanceof OperatingError)
    trace.record(isMended ? 'copy-mended' : 'mending-failed', {})
  }
}
