/**
 * Claims partitions: computes the table of a ring from the table before it (Dynamo 6.2, 4.3).
 *
 * A join, a leave or a new weight should move what it must and no more, and leave all members with
 * their shares. So a table is not dealt anew: the rows of the present one are kept as far as the
 * rules of places.ts allow, and balance.ts moves the fewest replicas that make the loads even.
 * Without a present table, deal.ts gives one to begin with.
 *
 * This is done for rows of N owners, the largest N in use. Then, of each row, all but one are
 * chosen in the same way for buckets of N - 1, and so on to the first place. Each N is balanced by
 * itself; so is their sum, however much the buckets of each N hold.
 *
 * Machines never give way. Moves do first, then balance, then zones; `givenUp` says what did.
 *
 * Invariant: the result depends on the set of members, the bits, N and the present table alone.
 *
 * Why not one owner a partition, and the next N as its list: loads are multiples of N then, so the
 * largest is up to N - 1 above the share; and a new owner changes N lists at once.
 */
import { assert } from '../../base/assert.ts'
import type { NodeId } from '../names.ts'
import { balance } from './balance.ts'
import { deal } from './deal.ts'
import { type GivenUp, givenUpOf } from './given-up.ts'
import { type Move, movesOf } from './moves.ts'
import { Places } from './places.ts'
import { ownersOf } from './preference-list.ts'
import { type Member, Ring } from './ring.ts'
import { NONE, Rows } from './rows.ts'
import { type Shares, sharesOf } from './shares.ts'

export interface Claim {
  readonly ring: Ring
  /** Replicas at N that come to another member; none for a first ring. */
  readonly moves: readonly Move[]
  /** Fewer moves cannot make the loads even: what joins must get, or what was lost. */
  readonly movedLeast: number
  readonly givenUp: readonly GivenUp[]
}

/**
 * The ring of 2^bits partitions for `members`, from the `present` one if there is one. `n` is the
 * largest N in use. Requires: some weight is above 0; the present ring has at most 2^bits
 * partitions.
 */
export function claim(members: readonly Member[], bits: number, n: number, present?: Ring): Claim {
  const sorted = members.toSorted((a, b) => (a.id < b.id ? -1 : a.id > b.id ? 1 : 0))
  const owning = sorted.filter(({ weight }) => weight > 0)
  assert(owning.length > 0, 'a ring has at least one member that may own something')
  const width = Math.min(n, owning.length)
  const was = rowsOf(present ?? deal(owning, bits, width), sorted, bits, width)
  const places = new Places(sorted)
  const partitions = 2 ** bits
  let table: Rows | undefined
  let movedLeast = 0
  const order: Rows[] = []
  for (let level = width; level >= 1; level--) {
    const rows: Rows = new Rows({
      n: level,
      partitions,
      members: sorted.length,
      places,
      was: firstOf(was, width, level),
      above: table?.slots,
    })
    const shares = sharesOf(sorted, places, partitions, level)
    if (table === undefined) movedLeast = leastMovesOf(rows, shares)
    balance(rows, shares)
    order.unshift(rows)
    table = rows
  }
  const whole = order.at(-1) as Rows
  const ring = new Ring(bits, sorted, tableOf(order))
  const moves = present === undefined ? [] : movesOf(present, ring, width)
  const moved = moves.filter(({ to }) => to !== undefined).length
  if (present === undefined) movedLeast = 0
  const givenUp = givenUpOf({ members: sorted, places, rows: whole, moved, movedLeast })
  return { ring, moves, movedLeast, givenUp }
}

/** The rows of a ring as indexes into `members`, of which it may lack some. */
function rowsOf(ring: Ring, members: readonly Member[], bits: number, width: number): Uint16Array {
  const split = bits - ring.bits
  assert(split >= 0, 'partitions never become fewer')
  const indexes = new Map<NodeId, number>(members.map(({ id }, i) => [id, i]))
  const rows = new Uint16Array(2 ** bits * width).fill(NONE)
  for (let partition = 0; partition < 2 ** ring.bits; partition++) {
    const row = ownersOf(ring, partition, width).map(({ id }) => indexes.get(id) ?? NONE)
    // A partition that was split has its rows in all of its parts.
    for (let part = 0; part < 2 ** split; part++)
      rows.set(row, (partition * 2 ** split + part) * width)
  }
  return rows
}

/** The first `n` of each row. */
function firstOf(rows: Uint16Array, width: number, n: number): Uint16Array {
  if (n === width) return rows
  return Uint16Array.from({ length: (rows.length / width) * n }, (_, slot) => {
    return rows[Math.floor(slot / n) * width + (slot % n)] as number
  })
}

/** The rows of the largest N in order: who is in a smaller one too comes first. */
function tableOf(order: readonly Rows[]): Uint16Array {
  const width = order.length
  const table = new Uint16Array((order[0] as Rows).slots.length * width)
  for (let partition = 0; partition < table.length / width; partition++) {
    const taken = new Set<number>()
    for (const { n, slots } of order) {
      for (const member of slots.subarray(partition * n, (partition + 1) * n)) taken.add(member)
    }
    table.set([...taken], partition * width)
  }
  return table
}

/** What no table with even loads can do without, given the rows that could be kept. */
function leastMovesOf(rows: Rows, { least, most }: Shares): number {
  let gains = 0
  let losses = rows.slots.reduce((sum, member) => sum + (member === NONE ? 1 : 0), 0)
  for (let member = 0; member < rows.held.length; member++) {
    gains += Math.max(0, (least[member] as number) - rows.load(member))
    losses += Math.max(0, rows.load(member) - (most[member] as number))
  }
  return Math.max(gains, losses)
}
