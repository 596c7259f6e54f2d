/**
 * Counts, for each start, the copies and hints here whose context names it: what a member says when
 * a round opens (docs/design.md 3.6).
 *
 * A start reads the outlines of all copies, page after page, while writes go on. A page may show a
 * copy before or after a write: so a write to what is being read only adds. Where it is not known
 * what a copy named that goes (it had rotted), nothing is taken away. So a count may be too high
 * until the next start, and never too low: a start that stays in a floor does no harm. Of starts
 * that no copy names any more it is remembered when one did last: a message may be on its way.
 */
import { compareU64 } from '../../base/u64.ts'
import { type CopyId, OWN, type Place, type Start } from '../../dynamo/names.ts'
import { FIRST_TOKEN, LAST_TOKEN } from '../../dynamo/ring/partition.ts'
import type { Opening } from '../../dynamo/repair/round.ts'
import { decodeOutline } from '../../dynamo/version/object-bytes.ts'
import type { VersionedObject } from '../../dynamo/version/object.ts'
import { SCAN_PAGE_BYTES_MAX, SCAN_PAGE_KEYS_MAX } from '../../limits.ts'
import type { Token } from '../../native/digest.ts'
import type { Engine, ScanPage } from '../../store/engine.ts'
import { besideRot } from './rot.ts'

type Counted = Pick<VersionedObject, 'context'>

export class NamedStarts {
  readonly #engine: Engine
  readonly #counts = new Map<Start, number>()
  /** Starts that no copy names any more: the round that had opened last when one did. */
  readonly #leftIn = new Map<Start, number>()
  #firstOpened: number | undefined
  #lastOpened = 0
  /** By place, from where on copies are not read yet. Another place is read. */
  readonly #unread = new Map<Place, Token>()
  #isBuilt = false
  #isStopped = false

  constructor(engine: Engine) {
    this.#engine = engine
    for (const { place } of engine.places()) this.#unread.set(place, FIRST_TOKEN)
    this.#unread.set(OWN, FIRST_TOKEN)
  }

  /** All copies are counted. */
  get isBuilt(): boolean {
    return this.#isBuilt
  }

  /** Starts that copies name now. */
  get named(): Iterable<Start> {
    return this.#counts.keys()
  }

  /** With those that were named of late. */
  get size(): number {
    return this.#counts.size + this.#leftIn.size
  }

  /**
   * Takes part in a round. Returns the starts that copies name, or have named since the round
   * `last` opened, which was adopted last; and whether this process has known of all since then.
   */
  open(round: number, last: number): Pick<Opening, 'named' | 'isNamingKnown'> {
    const isNamingKnown = (this.#firstOpened ?? Number.POSITIVE_INFINITY) <= last
    for (const [start, leftIn] of this.#leftIn) {
      if (isNamingKnown && leftIn < last) this.#leftIn.delete(start)
    }
    this.#firstOpened ??= round
    this.#lastOpened = round
    return { named: new Set([...this.#counts.keys(), ...this.#leftIn.keys()]), isNamingKnown }
  }

  /** `onCopy` sees each copy; it rests after each page. Rejects as the engine does. */
  async build(
    onCopy: (copy: CopyId, outline: VersionedObject) => void,
    rest: () => Promise<void> = () => Promise.resolve(),
  ): Promise<void> {
    for (const place of [...this.#unread.keys()]) {
      let from: Token | undefined = FIRST_TOKEN
      while (from !== undefined && !this.#isStopped) {
        const page: ScanPage = await this.#page(place, from)
        for (const { object, ...copy } of page.entries) {
          const outline = decodeOutline(object)
          if (outline === undefined) continue
          this.#count(outline, 1)
          onCopy(copy, outline)
        }
        from = page.next
        if (from === undefined) continue
        this.#unread.set(place, from)
        await rest()
      }
      if (!this.#isStopped) this.#unread.delete(place)
    }
    this.#isBuilt = !this.#isStopped
  }

  stop(): void {
    this.#isStopped = true
  }

  /** A copy was appended, or erased where there is none `after`; `before` if that is known. */
  onReplaced(copy: CopyId, before: Counted | undefined, after: Counted | undefined): void {
    if (before !== undefined && after !== undefined && nameTheSame(before, after)) return
    if (after !== undefined) this.#count(after, 1)
    const from = this.#unread.get(copy.place)
    const isRead = from === undefined || compareU64(copy.token, from) < 0
    if (before !== undefined && isRead) this.#count(before, -1)
  }

  /** So many copies were appended where there were none, and each names this start alone. */
  onAppended(start: Start, count: number): void {
    this.#countStart(start, count)
  }

  #count({ context }: Counted, by: 1 | -1): void {
    let last: Start | undefined
    for (const { start } of context.ranges) {
      // Ranges of one start and node are neighbours; others are counted twice, both times.
      if (start === last) continue
      last = start
      this.#countStart(start, by)
    }
  }

  #countStart(start: Start, by: number): void {
    const count = (this.#counts.get(start) ?? 0) + by
    if (count > 0) {
      this.#counts.set(start, count)
      return
    }
    this.#counts.delete(start)
    this.#leftIn.set(start, this.#lastOpened)
  }

  /** A token whose copies have rotted is passed over: they are mended from others. */
  #page(place: Place, from: Token): Promise<ScanPage> {
    const bounds = { keysMax: SCAN_PAGE_KEYS_MAX, bytesMax: SCAN_PAGE_BYTES_MAX }
    const query = { place, from, to: LAST_TOKEN, ...bounds }
    return besideRot(query, (one) => this.#engine.prefixes(one))
  }
}

function nameTheSame(a: Counted, b: Counted): boolean {
  const [mine, theirs] = [a.context.ranges, b.context.ranges]
  return mine.length === theirs.length && mine.every(({ start }, i) => start === theirs[i]?.start)
}
