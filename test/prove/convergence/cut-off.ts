/** One of three nodes is cut off while keys are written, which it must then get from the others. */
import { isOperatingError } from '../../../src/base/errors.ts'
import { type Client, connect } from '../../../src/index.ts'
import { sleep } from '../machine/faults.ts'
import { CUT_OFF, filter } from '../machine/held-faults.ts'
import { type Cluster, figuresOf, startAll } from './cluster.ts'
import { nameOfKey, valueOf } from './standing-keys.ts'

const CUT = 2
const CLIENTS = 2
const WINDOW = 24
const ATTEMPTS = 5
const LOOK_MS = 100
/** As long as it is worth waiting: the bar is lower. */
const EQUAL_MS_MAX = 120_000
/** One key of so many had a value before the cut. */
const KNOWN_EVERY = 10

export interface CutFigures {
  readonly cutMs: number
  /** Writes that were acknowledged while the node was cut off. */
  readonly written: number
  /** False where the cut dropped nothing. */
  readonly isEffective: boolean
  /** From healing to equal roots; infinite where they never were. */
  readonly equalMs: number
  /** What each node has of all keys in the end. */
  readonly keys: readonly number[]
}

/** Requires: the nodes are new. `cutMs`: the least that the cut takes. */
export async function cutOff(cluster: Cluster, keys: number, cutMs: number): Promise<CutFigures> {
  const { caretaker, namespaces, nodes, observers, say } = cluster
  await startAll(cluster)
  const seeds = nodes.seeds.filter((_, node) => node !== CUT)
  const clients = await Promise.all(Array.from({ length: CLIENTS }, () => connect({ seeds })))
  try {
    const all = Array.from({ length: keys }, (_, key) => key)
    const known = all.filter((key) => key % KNOWN_EVERY === 0)
    await write(clients, known, 1)
    await observers.untilEqual(performance.now() + EQUAL_MS_MAX, LOOK_MS)
    const began = performance.now()
    const heal = await filter(caretaker, namespaces[CUT] as string, CUT_OFF)
    const written = await write(clients, all, 2)
    const seconds = (performance.now() - began) / 1000
    say(`${written} keys were written in ${seconds.toFixed(1)} s of the cut`)
    await sleep(began + cutMs - performance.now())
    const differing = await observers.differing()
    const isEffective = await heal()
    const healed = performance.now()
    say(`${differing} partitions differ as the cut ends`)
    const equalMs = await observers.untilEqual(healed + EQUAL_MS_MAX, LOOK_MS)
    await tell(cluster)
    return {
      cutMs: healed - began,
      written,
      isEffective: isEffective && differing !== 0,
      equalMs: equalMs ?? Number.POSITIVE_INFINITY,
      keys: await figuresOf(cluster, 'keys'),
    }
  } finally {
    await Promise.all(clients.map((client) => client.close()))
  }
}

async function tell(cluster: Cluster): Promise<void> {
  const names = [
    'exchange_repairs_total',
    'exchange_leaves_total',
    'exchanges_total',
    'read_repairs_total',
    'hints_taken_total',
  ]
  for (const name of names) cluster.say(`${name}: ${(await figuresOf(cluster, name)).join(', ')}`)
}

/** How many were acknowledged. */
async function write(
  clients: readonly Client[],
  keys: readonly number[],
  version: number,
): Promise<number> {
  let next = 0
  let written = 0
  const lives = clients.flatMap((client) => {
    const bucket = client.bucket()
    return Array.from({ length: WINDOW }, async () => {
      for (let key = keys[next++]; key !== undefined; key = keys[next++]) {
        const [name, value] = [nameOfKey(key), valueOf(key, version)]
        if (await isWritten(() => bucket.put(name, value))) written += 1
      }
    })
  })
  await Promise.all(lives)
  return written
}

async function isWritten(put: () => Promise<unknown>): Promise<boolean> {
  for (let attempt = 0; attempt < ATTEMPTS; attempt++) {
    try {
      await put()
      return true
    } catch (error) {
      if (!isOperatingError(error)) throw error
    }
  }
  return false
}
