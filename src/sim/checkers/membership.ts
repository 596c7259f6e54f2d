/**
 * Check that members agree on each other once all is quiet, and that none that runs and is reached
 * by all is declared dead.
 *
 *     trace.watch('member-dead', ({ node }, machine) => membership.declaredDead(machine, node))
 *     membership.disagreements(seen)      // in quiet, until there are none: then all agree
 *     membership.agreed(living)           // from then on no member of these may be declared dead
 *     membership.chaos()                  // before faults begin again
 *     violations.push(...membership.violations)
 *
 * It does not check deaths while there are faults: a member that is paused or cut off for long is
 * dead by the rules, and so is one that a few such faults in a row keep away.
 */
import type { Life } from '../../dynamo/membership/liveness.ts'
import type { NodeId } from '../../dynamo/names.ts'
import { Findings } from './findings.ts'

/** What one node says of all members, itself too. */
export interface SeenMembers {
  readonly machine: number
  /** Each record as text, by its member. */
  readonly records: ReadonlyMap<NodeId, string>
  readonly lives: ReadonlyMap<NodeId, Life>
}

export class MembershipChecker {
  readonly #found = new Findings()
  #living: ReadonlySet<NodeId> = new Set()

  get violations(): readonly string[] {
    return this.#found.sentences
  }

  /** In what the nodes of these living members do not agree, in sentences. */
  disagreements(seen: readonly SeenMembers[], living: readonly NodeId[]): readonly string[] {
    const now = new Findings()
    for (const one of seen) compare(one, seen[0] as SeenMembers, now)
    for (const { machine, lives } of seen) {
      for (const id of living) {
        const life = lives.get(id)
        if (life === 'alive') continue
        now.say('held for dead', `node ${machine} says ${life} of ${id}, which runs`)
      }
    }
    return now.sentences
  }

  /** They run, reach each other, and agree that all of them are alive. */
  agreed(living: readonly NodeId[]): void {
    this.#living = new Set(living)
  }

  /** Faults are about to begin: any member may be away for long. */
  chaos(): void {
    this.#living = new Set()
  }

  /** A node recorded `member-dead`. */
  declaredDead(machine: number, id: NodeId): void {
    if (!this.#living.has(id)) return
    this.#found.say('declared dead', `node ${machine} declares ${id} dead, which runs in quiet`)
  }
}

function compare(one: SeenMembers, other: SeenMembers, found: Findings): void {
  const ids = new Set([...one.records.keys(), ...other.records.keys()])
  for (const id of ids) {
    const [mine, theirs] = [one.records.get(id), other.records.get(id)]
    if (mine === theirs) continue
    const sentence =
      `node ${one.machine} has ${mine ?? 'no record'} of ${id}, ` +
      `node ${other.machine} ${theirs ?? 'none'}`
    found.say('members differ', sentence)
  }
}
