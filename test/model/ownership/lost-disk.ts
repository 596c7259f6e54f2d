/** Loses the one disk of a history that may be lost: of an owner, or where it hurts most. */
import type { Cluster } from './cluster.ts'
import { type Member, MEMBERS } from './member.ts'
import { countBits, hasBit } from './tables.ts'

const OWNERS = 3

export class LostDisk {
  readonly #cluster: Cluster
  /** Whether random acts may lose it; a beginning always may. */
  readonly #mayLose: boolean
  isLost = false

  constructor(cluster: Cluster, mayLose: boolean) {
    this.#cluster = cluster
    this.#mayLose = mayLose
  }

  /** The member loses it, and comes back without it. */
  empty(member: Member): void {
    if (this.isLost) return
    this.isLost = true
    this.#cluster.destroy(member, false)
  }

  /** That of an owner, or of one that has what fewest have; it may be down for good. */
  lose(): void {
    if (!this.#mayLose || this.isLost) return
    this.isLost = true
    const { prng } = this.#cluster
    const { owners } = this.#cluster.anyMember().memory.stage
    const index = prng.chance(0.6) ? this.#rarestHolder() : prng.pick(owners)
    const isUp = index !== undefined && this.#cluster.isUp(index)
    const member = isUp ? this.#cluster.member(index) : this.#cluster.anyMember()
    this.#cluster.destroy(member, mayGo(this.#cluster) && prng.chance(0.4))
  }

  /** Who holds the acknowledged value that fewest members hold. */
  #rarestHolder(): number | undefined {
    const { judge, members } = this.#cluster
    const held = members.map((one) => (this.#cluster.isUp(one.index) ? one.values : 0))
    let fewest = MEMBERS + 1
    let holder: number | undefined
    for (let value = 0; value < judge.follows.count; value++) {
      if (!hasBit(judge.acknowledged, value)) continue
      const holders = held.filter((values) => hasBit(values, value)).length
      if (holders === 0 || holders >= fewest) continue
      fewest = holders
      holder = held.findIndex((values) => hasBit(values, value))
    }
    return holder
  }
}

/** Whether enough members stay when one more is gone. */
export function mayGo(cluster: Cluster): boolean {
  return countBits(cluster.joined & ~cluster.down) > OWNERS + 1
}
