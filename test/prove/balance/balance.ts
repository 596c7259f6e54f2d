/**
 * Shows that claim keeps loads even and machines and zones distinct, and moves what it must.
 *
 * N up to 7 and zones up to 4: with 8 and 16 partitions all numbers of members up to 40, with up to
 * 1024 partitions some of them. Then random clusters of 3 to 200 members with weights, machines and
 * zones. Each begins with a first ring; then members join, leave, are replaced and get other
 * weights, in random order. `judge.ts` judges each table.
 *
 * `--seed S` of the random choices (drawn if not given).
 */
import { Prng } from '../../../src/base/prng.ts'
import { equalU64 } from '../../../src/base/u64.ts'
import { claim } from '../../../src/dynamo/ring/claim.ts'
import type { Member, Ring } from '../../../src/dynamo/ring/ring.ts'
import { runTimeNs } from '../../support/run-time.ts'
import { member, members } from '../../unit/dynamo/ring/members.ts'
import { argumentsOf } from '../machine/options.ts'
import type { Proof, Verdict } from '../proof.ts'
import {
  excessOf,
  faultOf,
  isAttainable,
  isLeast,
  leastMoves,
  listsOf,
  movesBetween,
} from './judge.ts'

const EFFICIENCY_BAR = 0.98
const MOVES_BAR = 1.1
const SLACK = 1
/** Partitions, and of which step the numbers of members are. */
const GRID: readonly (readonly [bits: number, step: number])[] = [
  [3, 1],
  [4, 1],
  [6, 3],
  [8, 10],
  [10, 20],
]
const CLUSTERS = 12
const CHANGES = 6
/** Of so many tables, one is claimed again from the members in another order. */
const AGAIN_EVERY = 7
const FAULTS_TOLD = 10

export const proof: Proof = {
  name: 'balance',
  shows: 'loads are even, copies apart, and a join or a leave moves what it must',
  usage: '[--seed S]',
  run: async (args) => new Balance(argumentsOf(args).seed).run(),
}

type Kind = 'first' | 'join' | 'leave' | 'replace' | 'weight'

interface Change {
  readonly kind: Kind
  readonly members: readonly Member[]
}

interface Cluster {
  readonly members: readonly Member[]
  readonly bits: number
  readonly n: number
  readonly newcomer: (number: number) => Member
}

class Balance {
  readonly #seed: number
  readonly #prng: Prng
  readonly #counts = { tables: 0, wrong: 0, uneven: 0, unattainable: 0, untold: 0, orders: 0 }
  readonly #worst = { join: 1, leave: 1, replace: 1, weight: 1 }
  readonly #moves = { is: 0, least: 0 }

  constructor(seed: number) {
    this.#seed = seed
    this.#prng = Prng.of(seed, 'balance')
  }

  run(): Verdict {
    console.log(`seed ${this.#seed}`)
    this.#grid()
    this.#random()
    const { wrong, uneven, untold, orders, tables, unattainable } = this.#counts
    const { join, leave, replace, weight } = this.#worst
    const efficiency = efficiencyOf()
    const seconds = speedOf()
    const together = this.#moves.is / this.#moves.least
    const worst = Math.max(join, leave)
    return {
      isMet:
        wrong + uneven + untold + orders === 0 &&
        Math.max(worst, together) <= MOVES_BAR &&
        efficiency >= EFFICIENCY_BAR,
      figure:
        `${tables} tables: ${wrong} with a machine or zone twice, ${uneven} with a load more ` +
        `than ${SLACK} above its share (not attainable in ${unattainable}, ` +
        `${untold} of them not told), ${orders} that depend on the order of members ` +
        `(bar 0 each); a join moves at most ${join.toFixed(2)} times the least, ` +
        `a leave ${leave.toFixed(2)} (bar ${MOVES_BAR}), ` +
        `a replacement ${replace.toFixed(2)}, a weight ${weight.toFixed(2)}, ` +
        `all together ${together.toFixed(3)}; efficiency of 30 members ` +
        `${efficiency.toFixed(3)} (bar ${EFFICIENCY_BAR}); ` +
        `a join to 200 in ${seconds.toFixed(2)} s`,
    }
  }

  #grid(): void {
    for (const [bits, step] of GRID) {
      for (let count = step; count <= 40; count += step) {
        for (let n = 1; n <= 7; n++) {
          for (let zones = 0; zones <= 4; zones++) {
            const zone = (i: number): string => (zones === 0 ? '' : `z${i % zones}`)
            const newcomer = (i: number): Member => member(i, { zone: zone(i) })
            const all = members(count, (i) => ({ zone: zone(i) }))
            this.#live({ members: all, bits, n, newcomer }, 4)
          }
        }
      }
      this.#tell(`2^${bits} partitions`)
    }
  }

  #random(): void {
    for (let i = 0; i < CLUSTERS; i++) {
      const prng = this.#prng
      const count = prng.between(3, i % 4 === 0 ? 200 : 40)
      const machines = prng.between(2, count)
      const zones = prng.pick([0, 0, 3, 4, 6])
      const weights = prng.pick([[1], [1, 2], [1, 2, 4, 8], [10, 100], [0, 1, 50]])
      const newcomer = (number: number): Member => {
        const machine = prng.below(machines)
        const zone = zones === 0 ? '' : `z${machine % zones}`
        return member(number, { machine: `m${machine}`, zone, weight: prng.pick(weights) })
      }
      const others = Array.from({ length: count - 1 }, (_, at) => newcomer(at + 2))
      const all = [member(1, { machine: 'own', zone: zones === 0 ? '' : 'z0' }), ...others]
      const bits = prng.between(count > 40 ? 9 : 5, count > 40 ? 12 : 10)
      this.#live({ members: all, bits, n: prng.pick([2, 3, 3, 3, 5]), newcomer }, CHANGES)
    }
    this.#tell(`${CLUSTERS} random clusters`)
  }

  /** A first ring, then changes in random order. */
  #live({ members: first, bits, n, newcomer }: Cluster, changes: number): void {
    let all = first
    let ring = this.#claimed({ kind: 'first', members: all }, bits, n, undefined)
    for (let i = 0; i < changes; i++) {
      const change = this.#changeOf(all, newcomer(first.length + i + 1))
      ring = this.#claimed(change, bits, n, ring)
      all = change.members
    }
  }

  #changeOf(all: readonly Member[], comer: Member): Change {
    const kind = this.#prng.pick(['join', 'join', 'leave', 'leave', 'replace', 'weight'] as const)
    const at = this.#prng.below(all.length)
    const others = all.filter((_, i) => i !== at)
    const one = all[at] as Member
    const isAlone = others.every(({ weight }) => weight === 0)
    if (kind === 'join' || isAlone) return { kind: 'join', members: [...all, comer] }
    if (kind === 'leave') return { kind, members: others }
    const { machine, zone, weight } = one
    if (kind === 'replace')
      return { kind, members: [...others, { ...comer, machine, zone, weight }] }
    return { kind, members: [...others, { ...one, weight: this.#prng.between(1, 4) }] }
  }

  #claimed({ kind, members: all }: Change, bits: number, n: number, before?: Ring): Ring {
    const { ring, givenUp } = claim(all, bits, n, before)
    const lists = listsOf(ring, n)
    const counts = this.#counts
    counts.tables += 1
    const where = `${kind}: ${all.length} members, 2^${bits} partitions, n = ${n}`
    const fault = faultOf(all, lists, n)
    if (fault !== undefined) this.#fault('wrong', `${where}: ${fault}`)
    const excess = excessOf(all, lists, n)
    if (!isAttainable(all, 2 ** bits, n, SLACK)) {
      counts.unattainable += 1
      if (!givenUp.some(({ what }) => what === 'balance')) this.#fault('untold', where)
    } else if (excess > SLACK) this.#fault('uneven', `${where}: ${excess} above a share`)
    if (counts.tables % AGAIN_EVERY === 0) {
      const again = claim(this.#prng.shuffled(all), bits, n, before).ring
      if (!equalU64(again.digest, ring.digest)) this.#fault('orders', where)
    }
    if (before !== undefined && kind !== 'first') {
      const was = listsOf(before, n)
      const is = movesBetween(was, lists)
      const bound = leastMoves(all, was, lists, n)
      // The bound may be out of reach: then the residual graph decides.
      const isClear = is <= MOVES_BAR * bound || !isLeast(all, was, lists, n)
      this.#count(kind, is, isClear ? bound : is, where)
    }
    return ring
  }

  #count(kind: Exclude<Kind, 'first'>, is: number, least: number, where: string): void {
    this.#moves.is += is
    this.#moves.least += least
    const times = is === least ? 1 : is / least
    if (times > MOVES_BAR && times > this.#worst[kind]) {
      console.log(`${where}: ${is} moves, the least is ${least}`)
    }
    this.#worst[kind] = Math.max(this.#worst[kind], times)
  }

  #fault(which: 'wrong' | 'uneven' | 'untold' | 'orders', what: string): void {
    this.#counts[which] += 1
    if (this.#counts[which] <= FAULTS_TOLD) console.log(`${which}: ${what}`)
  }

  #tell(what: string): void {
    console.log(`${what}: ${this.#counts.tables} tables so far`)
  }
}

/** The mean load divided by the largest. */
function efficiencyOf(): number {
  const all = members(30)
  const lists = listsOf(claim(all, 10, 3).ring, 3)
  const mean = (3 * 2 ** 10) / 30
  return mean / (Math.ceil(mean) + excessOf(all, lists, 3))
}

/** Seconds for a join to 200 members with 4096 partitions. */
function speedOf(): number {
  const { ring } = claim(members(200), 12, 3)
  return runTimeNs(() => claim(members(201), 12, 3, ring)) / 1e9
}
