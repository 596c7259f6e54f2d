/** The random bytes that a node may use, for ids, starts, nonces and seeds. */

export interface Entropy {
  /** `count` fresh bytes, 1 to 1,024. Unpredictable on the real machine, seeded in simulation. */
  bytes(count: number): Uint8Array
}
