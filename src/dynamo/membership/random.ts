/** The random numbers that the machines of this folder are handed: seeded in every simulation. */

export interface Random {
  /** A whole number from 0 to `count` - 1. Requires: `count` is at least 1. */
  below(count: number): number
}

/** Puts `items` in random order, in place (Fisher and Yates). */
export function shuffle<T>(items: T[], random: Random): void {
  for (let i = items.length - 1; i > 0; i--) {
    const j = random.below(i + 1)
    const held = items[i] as T
    items[i] = items[j] as T
    items[j] = held
  }
}
