/**
 * Count the disks that have lost something since all copies were last whole: the fault account.
 *
 * Design 1 promises that no acknowledged write is lost while fewer than W of the disks that hold it
 * are destroyed before lost copies are rebuilt. A disk that was wiped, restored, made to rot, to
 * misdirect or to forget a write counts as destroyed, though most of it may be sound. Disks of
 * nodes that state one machine count as one, because W counts machines. When exchanges have made
 * all copies whole while all nodes run, the account is emptied. A fault that would exceed the
 * promise is withheld and traced, because the store may lose a write then.
 */
import type { SimTrace } from '../trace.ts'

export class Account {
  readonly #partsMax: number
  readonly #partOf: (machine: number) => string
  readonly #trace: SimTrace
  readonly #damaged = new Set<number>()
  readonly #onDamaged: (machine: number) => void
  /** Faults that were not done since one more would have been too much. */
  withheld = 0
  /** Disks that were damaged; one that was damaged twice counts twice. */
  damages = 0

  /**
   * Requires: `leastW` is the smallest W that any client writes with. `partOf` says which machines
   * count as one.
   */
  constructor(
    leastW: number,
    partOf: (machine: number) => string,
    trace: SimTrace,
    onDamaged: (machine: number) => void,
  ) {
    this.#partsMax = leastW - 1
    this.#partOf = partOf
    this.#trace = trace
    this.#onDamaged = onDamaged
  }

  /** True where the disk of `machine` may be damaged; it then counts as destroyed. */
  mayDamage(machine: number, kind: string): boolean {
    if (new Set([...this.#damaged, machine].map(this.#partOf)).size > this.#partsMax) {
      this.withheld += 1
      this.#trace.mark('fault-withheld', { machine, kind, damaged: [...this.#damaged].join(' ') })
      return false
    }
    this.#damaged.add(machine)
    this.damages += 1
    this.#onDamaged(machine)
    return true
  }

  isDamaged(machine: number): boolean {
    return this.#damaged.has(machine)
  }

  get damaged(): readonly number[] {
    return [...this.#damaged]
  }

  /**
   * Call when all nodes run and every copy of every key is whole. Requires: since it was damaged,
   * each disk was read by a start, so that no damage on it is left unseen.
   */
  clear(): void {
    this.#damaged.clear()
  }
}
