/**
 * How tables are committed and adopted, and take effect; how members learn of each other
 * (docs/design.md 3.3, 3.5).
 *
 * A member that adopts a table says durably at which stage it was then: its *statement*. From then
 * on it ends no move of an older table. The table takes effect when every member that its operator
 * knew, and did not name as dead, has adopted it; it begins from the owners of the newest stage
 * that they stated. A member that lost its disk since the table was made states nothing: it may
 * have done so before. Once a table for its new disk is adopted no move of the older table ends any
 * more: it may have said so on the disk that it lost. A table is taken back by a newer one with the
 * owners from before.
 */
import { type Cluster, name } from './cluster.ts'
import { type Disk, firstDisk, type Member, MEMBERS } from './member.ts'
import type { News } from './messages.ts'
import {
  bit,
  compareStages,
  compareTables,
  countBits,
  firstStage,
  hasBit,
  type Stage,
  type Table,
  tellTable,
} from './tables.ts'

const OWNERS = 3

export class NewsOfRing {
  readonly #cluster: Cluster
  /** All tables that were committed, and the first. */
  readonly tables: Table[]

  constructor(cluster: Cluster, first: Table) {
    this.#cluster = cluster
    this.tables = [first]
  }

  /** Two tables were made from one parent. */
  get hasRaced(): boolean {
    const { tables } = this
    return tables.some((one, i) => tables.some((two, j) => j < i && one.number === two.number))
  }

  tell(from: Member, to: number): void {
    this.#cluster.send(this.#newsOf(from, to))
  }

  /** The same with nothing in between. */
  tellAtOnce(from: Member, to: Member): void {
    if (from === to || !this.#cluster.canReach(from.index, to.index)) return
    if (this.#isNoNews(from, to)) return
    this.#cluster.receive(this.#newsOf(from, to.index))
  }

  #isNoNews(from: Member, to: Member): boolean {
    const { stage, adopted, members, gone, renewed } = to.memory
    const { memory, seen } = from
    if (memory.stage !== stage || memory.adopted !== adopted) return false
    const met = (memory.members & ~members) | (memory.gone & ~gone) | (memory.renewed & ~renewed)
    return (met | (seen & ~to.seen)) === 0
  }

  #newsOf(from: Member, to: number): News {
    const { stage, adopted, members, gone, renewed } = from.memory
    const ring = { stage, adopted, members, gone, renewed }
    return { kind: 'news', from: from.index, to, ...ring, seen: from.seen, base: from.seenBase }
  }

  receive(member: Member, news: News): void {
    const { stage, adopted, seen, base } = news
    const { memory } = member
    this.#meet(member, news.members, news.gone, news.renewed)
    const order = compareTables(adopted, memory.adopted)
    const isLower = order < 0 && compareTables(adopted, memory.stage.table) > 0
    if (order > 0 || (isLower && this.#cluster.rules.isLowerTaken)) this.#adopt(member, adopted)
    if (compareTables(adopted, memory.adopted) === 0) member.seeAdoptions(seen, base)
    if (this.#mayAdvance(member, stage)) this.#cluster.advance(member, stage)
    this.#settle(member)
  }

  /**
   * Whether this is a newer stage that the member may take: not of the table in effect, once it has
   * adopted one that was made since a member lost its disk. That one may have ended a move before,
   * which the newer table does not know of.
   */
  #mayAdvance(member: Member, stage: Stage): boolean {
    const { stage: own, adopted } = member.memory
    if (compareStages(stage, own) <= 0) return false
    if (this.#cluster.rules.isLostDiskHeard || compareTables(stage.table, own.table) > 0)
      return true
    const isFrozen = compareTables(adopted, own.table) > 0
    return !isFrozen || (adopted.needed & adopted.renewed & ~own.table.renewed) === 0
  }

  /** Members are a set that merges. */
  #meet(member: Member, members: number, gone: number, renewed: number): void {
    const { memory } = member
    const met = (members & ~memory.members) | (gone & ~memory.gone) | (renewed & ~memory.renewed)
    if (met === 0) return
    member.append({
      apply: (disk) => {
        disk.members |= members
        disk.gone |= gone
        disk.renewed |= renewed
      },
    })
  }

  /** Whether the member takes messages from the other. */
  isMember(member: Member, from: number): boolean {
    const { memory } = member
    if (hasBit(memory.gone, from)) return false
    if (this.#cluster.rules.isJoinUndone) return hasBit(memory.adopted.members, from)
    this.#meet(member, bit(from), 0, 0)
    return true
  }

  #adopt(member: Member, table: Table): void {
    this.#cluster.story?.push(`  ${name(member)} adopts ${tellTable(table)}`)
    const { stage } = member.memory
    member.append({
      apply: (disk) => {
        disk.adopted = table
        disk.stated = stage
      },
    })
    this.onAdopted(member)
  }

  onAdopted(member: Member): void {
    member.seen = 0
    member.seenBase = member.memory.stated
    const { isAdoptionUnsynced } = this.#cluster.rules
    if (isAdoptionUnsynced && this.#mayState(member)) member.seeOwnAdoption(member.memory.stated)
  }

  /** What the member adopted is durable. */
  onSynced(member: Member): void {
    const isFirst = !hasBit(member.seen, member.index) || this.#cluster.rules.isStatedTwice
    if (isFirst && this.#mayState(member)) member.seeOwnAdoption(member.disk.stated)
    this.#settle(member)
  }

  /** The table waits for what this member says. */
  #mayState(member: Member): boolean {
    const { isUnneededHeard, isStatedTwice } = this.#cluster.rules
    const isNeeded = hasBit(member.memory.adopted.needed, member.index) || isUnneededHeard
    return isNeeded && (member.isOnDiskOf(member.memory.adopted) || isStatedTwice)
  }

  /** A member that sees that all have adopted says that the table is in effect. */
  #settle(member: Member): void {
    const { rules } = this.#cluster
    const { adopted, stage, stated } = member.memory
    if (compareTables(adopted, stage.table) <= 0) return
    let { needed } = adopted
    if (rules.isForcedAlone && adopted.without !== 0) needed &= bit(member.index)
    const missing = countBits(needed & ~member.seen)
    if (missing > (rules.isEffectiveEarly && countBits(needed) > 1 ? 1 : 0)) return
    const base = rules.isBaseOfOne ? stated : member.seenBase
    this.#cluster.advance(member, firstStage(adopted, base))
  }

  // The operator.

  /** Someone commits a table of these owners; `without` names members as dead. */
  commit(member: Member, owners: readonly number[], without: number): void {
    const { adopted, members, gone, renewed } = member.memory
    const needed = members & ~gone & ~without
    const number = adopted.number + 1
    const hash = this.#cluster.prng.u32()
    const table: Table = { number, hash, owners, members, without, needed, renewed }
    this.tables.push(table)
    this.#cluster.story?.push(`an operator commits ${tellTable(table)} at ${name(member)}`)
    for (const { memory } of this.#cluster.members) {
      this.#cluster.judge.onNamedDead(without & memory.stage.ownersMask)
    }
    this.#adopt(member, table)
    this.#settle(member)
  }

  /** Owners that this member could commit: those of before, one or two of them replaced. */
  drawOwners(member: Member, without: number): readonly number[] | undefined {
    const { prng } = this.#cluster
    const { adopted, members, gone } = member.memory
    const known = members & ~gone & ~without
    const isKnown = (one: number): boolean => hasBit(known, one)
    const before = prng.chance(0.4) ? prng.pick(this.tables).owners : adopted.owners
    if (before !== adopted.owners && before.every(isKnown)) return before
    const owners = adopted.owners.filter(isKnown)
    const isFull = owners.length === OWNERS
    if (isFull || (owners.length > 1 && prng.chance(0.2)))
      owners.splice(prng.below(owners.length), 1)
    const others: number[] = []
    for (let one = 0; one < MEMBERS; one++) {
      if (isKnown(one) && !owners.includes(one) && !adopted.owners.includes(one)) others.push(one)
    }
    while (owners.length < OWNERS && others.length > 0) {
      owners.push(others.splice(prng.below(others.length), 1)[0] as number)
    }
    return owners.length === OWNERS ? owners : undefined
  }

  /** A new member joins through another one. */
  join(through: Member, joiner: Member): void {
    const { joined } = this.#cluster
    this.#cluster.joined = joined | bit(joiner.index)
    this.#cluster.story?.push(`${name(joiner)} joins through ${name(through)}`)
    this.#meet(through, bit(joiner.index), 0, 0)
    this.#cluster.sync(through)
    joiner.replace(this.#firstDiskFrom(through, joiner.index))
    joiner.restart()
  }

  /** What a member on an emptied disk starts with: the ring, as others know it. */
  diskLearnt(member: Member): Disk {
    const { members, rules, prng } = this.#cluster
    const others = members.filter((one) => one !== member && this.#cluster.isUp(one.index))
    const disk = this.#firstDiskFrom(prng.pick(others), member.index)
    disk.isEmptied = true
    disk.renewed |= bit(member.index)
    if (rules.isEmptiedWhole) disk.isWhole = hasBit(disk.stage.ownersMask, member.index)
    return disk
  }

  #firstDiskFrom({ memory }: Member, index: number): Disk {
    const { stage, adopted, members, gone, renewed } = memory
    const disk = firstDisk(stage, members | bit(index), false)
    return { ...disk, adopted, gone, renewed }
  }

  /** The member is gone for good. */
  leave(member: Member): void {
    this.#cluster.story?.push(`${name(member)} is gone`)
    this.#meet(member, 0, bit(member.index), 0)
    this.#cluster.sync(member)
    for (const { index } of this.#cluster.members) this.tell(member, index)
    this.#cluster.down |= bit(member.index)
  }

  /** An operator says that a member that is down is gone. */
  remove(through: Member, member: number): void {
    this.#meet(through, 0, bit(member), 0)
  }
}
