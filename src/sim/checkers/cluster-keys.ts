/**
 * Check that a cluster key signs nowhere before all members have it, and that none is forgotten.
 *
 *     trace.watch('keys-held', ({ keys }, machine) => checker.held(machine, String(keys)))
 *     trace.watch('key-kept', ({ key }, machine) => checker.kept(machine, String(key)))
 *     trace.watch('key-signs', ({ key }, machine) => {
 *       checker.signs(machine, String(key), members())
 *     })
 *     checker.lost(machine)        // its disk was emptied or damaged: it may lack keys
 *     checker.agreed()             // all have the same keys: none lacks any from then on
 *     violations.push(...checker.violations)
 *
 * It goes by what nodes record once it is durable, not by what they tell each other.
 */
import { Findings } from './findings.ts'

export class ClusterKeysChecker {
  readonly #found = new Findings()
  readonly #kept = new Map<number, Set<string>>()
  readonly #dropped = new Set<string>()
  /** Machines that may lack what they kept. */
  readonly #lost = new Set<number>()

  get violations(): readonly string[] {
    return this.#found.sentences
  }

  /** A start found these keys, with spaces between them. */
  held(machine: number, keys: string): void {
    const held = new Set(keys.split(' '))
    if (this.#lost.has(machine)) {
      this.#kept.set(machine, held)
      return
    }
    for (const key of this.#kept.get(machine) ?? []) {
      if (held.has(key) || this.#dropped.has(key)) continue
      this.#found.say('key forgotten', `node ${machine} had kept ${key}, and starts without it`)
    }
    for (const key of held) this.kept(machine, key)
  }

  /** A node has written a key down. */
  kept(machine: number, key: string): void {
    const kept = this.#kept.get(machine) ?? new Set()
    this.#kept.set(machine, kept.add(key))
  }

  dropped(key: string): void {
    this.#dropped.add(key)
  }

  /** A node signs with a key from now on; `members` run on these machines, and are not gone. */
  signs(machine: number, key: string, members: readonly number[]): void {
    for (const other of members) {
      if (this.#lost.has(other) || this.#kept.get(other)?.has(key) === true) continue
      this.#found.say('key signs early', `node ${machine} signs with ${key}, unknown to ${other}`)
    }
  }

  /** What is on its disk may be older than what it kept. */
  lost(machine: number): void {
    this.#lost.add(machine)
  }

  /** All members run and have the same keys. */
  agreed(): void {
    this.#lost.clear()
  }
}
