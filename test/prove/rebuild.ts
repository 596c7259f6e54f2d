/**
 * Two of three data directories are emptied, one after the other, and each comes back whole.
 *
 * Three nodes hold 60,000 records. A node is killed, its directory is removed, and it is started
 * with `--rebuild`. While it is rebuilt it is killed five times more. Meanwhile every record is
 * read again and again at R = 2, and puts go on. Once it is whole, the next node loses its
 * directory: what it held must by then be on the first.
 */
import { rmSync } from 'node:fs'
import { performance } from 'node:perf_hooks'
import { setTimeout as sleep } from 'node:timers/promises'
import { type Client, connect } from '../../src/index.ts'
import { everwrite, ServedCluster } from '../support/served-cluster.ts'
import type { Proof } from './proof.ts'

const RECORDS = 60_000
const WHOLE_S_MAX = 60
const KILLS = 5
const LOADING = 64
const READING = 16
const PUTS_EVERY_MS = 5

interface Counts {
  reads: number
  puts: number
  wrong: number
  failed: number
}

export const proof: Proof = {
  name: 'rebuild',
  shows: 'an emptied directory is filled again from the others while it serves, killed or not',
  run: async () => {
    const cluster = await ServedCluster.start({ nodes: 3 })
    const counts: Counts = { reads: 0, puts: 0, wrong: 0, failed: 0 }
    try {
      const client = await connect({ seeds: cluster.seeds })
      const written = new Map<string, string>()
      await load(client, written)
      const seconds: number[] = []
      for (const node of [1, 2])
        seconds.push(await emptyOne(cluster, node, client, written, counts))
      await client.close()
      const { wrong, failed, reads, puts } = counts
      const slowest = Math.max(...seconds)
      const isMet = wrong === 0 && failed === 0 && slowest <= WHOLE_S_MAX
      const times = seconds.map((time) => `${time.toFixed(0)} s`).join(' and ')
      return {
        isMet,
        figure:
          `${RECORDS} records: whole again after ${times} (bar ${WHOLE_S_MAX} s), killed` +
          ` ${KILLS} times each; of ${reads} reads at R=2 and ${puts} puts meanwhile ${wrong}` +
          ` were wrong and ${failed} failed (bar 0 each)`,
      }
    } finally {
      await cluster.stop()
    }
  },
}

async function load(client: Client, written: Map<string, string>): Promise<void> {
  const bucket = client.bucket('records')
  let next = 0
  const work = async (): Promise<void> => {
    while (next < RECORDS) {
      const i = next++
      const value = `value ${i} `.padEnd(100 + (i % 200), '.')
      await bucket.put(`key-${i}`, value)
      written.set(`key-${i}`, value)
    }
  }
  await Promise.all(Array.from({ length: LOADING }, work))
}

/** Empties a node's directory; the seconds until it is whole again. */
async function emptyOne(
  cluster: ServedCluster,
  node: number,
  client: Client,
  written: Map<string, string>,
  counts: Counts,
): Promise<number> {
  await cluster.killNode(node)
  rmSync(cluster.data(node), { recursive: true })
  await cluster.startNode(node, '--rebuild')
  const began = performance.now()
  const life = { isOver: false }
  const traffic = [readAll(client, written, counts, life), putMore(client, written, counts, life)]
  for (let kill = 0; kill < KILLS; kill++) {
    await sleep(400)
    await cluster.killNode(node)
    await cluster.startNode(node)
  }
  while (await isRebuilding(cluster, node)) await sleep(200)
  const seconds = (performance.now() - began) / 1000
  console.log(`${cluster.members[node]?.name} was whole after ${seconds.toFixed(1)} s`)
  // A whole round of reads with the node counted again.
  await sleep(5_000)
  life.isOver = true
  await Promise.all(traffic)
  return seconds
}

async function isRebuilding(cluster: ServedCluster, node: number): Promise<boolean> {
  const seeds = cluster.seeds.join(',')
  const { stdout } = await everwrite(['status', '--json', '--seeds', seeds], { limitMs: 30_000 })
  const status = JSON.parse(stdout) as {
    readonly nodes: readonly { readonly name: string; readonly alarms?: readonly string[] }[]
  }
  const own = status.nodes.find(({ name }) => name === cluster.members[node]?.name)
  return own?.alarms?.some((alarm) => alarm.includes('being rebuilt')) ?? true
}

async function readAll(
  client: Client,
  written: ReadonlyMap<string, string>,
  counts: Counts,
  life: { readonly isOver: boolean },
): Promise<void> {
  const bucket = client.bucket('records')
  const keys = [...written.keys()]
  let next = 0
  const work = async (): Promise<void> => {
    while (!life.isOver) {
      const key = keys[(next++ * 7919) % keys.length] as string
      const value = written.get(key)
      try {
        const { siblings } = await bucket.get(key, { r: 2 })
        if (siblings.length !== 1 || siblings[0] !== value) {
          counts.wrong += 1
          console.log(`${key} has ${siblings.length} siblings`)
        }
      } catch (error) {
        counts.failed += 1
        console.log(`a get failed: ${(error as Error).message}`)
      }
      counts.reads += 1
    }
  }
  await Promise.all(Array.from({ length: READING }, work))
}

/** Writes new keys, which the reads of the next round know too. */
async function putMore(
  client: Client,
  written: Map<string, string>,
  counts: Counts,
  life: { readonly isOver: boolean },
): Promise<void> {
  const bucket = client.bucket('records')
  while (!life.isOver) {
    const key = `more-${counts.puts++}`
    try {
      await bucket.put(key, key)
      written.set(key, key)
    } catch (error) {
      counts.failed += 1
      console.log(`a put failed: ${(error as Error).message}`)
    }
    await sleep(PUTS_EVERY_MS)
  }
}
