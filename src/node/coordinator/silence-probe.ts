/**
 * Tells members that are silent from those that are slow: asks for a sign of life, and looks a
 * while later whether anything has come. A member from which nothing came is avoided from then on,
 * until it is heard (Dynamo 4.8.3).
 *
 * Why a fixed while, and not one that requests took of late: a process that lives answers a ping
 * with its next turn, however long its requests take; and requests that waited for silent members
 * would make the while longer.
 */
import type { NodeId } from '../../dynamo/names.ts'
import type { PeerCalls } from '../cluster/peer-calls.ts'

type Probing = Pick<PeerCalls, 'probe' | 'suspectSince'>

const PROBE_MS = 100

export class SilenceProbe {
  readonly #peers: Probing
  readonly #began: number
  /** What `suspectSince` wants to know. */
  readonly #probed = new Map<NodeId, number>()

  /** `now`, here and below, is an instant of the node's clock, in milliseconds. */
  constructor(peers: Probing, members: readonly NodeId[], now: number) {
    this.#peers = peers
    this.#began = now
    for (const node of members) {
      const probed = peers.probe(node)
      if (probed !== undefined) this.#probed.set(node, probed)
    }
  }

  /** Avoids those that are silent, once `PROBE_MS` have passed; false before. */
  hasEnded(now: number): boolean {
    if (now - this.#began < PROBE_MS) return false
    for (const [node, probed] of this.#probed) this.#peers.suspectSince(node, probed)
    return true
  }
}
