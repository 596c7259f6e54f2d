/**
 * Counts the copies of one attempt of a write, as its coordinator does.
 *
 * The attempt is acknowledged when W of its durable copies count (`src/dynamo/quorum/holders.ts`).
 * Where W owners hold it in their own copies at one time, each get of R whole owners must show it.
 * An owner that loses its copy before the others have theirs reads them too early to get it back:
 * the write is acknowledged, and survives, but a get may miss it until the owners are compared.
 */
import type { Holder } from '../../src/dynamo/quorum/holders.ts'
import { type ModelNode, OWNERS } from './node.ts'
import type { Oracle } from './oracle.ts'
import type { Rules } from './rules.ts'

/** A durable copy: its node, and the node that has it after its hint is delivered. */
export interface HeldCopy extends Holder {
  readonly node: number
  readonly member: number
  /** How often the machine had been lost by then. */
  readonly lossesThen: number
}

export class Attempt {
  readonly value: number
  /** How many machines were lost before it began. */
  readonly #lossesBefore: number
  readonly #held: HeldCopy[] = []
  #isAcknowledged = false
  #isAtOwners = false

  constructor(value: number, lossesBefore: number) {
    this.value = value
    this.#lossesBefore = lossesBefore
  }

  /** A copy for a member is durable. True if that acknowledges the write. */
  onHeld(keeper: ModelNode, forMember: ModelNode, to: Acknowledging): boolean {
    const { needed, rules, oracle } = to
    const node = keeper.index
    const member = forMember.index
    if (this.#held.some((one) => one.node === node && one.member === member)) return false
    const { machine: on } = keeper
    const lossesThen = oracle.lossesOf(on)
    this.#held.push({ on, willBeOn: forMember.machine, node, member, lossesThen })
    if (node === member && !this.#isAtOwners) {
      const atOwners = this.#held.filter(
        (one) => isAtOwner(one) && oracle.lossesOf(one.on) === one.lossesThen,
      )
      this.#isAtOwners = atOwners.length >= needed
      if (this.#isAtOwners) oracle.onHeldByOwners(this.value, this.#lossesBefore)
    }
    if (this.#isAcknowledged || this.#held.length < needed) return false
    this.#isAcknowledged = rules.countApart(this.#held) >= needed
    if (this.#isAcknowledged) oracle.onAcknowledged(this.value, this.#lossesBefore)
    return this.#isAcknowledged
  }
}

/** While the ring does not change, the first nodes are the owners. */
function isAtOwner({ node, member }: HeldCopy): boolean {
  return node === member && node < OWNERS
}

/** What decides that a write is acknowledged, and who is told. */
interface Acknowledging {
  /** W. */
  readonly needed: number
  readonly rules: Rules
  readonly oracle: Oracle
}
