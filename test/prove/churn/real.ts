/**
 * Real nodes join and leave while clients update sets: no element may be lost, and no update
 * refused for longer than a second. It is the workload of riak_kv issue 1754.
 *
 *     three nodes ─► two join, and own their share ─► two of the five leave, and end ─► read back
 *          ▲                                                                               │
 *          └───────────────────────────── the next round ──────────────────────────────────┘
 *
 * Forty clients update ten keys without regard to that, and while keys are read back at all N
 * owners.
 */
import { writeFileSync } from 'node:fs'
import { loadavg } from 'node:os'
import { join } from 'node:path'
import { ServedCluster } from '../../support/served-cluster.ts'
import type { Verdict } from '../proof.ts'
import { CLIENTS, Load } from './load.ts'
import { phantoms, type ReadBack, readBack } from './read-back.ts'
import { Resizing } from './resizing.ts'
import { KEYS, type Notes } from './updater.ts'

const NODES = 3
const JOINERS = 2
/** Who leaves of five, in turn: by how long each has been a member, longest first. */
const LEAVERS = [
  [0, 3],
  [1, 4],
  [0, 1],
  [3, 4],
  [0, 2],
] as const
/** An update that fails for longer counts as refused. */
const REFUSED_MS = 1_000
/** Failed updates that are told at the end. */
const TOLD_MAX = 10

export async function real(rounds: number): Promise<Verdict> {
  const cluster = await ServedCluster.start({ nodes: NODES })
  let load: Load | undefined
  let isMet = false
  try {
    load = await Load.start(cluster.seeds)
    const verdict = await new Churn(cluster, load).run(rounds)
    isMet = verdict.isMet
    return verdict
  } finally {
    load?.kill()
    if (isMet) {
      await cluster.stop()
    } else {
      await cluster.killAll()
      console.log(`the nodes' logs and data are kept in ${cluster.root}`)
    }
  }
}

class Churn {
  readonly #root: string
  readonly #load: Load
  readonly #resizing: Resizing
  #lost = 0
  #late = 0

  constructor(cluster: ServedCluster, load: Load) {
    this.#root = cluster.root
    this.#load = load
    this.#resizing = new Resizing(cluster, [...cluster.members.keys()])
  }

  async run(rounds: number): Promise<Verdict> {
    console.log(`${CLIENTS} clients update ${KEYS} keys on ${NODES} nodes`)
    for (let round = 1; round <= rounds; round++) await this.#round(round)
    const notes = await this.#load.stop()
    writeFileSync(join(this.#root, 'delays.json'), JSON.stringify(notes.delays))
    this.#count(await readBack(this.#resizing.seeds, notes))
    const unknown = await phantoms(this.#resizing.seeds, notes)
    return this.#verdict(rounds, notes, unknown)
  }

  async #round(round: number): Promise<void> {
    const places = LEAVERS[(round - 1) % LEAVERS.length] as readonly number[]
    const began = performance.now()
    const joined = await this.#resizing.grow(JOINERS)
    const grown = performance.now()
    const gone = await this.#resizing.shrink(places)
    const shrunk = performance.now()
    const notes = await this.#load.tell()
    const back = await readBack(this.#resizing.seeds, notes)
    this.#count(back)
    if (this.#lost === 0) this.#resizing.forget()
    console.log(
      `round ${round}: ${joined.join(', ')} joined in ${secondsOf(grown - began)}, ` +
        `${gone.join(', ')} left in ${secondsOf(shrunk - grown)}; of ${back.elements} elements ` +
        `${back.lost} lost, ${back.late} late; ${figuresOf(notes)}; ` +
        `load of the machine ${(loadavg()[0] as number).toFixed(1)}`,
    )
  }

  #count({ lost, late }: ReadBack): void {
    // What was lost in one round is missing in the next ones, too.
    this.#lost = Math.max(this.#lost, lost)
    this.#late += late
  }

  #verdict(rounds: number, notes: Notes, unknown: number): Verdict {
    const refused = notes.delays.filter(({ ms }) => ms > REFUSED_MS).length
    for (const { client, key, element, from, ms, reasons } of notes.delays.slice(0, TOLD_MAX)) {
      console.log(
        `client ${client}, key ${key}, element ${element}: refused from ` +
          `${new Date(from).toISOString()} for ${Math.round(ms)} ms: ${reasons.join('; ')}`,
      )
    }
    console.log(`${this.#late} elements were found by a later read; ${unknown} were never put`)
    console.log(figuresOf(notes))
    return {
      isMet: this.#lost === 0 && refused === 0 && unknown === 0,
      figure:
        `${rounds} rounds, ${notes.updates} updates, ${this.#lost} lost (bar 0), ` +
        `${refused} refused for longer than 1 s (bar 0), the longest ${longestOf(notes)} ms`,
    }
  }
}

function figuresOf(notes: Notes): string {
  const failures = Object.entries(notes.failures).map(([code, count]) => `${count} ${code}`)
  return (
    `${notes.updates} updates, failed attempts: ${failures.join(', ') || 'none'}; the longest ` +
    `refused for ${longestOf(notes)} ms, the longest update ${Math.round(notes.longestUpdateMs)} ` +
    `ms; ${notes.staleGets} stale gets`
  )
}

function longestOf({ delays }: Notes): number {
  return Math.round(delays[0]?.ms ?? 0)
}

function secondsOf(ms: number): string {
  return `${(ms / 1_000).toFixed(1)} s`
}
