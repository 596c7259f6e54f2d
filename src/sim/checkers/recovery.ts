/**
 * Check that a restarted node still has everything that its log had synced.
 *
 * A simulation reports to it the ends of nodes, the faults of disks, and the results of starts:
 *
 *     recovery.ended(machine, node.durable)       // before the crash or kill of a running node
 *     recovery.replaced(machine)                  // after its disk was emptied
 *     recovery.damaged(machine)                   // when its disk rots, lies or is set back
 *     trace.watch('recovered', (fields, node) => recovery.recovered(node, fields))
 *     trace.watch('rot-found', (_, node) => recovery.rotFound(node))
 *     violations.push(...recovery.violations)
 *
 * A node that ends while it starts has promised nothing new, so the last figures still count.
 *
 * It does not check that a kept record has the right bytes: the record's checksums and the checker
 * of durability do.
 */
import type { Durable } from '../../node/report.ts'
import type { Fields } from '../../world/trace.ts'
import { Findings } from './findings.ts'

const NOTHING: Durable = { sequence: 0, keys: 0, unsyncedMs: 0 }

export class Recovery {
  readonly #promised = new Map<number, Durable>()
  readonly #damaged = new Set<number>()
  readonly #found = new Findings()
  /** Starts that were compared with what was promised. */
  compared = 0

  get violations(): readonly string[] {
    return this.#found.sentences
  }

  /** A running node ends at this moment, in whatever way; so much of its log was synced. */
  ended(machine: number, durable: Durable): void {
    if (!this.#damaged.has(machine)) this.#promised.set(machine, durable)
  }

  /** Its disk has another, empty disk's content: nothing is promised yet, and nothing is rotten. */
  replaced(machine: number): void {
    this.#promised.delete(machine)
    this.#damaged.delete(machine)
  }

  /** What the disk holds is promised no more, and rot may be found, until it is replaced. */
  damaged(machine: number): void {
    this.#promised.delete(machine)
    this.#damaged.add(machine)
  }

  /** A starting node recorded `recovered`, with these fields. */
  recovered(machine: number, fields: Fields): void {
    if (this.#damaged.has(machine)) return
    const { keptSequence, keys, rotten } = fields
    const promised = this.#promised.get(machine) ?? NOTHING
    if (this.#promised.has(machine)) this.compared += 1
    if (!(Number(keptSequence) >= promised.sequence)) {
      const synced = `${promised.sequence} was synced`
      this.#found.say('went back', `node ${machine} kept its log to ${keptSequence}, ${synced}`)
    }
    if (!(Number(keys) >= promised.keys)) {
      const sentence = `node ${machine} found ${keys} keys, at least ${promised.keys} were synced`
      this.#found.say('keys missing', sentence)
    }
    if (rotten !== 0) this.#sayRot(machine)
  }

  /** A node recorded `rot-found`. */
  rotFound(machine: number): void {
    if (!this.#damaged.has(machine)) this.#sayRot(machine)
  }

  #sayRot(machine: number): void {
    this.#found.say('rot', `node ${machine} found rot, and its disk was never harmed`)
  }
}
