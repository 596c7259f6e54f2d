/**
 * Decides whether a table has the fewest moves of all with such loads, by its residual graph.
 *
 * An arc from one member to another replaces the one by the other in some row; it costs 1 if the
 * other was not in that row before, and gives 1 back if the one was not. Where loads are rounded
 * shares, a member may take or give a replica by the hub, up to its share rounded up or down. A
 * table can be had with fewer moves if and only if the graph has a cycle of negative cost (weighted
 * matroid intersection; Fujishige 1977): rows that obey the rules are the bases of a matroid.
 */
import type { Member } from '../../../src/dynamo/ring/ring.ts'
import type { Lists } from './judge.ts'

export interface Table {
  readonly owning: readonly Member[]
  readonly before: Lists
  readonly after: Lists
  /** Whether a list of owners obeys the rules. */
  readonly isList: (list: readonly Member[]) => boolean
  readonly canTake: (member: Member) => boolean
  readonly canGive: (member: Member) => boolean
}

export function isCheapest(table: Table): boolean {
  const costs = arcsOf(table)
  const labels = costs.map(() => 0)
  for (let round = 0; round <= labels.length; round++) {
    let isStill = true
    for (const [from, row] of costs.entries()) {
      for (const [to, cost] of row.entries()) {
        const label = (labels[from] as number) + cost
        if (label >= (labels[to] as number)) continue
        labels[to] = label
        isStill = false
      }
    }
    if (isStill) return true
  }
  return false
}

function arcsOf({ owning, before, after, isList, canTake, canGive }: Table): number[][] {
  const hub = owning.length
  const costs = Array.from({ length: hub + 1 }, () => {
    return Array.from({ length: hub + 1 }, () => Number.POSITIVE_INFINITY)
  })
  owning.forEach((one, i) => {
    if (canTake(one)) (costs[i] as number[])[hub] = 0
    if (canGive(one)) (costs[hub] as number[])[i] = 0
  })
  const index = new Map(owning.map(({ id }, i) => [id, i]))
  for (const [partition, list] of after.entries()) {
    const was = new Set((before[partition] as readonly Member[]).map(({ id }) => id))
    for (const { id } of list) {
      const row = costs[index.get(id) as number] as number[]
      const others = list.filter((one) => one.id !== id)
      owning.forEach((other, to) => {
        const cost = (was.has(other.id) ? 0 : 1) - (was.has(id) ? 0 : 1)
        if (cost >= (row[to] as number) || list.some((one) => one.id === other.id)) return
        if (isList([...others, other])) row[to] = cost
      })
    }
  }
  return costs
}
