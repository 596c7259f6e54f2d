/**
 * Check the owners of every partition, at each stage of each table that takes effect.
 *
 *     checker.inEffect(stages, ns)      // at each node
 *     violations.push(...checker.violations)
 *
 * What it requires (docs/design.md, 3.2 and 3.5):
 *
 *     always           each owner of a partition once, at most N
 *     at the end       N owners, or all members with a weight where those are fewer; on N machines,
 *                      where the members with a weight have so many
 *     at each stage    no fewer owners than both before the moves and at their end; each on a
 *                      machine of its own where that is so both before and at the end
 *
 * It counts anew from the members of the table, and does not ask what `claim` gave up.
 */
import type { NodeId } from '../../dynamo/names.ts'
import type { Stage, Stages } from '../../dynamo/ring/stages.ts'
import { Findings } from './findings.ts'

/** Owners of one partition. */
interface Held {
  readonly owners: number
  readonly machines: number
}

export class OwnersChecker {
  readonly #found = new Findings()
  /** Tables that were looked at, and the N. */
  readonly #seen = new Set<string>()

  get violations(): readonly string[] {
    return this.#found.sentences
  }

  /** A node that runs is at these; `ns` are in use, whether or not they have moves. */
  inEffect(stages: Stages | undefined, ns: Iterable<number>): void {
    if (stages === undefined) return
    const { digest } = stages.table
    for (const n of new Set([...stages.ns, ...ns])) {
      const name = `${digest.hi} ${digest.lo} ${n}`
      if (this.#seen.has(name)) continue
      this.#seen.add(name)
      this.#check(stages.begun(), n)
    }
  }

  #check(stages: Stages, n: number): void {
    const { number, ring } = stages.table
    for (let partition = 0; partition < ring.partitionCount; partition++) {
      const where = `table ${number}, partition ${partition} of ${n} copies`
      const all = stagesOf(stages, partition, n)
      const held = all.map(({ owners }) =>
        this.#held(owners, stages, `${where}: ${owners.join(' ')}`),
      )
      const [first, last] = [held[0] as Held, held.at(-1) as Held]
      const wanted = wantedOf(stages, n)
      const ends = `${where} ends with ${all.at(-1)?.owners.join(' ')}`
      if (last.owners !== wanted.owners || all.some(({ owners }) => owners.length > n))
        this.#found.say('owners missing', `${ends}, not with ${wanted.owners}`)
      if (last.machines < wanted.machines)
        this.#found.say(
          'one machine',
          `${ends}, on ${last.machines} of ${wanted.machines} machines`,
        )
      for (const [done, one] of held.entries()) {
        const stage = `${where} has ${all[done]?.owners.join(' ')} after ${done} moves`
        if (one.owners < Math.min(first.owners, last.owners))
          this.#found.say('owners missing', stage)
        if (areApart(first) && areApart(last) && !areApart(one))
          this.#found.say('one machine', stage)
      }
    }
  }

  #held(owners: readonly NodeId[], stages: Stages, where: string): Held {
    const distinct = new Set(owners)
    if (distinct.size < owners.length) this.#found.say('owners missing', `${where}, one twice`)
    const machines = new Set([...distinct].map((id) => stages.ownerOf(id)?.machine ?? id))
    return { owners: distinct.size, machines: machines.size }
  }
}

function areApart({ owners, machines }: Held): boolean {
  return owners === machines
}

/** What the members of the table allow at its end; of machines all or none. */
function wantedOf({ table }: Stages, n: number): Held {
  const owning = table.ring.members.filter(({ weight }) => weight > 0)
  const machines = new Set(owning.map(({ machine }) => machine)).size
  return { owners: Math.min(n, owning.length), machines: machines < n ? 0 : n }
}

/** From the base to the end. */
function stagesOf(stages: Stages, partition: number, n: number): readonly Stage[] {
  const all = [stages.of(partition, n)]
  for (;;) {
    const { leaver, filler, done } = all.at(-1) as Stage
    if (leaver === undefined && filler === undefined) return all
    stages.advance(partition, n, done + 1, true)
    all.push(stages.of(partition, n))
  }
}
