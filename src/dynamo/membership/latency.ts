/**
 * How long one member takes to answer this node: the mean, and the 99th percentile, of the answers
 * of late.
 *
 * Answers are counted in buckets whose bounds grow by the square root of 2, so the percentile is
 * exact to that factor: enough for a bar of 4 times it. When 1,000 were counted all counts are
 * halved; so old answers lose weight, and a member takes 64 bytes.
 */

const BUCKETS = 32
/** Bound of the first bucket; the last begins at about 11 s. */
const FIRST_MS = 0.25
const COUNTED_MAX = 1_000
/** With fewer answers there is no percentile. */
const COUNTED_MIN = 20
/** Share of the newest answer in the mean. */
const NEWEST_SHARE = 0.1

export class Latency {
  readonly #counts = new Uint16Array(BUCKETS)
  #counted = 0
  #meanMs: number | undefined

  get meanMs(): number | undefined {
    return this.#meanMs
  }

  /** The upper bound of the bucket that holds it; undefined while too little is known. */
  get p99(): number | undefined {
    if (this.#counted < COUNTED_MIN) return undefined
    let above = Math.floor(this.#counted / 100)
    for (let bucket = BUCKETS - 1; bucket > 0; bucket--) {
      above -= this.#counts[bucket] as number
      if (above < 0) return FIRST_MS * 2 ** (bucket / 2)
    }
    return FIRST_MS
  }

  add(ms: number): void {
    const bucket = Math.ceil(2 * Math.log2(Math.max(FIRST_MS, ms) / FIRST_MS))
    const at = Math.min(BUCKETS - 1, bucket)
    this.#counts[at] = (this.#counts[at] as number) + 1
    this.#counted += 1
    this.#meanMs =
      this.#meanMs === undefined ? ms : this.#meanMs + (ms - this.#meanMs) * NEWEST_SHARE
    if (this.#counted < COUNTED_MAX) return
    this.#counted = 0
    for (let i = 0; i < BUCKETS; i++) {
      const half = (this.#counts[i] as number) >>> 1
      this.#counts[i] = half
      this.#counted += half
    }
  }
}
