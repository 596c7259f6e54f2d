/**
 * Clients load two of three nodes while the third one comes back: hints are delivered to it, it
 * asks for what it missed, and rounds go on.
 *
 *     third node away: writes ─► it is back: hints, exchanges, rounds ─► all done, or time up
 *                                |◄──────── p99 of clients ────────►|
 *
 * A key with two copies leaves a hint at the member that is none of its owners; one with three
 * leaves none, and is for exchanges. Rounds wait for both.
 */
import { bytes, connect } from '../../../src/index.ts'
import type { Address } from '../../../src/world/network.ts'
import type { LocalCluster } from '../../support/local-cluster.ts'
import { NodeSession } from '../../support/node-session.ts'
import { medianP99, told } from '../hints/foreground.ts'
import { sleep } from '../machine/faults.ts'
import { OpenLoop } from '../overload/open-loop.ts'

/** Operations a second: far below what a busy machine takes. */
const RATE = 150
const KEYS = 500
const FILL_RATE = 300
const CALM_SECONDS = 6
const SECONDS_MAX = 40
/** The node that goes away. */
const AWAY = 0
const AWAY_MS = 6_000
const WRITERS = 24
const VALUE_BYTES = 100
const LOOK_MS = 250
const STAYING = [1, 2] as const

export interface Together {
  /** Of clients, the median of all seconds. */
  readonly p99Ms: number
  /** Delivered, copies of the third node repaired, and rounds adopted, all of them meanwhile. */
  readonly hints: number
  readonly repairs: number
  readonly rounds: number
}

/** The p99 of clients while nothing else goes on. */
export async function calmP99(cluster: LocalCluster, say: (line: string) => void): Promise<number> {
  const loop = await OpenLoop.connect(stayingAddresses(cluster), KEYS)
  try {
    await loop.fill(FILL_RATE)
    const seconds = await loop.run(RATE, CALM_SECONDS)
    say(told('without', seconds))
    return medianP99(seconds)
  } finally {
    loop.close()
  }
}

export async function workTogether(
  cluster: LocalCluster,
  say: (line: string) => void,
): Promise<Together> {
  const loop = await OpenLoop.connect(stayingAddresses(cluster), KEYS)
  await loop.fill(FILL_RATE)
  await cluster.killNode(AWAY)
  say(`${await writeFor(cluster, AWAY_MS)} keys were written while a node was away`)
  const look = await Look.open(cluster, STAYING)
  try {
    let isOver = false
    const began = performance.now()
    const running = loop.run(RATE, 2 * SECONDS_MAX, () => isOver)
    await cluster.startNode(AWAY)
    const back = await Look.open(cluster, [AWAY])
    const from = Math.floor((performance.now() - began) / 1000) + 1
    const worked = await untilDone(look, back, say)
    const to = Math.max(from + 1, Math.floor((performance.now() - began) / 1000))
    isOver = true
    const seconds = (await running).slice(from, to)
    say(told('beside', seconds))
    back.close()
    return { ...worked, p99Ms: medianP99(seconds) }
  } finally {
    look.close()
    loop.close()
  }
}

/** Waits until all hints are at home, all is repaired and a round is adopted since, or time up. */
async function untilDone(
  look: Look,
  back: Look,
  say: (line: string) => void,
): Promise<Omit<Together, 'p99Ms'>> {
  const until = performance.now() + 1000 * SECONDS_MAX
  const [delivered, round] = [await look.sum('hints_delivered_total'), await look.least('round')]
  const kept = await look.sum('hints')
  let [leastShare, isDone] = [1, false]
  while (!isDone && performance.now() < until) {
    await sleep(LOOK_MS)
    leastShare = Math.min(leastShare, await look.least('background_share'))
    isDone = (await look.sum('hints')) === 0 && (await look.least('round')) > round
  }
  const seconds = (SECONDS_MAX - (until - performance.now()) / 1000).toFixed(1)
  say(`${isDone ? 'all done' : 'not done'} after ${seconds} s; the least share was ${leastShare}`)
  say(`${kept} hints were kept, ${await look.sum('hints')} are left`)
  return {
    hints: (await look.sum('hints_delivered_total')) - delivered,
    repairs: await back.sum('exchange_repairs_total'),
    rounds: (await look.least('round')) - round,
  }
}

/** New keys with two copies and with three; how many. */
async function writeFor(cluster: LocalCluster, forMs: number): Promise<number> {
  const seeds = STAYING.map((node) => cluster.seeds[node] as string)
  const client = await connect({ seeds })
  const value = new Uint8Array(VALUE_BYTES)
  const until = performance.now() + forMs
  let written = 0
  const write = async (): Promise<void> => {
    while (performance.now() < until) {
      written += 1
      const bucket = written % 2 === 0 ? 'hinted' : 'missed'
      await client.bucket(bucket, { codec: bytes }).put(`key-${written}`, value)
    }
  }
  await Promise.all(Array.from({ length: WRITERS }, write))
  await client.close()
  return written
}

function stayingAddresses(cluster: LocalCluster): readonly Address[] {
  return STAYING.map((node) => cluster.config(node).clientListen)
}

/** Asks nodes for their figures. */
class Look {
  readonly #sessions: readonly NodeSession[]

  private constructor(sessions: readonly NodeSession[]) {
    this.#sessions = sessions
  }

  static async open(cluster: LocalCluster, nodes: readonly number[]): Promise<Look> {
    const addresses = nodes.map((node) => cluster.config(node).clientListen)
    return new Look(await Promise.all(addresses.map((address) => NodeSession.connect(address))))
  }

  async sum(name: string): Promise<number> {
    return (await this.#all(name)).reduce((sum, value) => sum + value, 0)
  }

  async least(name: string): Promise<number> {
    return Math.min(...(await this.#all(name)))
  }

  close(): void {
    for (const session of this.#sessions) session.close()
  }

  async #all(name: string): Promise<readonly number[]> {
    return Promise.all(this.#sessions.map(async (one) => (await one.figure(name)) ?? Number.NaN))
  }
}
