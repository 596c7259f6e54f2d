/**
 * How one owner gives its place to another (docs/design.md 3.5).
 *
 * The leaver fills the filler. When that has it all, the leaver closes: it acknowledges and answers
 * nothing more. It hands over what came meanwhile, and is the first to be at the next stage. A
 * leaver that was emptied has nothing to hand over and does not open again: it is at the next stage
 * at once.
 *
 * A dead leaver closes nothing. Its place counts for nothing from the stage on whose table names it
 * as dead. The other owners, which refuse older stages by then, hand over all that they hold, and
 * when the filler has it durably it is the first to be at the next stage.
 *
 * A new owner answers no read until it has exchanged with the others.
 */
import { OWN } from '../node.ts'
import { type Cluster, name } from './cluster.ts'
import { type Filling, type Member, onExchanged } from './member.ts'
import type { Answer, Question } from './messages.ts'
import {
  bit,
  compareStages,
  compareTables,
  hasBit,
  isCounted,
  nextStage,
  type Stage,
} from './tables.ts'

export class Moves {
  readonly #cluster: Cluster
  #questions = 0
  /** Moves that were done, and those whose filler had been an owner before. */
  done = 0
  turned = 0
  #owned = bit(0) | bit(1) | bit(2)

  constructor(cluster: Cluster) {
    this.#cluster = cluster
  }

  /** The member does what it can for the present move. */
  step(member: Member): void {
    const { stage, adopted } = member.memory
    if (stage.filler < 0) return
    const isFrozen = compareTables(adopted, stage.table) > 0
    if (isFrozen && !this.#cluster.rules.isMovedAfterAdopting) return
    if (member.isDead(stage.leaver)) return this.#stepWithoutLeaver(member, stage)
    if (member.index === stage.leaver) return this.#stepOfLeaver(member, stage)
  }

  #stepOfLeaver(member: Member, stage: Stage): void {
    const { rules } = this.#cluster
    if (!member.isOnDiskOf(stage.table) && !rules.isLostDiskMoved) return
    if (member.memory.isEmptied && !rules.isEmptiedReopened)
      return this.#finish(member, stage, false)
    if (member.filling?.stage !== stage) member.filling = { stage, covered: -1, isClosed: false }
    const { filling, accepted } = member
    const hasAll = filling.covered === accepted
    if (filling.isClosed && (hasAll || rules.isMeanwhileKept)) {
      return this.#finish(member, stage, true)
    }
    if (hasAll && rules.isDoneWithoutClosing) return this.#tellUnclosed(member, stage)
    if (filling.covered >= 0 && !filling.isClosed) {
      this.#cluster.story?.push(`${name(member)} closes`)
      filling.isClosed = !rules.isDoneByFiller
      // What it hands over from now on is all.
      filling.covered = -1
    }
    const isWhole = (filling.isClosed || rules.isDoneByFiller) && member.memory.isWhole
    const cause = { kind: 'fill', filling, accepted, isWhole } as const
    this.#cluster.handoffs.carry(member, stage.filler, OWN, cause)
  }

  /** Broken: others hear of the next stage, and the leaver is not at it. */
  #tellUnclosed(member: Member, stage: Stage): void {
    const to = this.#cluster.member(stage.filler)
    if (this.#cluster.canReach(member.index, to.index)) this.#finish(to, stage, true)
  }

  /** The filler has durably what the leaver held when it had accepted so much. */
  onFilled(member: Member, filling: Filling, accepted: number): void {
    filling.covered = Math.max(filling.covered, accepted)
    const { stage } = filling
    if (!this.#cluster.rules.isDoneByFiller || member.filling !== filling) return
    this.#tellUnclosed(member, stage)
  }

  #stepWithoutLeaver(member: Member, stage: Stage): void {
    const { rules } = this.#cluster
    if (member.index === stage.filler) {
      if (!member.isOnDiskOf(stage.table) && !rules.isLostDiskMoved) return
      if (rules.isFilledBeforeRefusing) this.#fillUnrefused(member, stage)
      return this.#finishCovered(member, stage)
    }
    if (!isCounted(stage, member.index) || member.isDead(member.index)) return
    // It refuses older stages, also after a crash.
    this.#cluster.sync(member)
    this.#cluster.handoffs.carry(member, stage.filler, OWN, { kind: 'cover' })
  }

  /** Broken: takes the copies of owners that have not heard of the stage. */
  #fillUnrefused(member: Member, stage: Stage): void {
    for (const owner of stage.owners) {
      const other = this.#cluster.member(owner)
      if (!this.#cluster.canReach(owner, member.index) || member.isDead(owner)) continue
      this.#cluster.merge(member, OWN, other.object(OWN))
      this.#cluster.sync(member)
      this.onCovered(member, owner, stage)
    }
  }

  onCovered(member: Member, owner: number, stage: Stage): void {
    if (compareStages(stage, member.memory.stage) !== 0) return
    if (member.coveredStage !== member.memory.stage) {
      member.coveredStage = member.memory.stage
      member.coveredBy = 0
    }
    member.coveredBy |= bit(owner)
  }

  #finishCovered(member: Member, stage: Stage): void {
    const { rules } = this.#cluster
    const covered = member.coveredStage === stage ? member.coveredBy : 0
    let missing = 0
    for (const owner of stage.owners) {
      if (!member.isDead(owner) && !hasBit(covered, owner)) missing += 1
    }
    if (missing > 0 && !(rules.isFilledByOne && covered !== 0)) return
    this.#finish(member, stage, true)
  }

  /** The member is the first at the next stage, durably before it tells anyone. */
  #finish(member: Member, stage: Stage, isFilled: boolean): void {
    if (compareStages(member.memory.stage, stage) !== 0) return
    const { filler } = stage
    this.#cluster.story?.push(`${name(member)} says that the move is done`)
    this.done += 1
    if (hasBit(this.#owned, filler)) this.turned += 1
    this.#owned |= bit(filler)
    this.#cluster.advance(member, nextStage(stage, isFilled))
    const isTold = this.#cluster.rules.isDoneUnsynced
    if (!isTold) this.#cluster.sync(member)
    for (const { index } of this.#cluster.members) {
      if (index !== member.index) this.#cluster.news.tell(member, index)
    }
  }

  // Exchanges.

  /** An owner that is not whole asks another; in the end all ask, to be equal. */
  ask(member: Member, place: number): void {
    const { stage } = member.memory
    const owner = stage.owners[place] as number
    if (!this.#cluster.isOpen(member) || owner === member.index) return
    this.#questions += 1
    const id = this.#questions
    member.questions[place] = id
    this.#cluster.send({ kind: 'question', from: member.index, to: owner, stage, id })
  }

  onQuestion(member: Member, { from, id }: Question): void {
    if (!this.#cluster.isOpen(member)) return
    const { ownerPlace: place } = member
    const object = member.object(OWN)
    this.#cluster.send({ kind: 'answer', from: member.index, to: from, id, place, object })
  }

  /** Nothing of an exchange arrives late: the question must be open. */
  onAnswer(member: Member, { id, place, object }: Answer): void {
    if (member.questions[place] !== id) return
    member.questions[place] = 0
    const { ownerPlace } = member
    this.#cluster.merge(member, OWN, object, {
      also: (disk) => onExchanged(disk, place, ownerPlace),
    })
  }
}
