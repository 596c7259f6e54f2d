/**
 * Which members are said to be alive or dead: one standing for each, and of two the same one wins
 * everywhere.
 *
 *     (incarnation, alive | dead)     the higher incarnation wins; of one incarnation, dead
 *
 * An incarnation is a counter that only its member raises, each time that it hears itself suspected
 * or declared dead. It is not kept on disk: after a restart a member takes one above what the
 * others say of it. A member without a standing here is alive at incarnation 0.
 *
 * Of the highest incarnation that there is, alive wins: a member that was given it by a lie could
 * not contradict, and would count as dead for ever.
 */
import { U48_MAX } from '../../base/bytes.ts'
import { type U64, u64 } from '../../base/u64.ts'
import type { NodeId } from '../names.ts'
import { SetDigest } from './set-digest.ts'

export const INCARNATION_MAX: number = U48_MAX

export interface Standing {
  readonly id: NodeId
  /** 0 to INCARNATION_MAX. */
  readonly incarnation: number
  readonly isDead: boolean
}

/** Whether `a` wins over `b`; false where they are equal. */
export function outranks(a: Omit<Standing, 'id'>, b: Omit<Standing, 'id'>): boolean {
  if (a.incarnation !== b.incarnation) return a.incarnation > b.incarnation
  if (a.isDead === b.isDead) return false
  return a.isDead === a.incarnation < INCARNATION_MAX
}

const FIRST = { incarnation: 0, isDead: false } as const

export class Standings {
  readonly digest = new SetDigest()
  readonly #standings = new Map<NodeId, Standing>()
  #dead = 0

  /** Members that are dead. */
  get deadCount(): number {
    return this.#dead
  }

  get(id: NodeId): Omit<Standing, 'id'> {
    return this.#standings.get(id) ?? FIRST
  }

  isDead(id: NodeId): boolean {
    return this.#standings.get(id)?.isDead === true
  }

  all(): Iterable<Standing> {
    return this.#standings.values()
  }

  wouldTake(standing: Standing): boolean {
    return outranks(standing, this.get(standing.id))
  }

  /** Returns whether it won. */
  take(standing: Standing): boolean {
    const { id, isDead } = standing
    const known = this.#standings.get(id)
    if (!outranks(standing, known ?? FIRST)) return false
    if (known !== undefined) this.digest.remove(id, digestOf(known))
    this.digest.add(id, digestOf(standing))
    this.#standings.set(id, standing)
    this.#dead += (isDead ? 1 : 0) - (known?.isDead === true ? 1 : 0)
    return true
  }

  /** Of a member that is gone. */
  forget(id: NodeId): void {
    const known = this.#standings.get(id)
    if (known === undefined) return
    this.digest.remove(id, digestOf(known))
    this.#standings.delete(id)
    if (known.isDead) this.#dead -= 1
  }
}

/** Spreads a standing over 64 bits (finaliser of MurmurHash3); md5 would cost ten times as much. */
function digestOf({ id, incarnation, isDead }: Standing): U64 {
  const low = spread((incarnation % 2 ** 32) ^ (isDead ? 0x9e37_79b9 : 0))
  const high = spread(Math.floor(incarnation / 2 ** 32) ^ low)
  const hi = spread(Number.parseInt(id.slice(0, 8), 16) ^ high)
  return u64(hi >>> 0, spread(Number.parseInt(id.slice(8), 16) ^ low ^ hi) >>> 0)
}

function spread(word: number): number {
  word = Math.imul(word ^ (word >>> 16), 0x85eb_ca6b)
  word = Math.imul(word ^ (word >>> 13), 0xc2b2_ae35)
  return word ^ (word >>> 16)
}
