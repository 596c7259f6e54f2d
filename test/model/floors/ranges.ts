/**
 * How ranges of a context go: by asking (docs/design.md 3.6).
 *
 * A range at or below the floor in which no dot is carried goes when all owners, at the same round,
 * asked since, durably carry exactly what this copy carries, while it waits for no object of an
 * exchange. Who asked tells the others, which remove it too while they wait for none.
 */
import type { Range } from '../../../src/dynamo/version/context.ts'
import type { VersionedObject } from '../../../src/dynamo/version/object.ts'
import { told } from '../story.ts'
import { type Cluster, name } from './cluster.ts'
import { replacedRanges, strip } from '../../../src/dynamo/repair/floor.ts'
import { carryAlike } from './floor.ts'
import { OWN, OWNERS } from '../node.ts'
import type { Member } from './member.ts'

interface Question {
  readonly kind: 'question'
  readonly to: number
  readonly from: number
  readonly id: number
  readonly replaced: readonly Range[]
}

interface Statement {
  readonly kind: 'statement'
  readonly to: number
  readonly from: number
  readonly id: number
  readonly object: VersionedObject | undefined
  readonly round: number
  readonly isHeldBack: boolean
}

/** All owners have agreed. */
interface Removal {
  readonly kind: 'removal'
  readonly to: number
  readonly round: number
  readonly replaced: readonly Range[]
}

export type RangesMessage = Question | Statement | Removal

/** What an owner has asked the others. */
export interface Asking {
  readonly id: number
  readonly round: number
  readonly object: VersionedObject
  readonly replaced: readonly Range[]
  readonly alike: Set<number>
}

/** How often an owner asks again while it waits. */
const AGAIN_CHANCE = 0.2

export class Ranges {
  readonly #cluster: Cluster
  #ids = 0

  constructor(cluster: Cluster) {
    this.#cluster = cluster
  }

  ask(owner: Member): void {
    const { prng, rules, owners } = this.#cluster
    const object = owner.object(OWN)
    if (object === undefined) return
    const replaced = replacedRanges(object)
    if (replaced.length === 0) return
    if (owner.asking !== undefined && !prng.chance(AGAIN_CHANCE)) return
    // What a crash could take back is not carried, here neither.
    if (!rules.isCarriedUnsynced) this.#cluster.sync(owner)
    this.#ids += 1
    const round = owner.disk.adopted.number
    owner.asking = { id: this.#ids, round, object, replaced, alike: new Set() }
    if (rules.isStrippedUnasked) return this.#remove(owner)
    for (const { index: to } of owners) {
      if (to === owner.index) continue
      this.#cluster.send({ kind: 'question', to, from: owner.index, id: this.#ids, replaced })
    }
  }

  onMessage(member: Member, message: RangesMessage): void {
    if (message.kind === 'statement') return this.#onStatement(member, message)
    if (message.kind === 'removal') return this.#removeFrom(member, message)
    const { from: to, id, replaced } = message
    // What a crash could take back is not carried.
    if (!this.#cluster.rules.isCarriedUnsynced) this.#cluster.sync(member)
    const [object, round] = [member.object(OWN), member.disk.adopted.number]
    const isHeldBack = this.#isHeldBack(member, replaced)
    this.#cluster.send({ kind: 'statement', to, from: member.index, id, object, round, isHeldBack })
  }

  /** A request that is remembered may be repeated: its range answers for it. */
  #isHeldBack(owner: Member, ranges: readonly Range[]): boolean {
    if (this.#cluster.rules.isStrippedThoughRemembered) return false
    return owner.remembered.liesIn(ranges, this.#cluster.rememberedSince)
  }

  #onStatement(owner: Member, { id, from, object, round, isHeldBack }: Statement): void {
    const { asking } = owner
    if (asking?.id !== id) return
    if (isHeldBack || !carryAlike(asking.object, object) || round !== asking.round) {
      owner.asking = undefined
      return
    }
    asking.alike.add(from)
    const needed = this.#cluster.rules.isStrippedByOne ? 1 : OWNERS - 1
    if (asking.alike.size === needed) this.#remove(owner)
  }

  #remove(owner: Member): void {
    const { asking } = owner
    owner.asking = undefined
    if (asking === undefined) return
    this.#removeFrom(owner, asking)
    const { round, replaced } = asking
    for (const { index: to } of this.#cluster.owners) {
      if (to !== owner.index) this.#cluster.send({ kind: 'removal', to, round, replaced })
    }
  }

  #removeFrom(owner: Member, { round, replaced }: Pick<Removal, 'round' | 'replaced'>): void {
    const object = owner.object(OWN)
    if (object === undefined || round !== owner.disk.adopted.number) return
    if (this.#isHeldBack(owner, replaced)) return
    if (owner.pulls.size > 0 && !this.#cluster.rules.isStrippedMeanwhile) return
    const left = strip(object, replaced, this.#cluster.floorOf(owner))
    if (left === object) return
    this.#cluster.witness.onRangesRemoved()
    this.#cluster.say(() => `${name(owner)} removes ranges: ${told(object)} to ${told(left)}`)
    this.#cluster.write(owner, OWN, left, owner.memory.copies[OWN]?.note)
  }
}
