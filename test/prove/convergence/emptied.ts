/** The directory of one of three nodes is emptied: it becomes whole while clients read at R = 2. */
import { rmSync } from 'node:fs'
import { Prng } from '../../../src/base/prng.ts'
import { type Client, connect } from '../../../src/index.ts'
import { sleep } from '../machine/faults.ts'
import { nameOfNode } from '../machine/nodes.ts'
import { type Cluster, figuresOf, start, startAll, statusOf, tellBuilding } from './cluster.ts'
import { fill, nameOfKey, valueOf } from './standing-keys.ts'

const EMPTIED = 2
const READERS = 8
/** Between two reads of one reader: the machine has the node to fill besides. */
const PAUSE_MS = 10
const LOOK_MS = 250
const WHOLE_MS_MAX = 150_000
/** Reads go on for a while once the node answers them too. */
const AFTER_MS = 3_000
const TOLD_MAX = 5

export interface EmptiedFigures {
  /** Until the node was whole and all roots were equal; infinite where they never were. */
  readonly wholeMs: number
  /** Copies of each node in the end. */
  readonly keys: readonly number[]
  readonly reads: number
  readonly wrong: number
  readonly failed: number
}

type Reads = { -readonly [Name in 'reads' | 'wrong' | 'failed']: number }

/** Requires: no node has a directory. */
export async function emptied(cluster: Cluster, keys: number): Promise<EmptiedFigures> {
  const { nodes, say } = cluster
  await fill(nodes, keys)
  await startAll(cluster)
  await tellBuilding(cluster)
  const client = await connect({ seeds: nodes.seeds })
  const reads: Reads = { reads: 0, wrong: 0, failed: 0 }
  const life = { isOver: false }
  const reading = Array.from({ length: READERS }, (_, i) =>
    read(client, keys, Prng.of(i, 'emptied'), { reads, life, say }),
  )
  try {
    await nodes.kill(EMPTIED)
    rmSync((await nodes.config(EMPTIED)).directory, { recursive: true })
    const began = performance.now()
    await start(cluster, EMPTIED)
    const wholeMs = await untilWhole(cluster, began)
    say(`${nameOfNode(EMPTIED)} was whole after ${(wholeMs / 1000).toFixed(1)} s`)
    await sleep(AFTER_MS)
    return { wholeMs, keys: await figuresOf(cluster, 'keys'), ...reads }
  } finally {
    life.isOver = true
    await Promise.all(reading)
    await client.close()
  }
}

async function untilWhole({ nodes, observers }: Cluster, began: number): Promise<number> {
  const place = nodes.places[EMPTIED]
  if (place === undefined) throw new Error('the emptied node is one of the cluster')
  while (performance.now() < began + WHOLE_MS_MAX) {
    if ((await observers.differing()) === 0) {
      const { alarms } = await statusOf(place)
      if (!alarms.some((alarm) => alarm.includes('rebuilt'))) return performance.now() - began
    }
    await sleep(LOOK_MS)
  }
  return Number.POSITIVE_INFINITY
}

interface Reading {
  readonly reads: Reads
  readonly life: { readonly isOver: boolean }
  readonly say: (line: string) => void
}

/** Reads keys at random until it is over. */
async function read(
  client: Client,
  keys: number,
  prng: Prng,
  { reads, life, say }: Reading,
): Promise<void> {
  const bucket = client.bucket()
  while (!life.isOver) {
    const key = prng.below(keys)
    try {
      const { siblings } = await bucket.get(nameOfKey(key), { r: 2 })
      if (siblings.length !== 1 || siblings[0] !== valueOf(key)) {
        reads.wrong += 1
        if (reads.wrong <= TOLD_MAX)
          say(`${nameOfKey(key)} was read as ${siblings.length} siblings`)
      }
    } catch (error) {
      reads.failed += 1
      if (reads.failed <= TOLD_MAX) say(`a get failed: ${(error as Error).message}`)
    }
    reads.reads += 1
    await sleep(PAUSE_MS)
  }
}
