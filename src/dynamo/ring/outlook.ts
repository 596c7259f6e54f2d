/**
 * What a planned table leads to: the moves, and how many owners and machines each partition has
 * before them, at every step of them, and after.
 *
 *     before    the owners now, without those that are dead
 *     during    the same after each move, until the last one: the fewest at any step
 *     after     the owners that the table leads to
 *
 * A cluster loses nothing by the loss of one machine less than hold a partition. Which plans leave
 * too little, so that an operator has to insist, is in `lossesOf`.
 */
import type { NodeId } from '../names.ts'
import { type Stages, stagesAfter } from './stages.ts'
import type { Table } from './table.ts'

/** The fewest of any partition. */
export interface Held {
  readonly owners: number
  readonly machines: number
}

/** Of the partitions of buckets with one N. */
export interface Outlook {
  readonly n: number
  /** Replicas that come to another member, and all. */
  readonly moves: number
  readonly replicas: number
  /** With those that are dead. */
  readonly placed: Held
  readonly before: Held
  readonly during: Held
  readonly after: Held
}

/** What a bucket needs. */
export interface Need {
  readonly n: number
  readonly w: number
}

/** Of each N of the table. `dead` are members that count for nothing. */
export function outlooksOf(
  present: Stages,
  table: Table,
  dead: ReadonlySet<NodeId>,
): readonly Outlook[] {
  return table.ns.map((n) => outlookOf(stagesAfter(present, table), n, dead))
}

/** Requires: `stages` are used for nothing else. */
function outlookOf(stages: Stages, n: number, dead: ReadonlySet<NodeId>): Outlook {
  const [placed, before, during, after] = [new Fewest(), new Fewest(), new Fewest(), new Fewest()]
  const machineOf = (id: NodeId): string => stages.ownerOf(id)?.machine ?? id
  const living = (ids: readonly NodeId[]): readonly NodeId[] => ids.filter((id) => !dead.has(id))
  let [moves, replicas] = [0, 0]
  for (let partition = 0; partition < stages.table.ring.partitionCount; partition++) {
    let stage = stages.of(partition, n)
    placed.see(stage.owners, machineOf)
    before.see(living(stage.owners), machineOf)
    during.see(living(stage.owners), machineOf)
    while (stage.leaver !== undefined || stage.filler !== undefined) {
      if (stage.filler !== undefined) moves += 1
      stages.advance(partition, n, stage.done + 1, true)
      stage = stages.of(partition, n)
      during.see(living(stage.owners), machineOf)
    }
    after.see(living(stage.owners), machineOf)
    replicas += stage.owners.length
  }
  const found = { placed: placed.held, before: before.held, during: during.held, after: after.held }
  return { n, moves, replicas, ...found }
}

class Fewest {
  #owners = Number.POSITIVE_INFINITY
  #machines = Number.POSITIVE_INFINITY

  see(owners: readonly NodeId[], machineOf: (id: NodeId) => string): void {
    this.#owners = Math.min(this.#owners, owners.length)
    this.#machines = Math.min(this.#machines, new Set(owners.map(machineOf)).size)
  }

  get held(): Held {
    return { owners: this.#owners, machines: this.#machines }
  }
}

/**
 * What would be left too little by a plan that takes members away, in sentences. A cluster that has
 * fewer than N machines, or owners, is not worse off by a plan that leaves it as many.
 */
export function lossesOf(outlooks: readonly Outlook[], needs: readonly Need[]): readonly string[] {
  return outlooks.flatMap(({ n, placed, during, after }) => {
    const losses: string[] = []
    const isFewer = (what: keyof Held): boolean => after[what] < n && after[what] < placed[what]
    if (isFewer('machines')) {
      losses.push(`copies of buckets with N=${n} would be on ${counted(after.machines, 'machine')}`)
    } else if (isFewer('owners')) {
      losses.push(`buckets with N=${n} would have ${counted(after.owners, 'owner')} of a key`)
    }
    if (during.owners === 0 && placed.owners > 0) {
      losses.push(`of some keys of buckets with N=${n} all owners would be dead: they are lost`)
      return losses
    }
    const w = Math.max(0, ...needs.filter((need) => need.n === n).map((need) => need.w))
    const least = Math.min(during.owners, after.owners)
    if (least < w && least < placed.owners) {
      losses.push(
        `some keys of buckets with N=${n} would have ${counted(least, 'owner')} that lives,` +
          ` and W=${w} of them must`,
      )
    }
    return losses
  })
}

function counted(count: number, what: string): string {
  return count === 1 ? `one ${what}` : `${count === 0 ? 'no' : count} ${what}s`
}
