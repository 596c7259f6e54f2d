/**
 * The hints that this member keeps for others: how much room they have, what is on its way home,
 * and the removal of what has arrived.
 *
 * A hint is a copy in the place of the member that it is for (`replica.ts` writes it like any
 * other). Here is what hints have beside that: a bound in bytes, pages of them in token order for
 * the courier, and deliveries. A write that would pass the bound is refused as `hints-full`, and
 * its coordinator asks the next fallback; deliveries and removals go on meanwhile.
 */
import { OperatingError } from '../../base/errors.ts'
import { type CopyId, isOwn, OWN, type Place } from '../../dynamo/names.ts'
import { Delivery } from '../../dynamo/handoff/delivery.ts'
import { FIRST_TOKEN, LAST_TOKEN } from '../../dynamo/ring/partition.ts'
import type { Token } from '../../native/digest.ts'
import type { Engine, PlaceReport } from '../../store/engine.ts'
import { mapKeyOf } from './key-steps.ts'

/** Hints of one page. */
export interface HintsPage {
  readonly copies: readonly CopyId[]
  /** Where to go on; undefined when the last hint was reached. */
  readonly next: Token | undefined
}

export class Hints {
  readonly #engine: Engine
  readonly #bytesMax: number
  readonly #deliveries = new Map<string, Delivery>()

  constructor(engine: Engine, bytesMax: number) {
    this.#engine = engine
    this.#bytesMax = bytesMax
  }

  get bytesMax(): number {
    return this.#bytesMax
  }

  /** Members with hints here, how many, and their bytes. */
  get places(): readonly PlaceReport[] {
    return this.#engine.places().filter(({ place }) => place !== OWN)
  }

  /** Hints whose delivery has begun and not ended. */
  get underWay(): number {
    return this.#deliveries.size
  }

  /** Fails with `hints-full` where the hints have no room for so many bytes more. */
  admit(copy: CopyId, bytes: number): void {
    if (isOwn(copy)) return
    const taken = this.places.reduce((sum, place) => sum + place.bytes, 0)
    if (taken + bytes <= this.#bytesMax) return
    const limit = { name: 'hint-bytes', value: this.#bytesMax }
    const sentence = 'the space for hints of this node is full: ask the next member'
    throw new OperatingError('hints-full', sentence, { details: { limit } })
  }

  /** A copy takes a write, or sees that it has it. */
  onAccepted(copy: CopyId): void {
    if (!isOwn(copy)) this.#deliveries.get(mapKeyOf(copy))?.onAccepted()
  }

  /** The hints for a member from a token on: at most `keysMax` keys of `bytesMax` bytes. */
  async page(
    place: Place,
    from: Token | undefined,
    { keysMax, bytesMax }: { readonly keysMax: number; readonly bytesMax: number },
  ): Promise<HintsPage> {
    const query = { place, from: from ?? FIRST_TOKEN, to: LAST_TOKEN, keysMax, bytesMax }
    const { entries, next } = await this.#engine.digests(query)
    const copies = entries.map(({ bucketId, token, name }) => ({ place, bucketId, token, name }))
    return { copies, next }
  }

  /** Begins a delivery of this hint. Read the hint after it, so that no write is missed. */
  begin(copy: CopyId): Delivery {
    const delivery = new Delivery()
    this.#deliveries.set(mapKeyOf(copy), delivery)
    return delivery
  }

  end(copy: CopyId): void {
    this.#deliveries.delete(mapKeyOf(copy))
  }
}
