/**
 * The log of a member of a model: a state in memory, the same on disk, and the batches between.
 *
 * An appended batch is in memory at once and on disk after the next sync. A crash keeps any of the
 * batches that were not synced.
 */

export interface Applicable<State> {
  readonly apply: (state: State) => void
}

export class ModelLog<State, Batch extends Applicable<State>> {
  memory: State
  disk: State
  readonly #clone: (state: State) => State
  #tail: Batch[] = []

  constructor(disk: State, clone: (state: State) => State) {
    this.disk = disk
    this.memory = clone(disk)
    this.#clone = clone
  }

  get tailLength(): number {
    return this.#tail.length
  }

  append(batch: Batch): void {
    this.#tail.push(batch)
    batch.apply(this.memory)
  }

  /** Makes the tail durable; returns it, for its acknowledgements. */
  sync(): readonly Batch[] {
    const synced = this.#tail
    this.#tail = []
    for (const { apply } of synced) apply(this.disk)
    return synced
  }

  /** Those batches of the tail that `isKept` names are on the disk; the others are lost. */
  crash(isKept: (index: number) => boolean): void {
    for (const [i, { apply }] of this.#tail.entries()) if (isKept(i)) apply(this.disk)
    this.replace(this.disk)
  }

  /** Another disk, or another state of it, is in its place. */
  replace(disk: State): void {
    this.disk = disk
    this.#tail = []
    this.memory = this.#clone(disk)
  }
}
