/**
 * Exchanges between owners: one asks, and takes of the answer what the rounds of both allow.
 *
 * Between owners of one round everything is merged: what only one carries is damage of the other,
 * not death. Between owners of two rounds the lower yields: it drops, and the higher does not take,
 * what the higher lacks at or below its floor.
 */
import type { VersionedObject } from '../../../src/dynamo/version/object.ts'
import type { Dot } from '../../../src/dynamo/version/dot.ts'
import { joined } from '../joined.ts'
import { told } from '../story.ts'
import { type Cluster, name } from './cluster.ts'
import { carries, isUnder } from '../../../src/dynamo/repair/floor.ts'
import { carryAlike, isDone, without } from './floor.ts'
import { OWN, OWNERS } from '../node.ts'
import type { Member, RoundFloor } from './member.ts'
import type { Round } from './rounds.ts'

/** An owner waits for so many answers at most. */
const PULLS_MAX = 3

interface Ask {
  readonly kind: 'ask'
  readonly to: number
  readonly from: number
  readonly id: number
  /** For which it counts. */
  readonly round: Round | undefined
}

interface Answer {
  readonly kind: 'answer'
  readonly to: number
  readonly from: number
  readonly id: number
  readonly round: Round | undefined
  readonly object: VersionedObject | undefined
  /** That the other owner adopted last. */
  readonly adopted: RoundFloor
  /** The other owner has not restarted since it opened the round. */
  readonly isCounted: boolean
}

export type ExchangeMessage = Ask | Answer

/** The answers that an owner of a lower round has had, in one start. */
interface Behind {
  readonly start: string
  readonly answers: Map<number, Answer>
}

export class Exchanges {
  readonly #cluster: Cluster
  #ids = 0
  readonly #behind = new Map<number, Behind>()

  constructor(cluster: Cluster) {
    this.#cluster = cluster
  }

  begin(asking: Member, asked: Member, round: Round | undefined): void {
    if (asking.pulls.size >= PULLS_MAX) return
    this.#ids += 1
    asking.pulls.add(this.#ids)
    this.#settle(asking, round)
    const [from, to] = [asking.index, asked.index]
    this.#cluster.send({ kind: 'ask', to, from, id: this.#ids, round })
  }

  /** Whether one owner asks the other for this round. */
  isUnderWay(asking: Member, asked: Member, round: Round): boolean {
    return this.#cluster.messages.some((one) => {
      if (one.kind !== 'ask' && one.kind !== 'answer') return false
      const [from, to] = one.kind === 'ask' ? [one.from, one.to] : [one.to, one.from]
      return one.round === round && from === asking.index && to === asked.index
    })
  }

  onMessage(member: Member, message: ExchangeMessage): void {
    if (message.kind === 'answer') return this.#onAnswer(member, message)
    const { from, id, round } = message
    this.#settle(member, round)
    const [to, object] = [from, member.object(OWN)]
    const adopted = this.#cluster.adoptedBy(member)
    const isCounted =
      round?.isInStart(member) === true || this.#cluster.rules.isAskedRestartOverlooked
    const answer = { to, from: member.index, id, round, object, adopted, isCounted }
    this.#cluster.send({ kind: 'answer', ...answer })
  }

  /** Who exchanges for a round knows that all have closed it. */
  #settle(member: Member, round: Round | undefined): void {
    if (round?.phase === 'cover') member.onSettled(round.made)
  }

  #onAnswer(member: Member, answer: Answer): void {
    const { rules } = this.#cluster
    if (!member.pulls.delete(answer.id) && !rules.isLateAnswerTaken) return
    // Who has covered a round that another has adopted adopts it too: all owners have covered it.
    const { covered, adopted } = member.disk
    const { number } = answer.adopted
    if (covered !== undefined && covered.number >= number && adopted.number < number) {
      this.adopt(member, answer.adopted)
      this.#cluster.sync(member)
    }
    this.#take(member, answer)
    this.#cluster.sync(member)
    if (answer.isCounted) answer.round?.onExchanged(member, answer.from)
    this.#catchUp(member, answer)
  }

  #take(member: Member, answer: Answer): void {
    const { rules } = this.#cluster
    const held = member.object(OWN)
    const { floor, number: mine } = this.#cluster.adoptedBy(member)
    const { object, adopted } = answer
    const { floor: theirFloor, number: theirs } = adopted
    // Digests are over siblings: what is carried alike is not sent, whatever the contexts say.
    if (carryAlike(held, object)) return
    const isAbsenceDeath = theirs === mine && rules.isAbsenceProof
    const isDead = (dot: Dot): boolean => {
      if (carries(held, dot) || !isUnder(floor, dot)) return false
      return rules.isJudgedByDots ? !isUnder(theirFloor, dot) : theirs < mine || isAbsenceDeath
    }
    const isOutlived = (dot: Dot): boolean => {
      if (carries(object, dot) || !isUnder(theirFloor, dot)) return false
      return rules.isJudgedByDots ? !isUnder(floor, dot) : mine < theirs || isAbsenceDeath
    }
    let taken = without(object, isDead, rules.isUntakenCovered)
    if (held === undefined && taken !== undefined && this.isDone(member, taken)) {
      // What it would remove is not taken again.
      if (!rules.isTombstoneTakenAgain) taken = undefined
    }
    const kept = rules.isLowerKept ? held : without(held, isOutlived, rules.isUntakenCovered)
    const merged = joined(kept, taken)
    this.#cluster.say(
      () =>
        `${name(member)} of round ${mine} has ${told(held)}, is answered ${told(object)} by ` +
        `a${answer.from} of round ${theirs}: ${told(merged)}`,
    )
    this.#cluster.write(member, OWN, merged, held && member.memory.copies[OWN]?.note)
  }

  /** Whether a key goes here. */
  isDone(member: Member, object: VersionedObject): boolean {
    const { rules } = this.#cluster
    if (rules.isReapedByAge) return object.siblings.every(({ value }) => value === undefined)
    return isDone(object, this.#cluster.floorOf(member), rules.isPastIgnored)
  }

  /** An owner that is behind has the round of the others when it has asked them all. */
  #catchUp(member: Member, answer: Answer): void {
    const { number } = answer.adopted
    if (number <= member.disk.adopted.number) return
    let behind = this.#behind.get(member.index)
    if (behind?.start !== member.start) {
      behind = { start: member.start, answers: new Map() }
      this.#behind.set(member.index, behind)
    }
    behind.answers.set(answer.from, answer)
    const answers = [...behind.answers.values()]
    const needed = this.#cluster.rules.isCaughtUpByOne ? 1 : OWNERS - 1
    if (answers.length < needed || answers.some((one) => one.adopted.number !== number)) return
    this.adopt(member, answer.adopted)
    this.#cluster.sync(member)
    this.#behind.delete(member.index)
  }

  /** Requires: what is at or below its floor is here, or replaced. */
  adopt(member: Member, round: RoundFloor): void {
    this.#cluster.say(() => `${name(member)} adopts round ${round.number}`)
    this.#cluster.onAdopted(round)
    member.append({
      apply: (disk) => {
        if (disk.adopted.number >= round.number) return
        disk.adopted = round
        if (disk.covered?.number === round.number) disk.covered = undefined
      },
    })
  }
}
