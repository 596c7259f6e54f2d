/**
 * The floors of this member, and what they say of an object that arrives (docs/design.md 3.6).
 *
 * It goes by the round that it adopted once that is durable, and it refuses what is late from the
 * moment at which it closes a round. Trees, whole and floors concern own copies; the closing floor
 * concerns the hints that are kept for others too.
 *
 * Invariant: what a restart could take back counts for nothing, and what it refuses once it refuses
 * for ever, also where the round came to nothing.
 */
import { OperatingError } from '../../base/errors.ts'
import { equalU64 } from '../../base/u64.ts'
import { type CopyId, isOwn, type Start } from '../../dynamo/names.ts'
import { type Floor, joinFloors, leaveOut } from '../../dynamo/repair/floor.ts'
import { broughtHome, isLate } from '../../dynamo/repair/late.ts'
import { NO_ROUND, type RoundFloor } from '../../dynamo/repair/round.ts'
import type { RingDigest } from '../../dynamo/ring/ring.ts'
import type { VersionedObject } from '../../dynamo/version/object.ts'
import { NO_ROUNDS, type RoundsState, writeRounds } from '../../store/rounds.ts'
import type { Clock } from '../../world/clock.ts'
import type { Directory } from '../../world/disk.ts'
import { KeptFile } from './kept-file.ts'

/**
 * How an object arrives: as a write, a hint for another member or a read repair, which may be late;
 * as a hint that comes home; or as the answer to a question that is still open.
 */
export type Arrival = 'sent' | 'home' | 'asked'

export interface FloorsOptions {
  /** Where they are kept; undefined if the engine is not durable. */
  readonly directory: Directory | undefined
  readonly clock: Clock
}

export class Floors {
  /** What is durable. */
  #durable: RoundsState
  /** What is true, and about to be durable. */
  #state: RoundsState
  /** The last round that all members are known to have closed. */
  #settled: RoundFloor = NO_ROUND
  /** The stages of which a round was adopted last, by its number. */
  #adoptedWith: { readonly number: number; readonly of: RingDigest | undefined } = {
    number: 0,
    of: undefined,
  }
  /** How often something was lost. */
  #losses = 0
  readonly #file: KeptFile
  /** Called with the reason why this node must end. */
  onFailed: (reason: OperatingError) => void = () => undefined
  /** Objects that were refused as late. */
  refused = 0

  constructor({ directory, clock }: FloorsOptions, state: RoundsState = NO_ROUNDS) {
    this.#durable = state
    this.#state = state
    this.#file = new KeptFile({
      clock,
      write: async () => {
        const [written, losses] = [this.#state, this.#losses]
        if (directory !== undefined) await writeRounds(directory, written)
        // What was lost meanwhile counts at once.
        if (losses === this.#losses) this.#durable = written
      },
      of: 'the floors of this node',
      onFailed: (reason) => this.onFailed(reason),
    })
  }

  /** The round that this member adopted last. */
  get adopted(): RoundFloor {
    return this.#durable.adopted
  }

  get covered(): RoundFloor | undefined {
    return this.#durable.covered
  }

  /** The number of the last round that was closed here, and all that was. */
  get closed(): Pick<RoundsState, 'closed' | 'closing'> {
    return this.#state
  }

  /** See `RoundsState`. */
  get knowsClosed(): boolean {
    return this.#durable.knowsClosed && this.#state.knowsClosed
  }

  /**
   * What the copy takes of an object; undefined: nothing. Fails with `write-late`, or with
   * `replica-rebuilding` while what is late is not known.
   */
  admit(
    copy: CopyId,
    arrival: Arrival,
    incoming: VersionedObject,
    held: VersionedObject | undefined,
  ): VersionedObject | undefined {
    if (arrival === 'asked') return incoming
    this.requireClosed()
    if (arrival === 'home' && isOwn(copy)) return broughtHome(incoming, held, this.#floors)
    if (!isLate(incoming, held, this.#state.closing)) return incoming
    this.refused += 1
    throw new OperatingError('write-late', 'the write is older than a floor that was closed here')
  }

  /** Fails with `replica-rebuilding` while it is not known what was closed here. */
  requireClosed(): void {
    if (this.knowsClosed) return
    const sentence = 'this node does not know yet what is late: write to another'
    throw new OperatingError('replica-rebuilding', sentence)
  }

  /** What all have closed, in as far as this member knows. */
  get #floors(): readonly Floor[] {
    const { adopted, covered } = this.#durable
    const floors = [adopted.floor, this.#settled.floor]
    return covered === undefined ? floors : [...floors, covered.floor]
  }

  /** All have closed the round: every hint that its floor holds has come home by now. */
  settle(round: RoundFloor): void {
    if (round.number > this.#settled.number) this.#settled = round
  }

  /**
   * Refuses from now on what is at or below the round's floor. `forgotten`: starts that were left
   * out of a floor that all have adopted. Resolves with whether that is durable.
   */
  close({ number, floor }: RoundFloor, forgotten: ReadonlySet<Start>): Promise<boolean> {
    const closing = joinFloors(leaveOut(this.#state.closing, forgotten), floor)
    const closed = Math.max(this.#state.closed, number)
    return this.#become({ ...this.#state, closing, closed })
  }

  /** Another member's closing floor: what this one closed before its disk was lost is among it. */
  async learn(closed: number, closing: Floor): Promise<void> {
    const joined = joinFloors(this.#state.closing, closing)
    const highest = Math.max(this.#state.closed, closed)
    await this.#become({ ...this.#state, closing: joined, closed: highest, knowsClosed: true })
  }

  /** Requires: all that another owner carried after all had closed the round is durable here. */
  cover(round: RoundFloor): Promise<boolean> {
    return this.#become({ ...this.#state, covered: round })
  }

  /**
   * Whether all owned the same when the last round was adopted here as with these stages: no place
   * has moved since, nor been filled. False after a restart, until the next round.
   */
  areOfAdopted(stages: RingDigest): boolean {
    const { number, of } = this.#adoptedWith
    return number === this.adopted.number && of !== undefined && equalU64(of, stages)
  }

  /**
   * Requires: what is at or below its floor is here, durably, or replaced. `stages`: those of the
   * round, where this member took part to the end.
   */
  adopt(round: RoundFloor, stages?: RingDigest): Promise<boolean> {
    const { adopted, covered } = this.#state
    if (adopted.number >= round.number) return Promise.resolve(true)
    this.#adoptedWith = { number: round.number, of: stages }
    const isLeft = covered !== undefined && covered.number > round.number
    return this.#become({ ...this.#state, adopted: round, covered: isLeft ? covered : undefined })
  }

  /**
   * Of the copies here something is lost: what was adopted and covered is void. Where the disk was
   * emptied or set back, it `forgetsClosed` too.
   */
  lose(forgetsClosed: boolean): void {
    const knowsClosed = this.#state.knowsClosed && !forgetsClosed
    this.#settled = NO_ROUND
    void this.#become({ ...this.#state, adopted: NO_ROUND, covered: undefined, knowsClosed })
    this.#durable = this.#state
    this.#losses += 1
  }

  /** Resolves when what was lost and closed so far is written; with false where that failed. */
  get written(): Promise<boolean> {
    return this.#file.written
  }

  /** Resolves when everything is written, or there is no room for it. */
  stop(): Promise<void> {
    return this.#file.close()
  }

  #become(state: RoundsState): Promise<boolean> {
    this.#state = state
    return this.#file.save()
  }
}
