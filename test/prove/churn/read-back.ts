/** Reads every key at all its owners, and finds acknowledged elements that are not there. */
import { isOperatingError } from '../../../src/base/errors.ts'
import { type Client, connect, json } from '../../../src/index.ts'
import { sleep } from '../machine/faults.ts'
import { countOf, type Elements, gapsOf, lastOf, unionOf } from './elements.ts'
import { BUCKET, KEYS, nameOfKey, type Notes } from './updater.ts'

const OWNERS = 3
const CONNECT_MS = 30_000
/** All owners of a key answer within that, or the proof fails. */
const READ_MS_MAX = 30_000
const AGAIN_MS = 200
/** An element that is not there may still be a hint; it counts as lost after this. */
const LATE_MS_MAX = 10_000

export interface ReadBack {
  /** Elements that were acknowledged before. */
  readonly elements: number
  readonly lost: number
  /** Elements that the first read did not find, and a later one did. */
  readonly late: number
}

export async function readBack(seeds: readonly string[], notes: Notes): Promise<ReadBack> {
  const client = await connect({ seeds, connectTimeout: CONNECT_MS })
  try {
    let [elements, lost, late] = [0, 0, 0]
    for (let key = 0; key < KEYS; key++) {
      for (const counts of Object.values(notes.acknowledged)) elements += counts[key] as number
      const missing = missingIn(await setOf(client, key), key, notes)
      if (missing.count === 0) continue
      await tell(client, key, missing)
      const still = await stillMissing(client, key, notes)
      lost += still.count
      late += missing.count - still.count
      if (still.count > 0) await tell(client, key, still)
    }
    return { elements, lost, late }
  } finally {
    await client.close()
  }
}

/** Elements that no client can have put. Requires: the clients have stopped. */
export async function phantoms(seeds: readonly string[], notes: Notes): Promise<number> {
  const client = await connect({ seeds, connectTimeout: CONNECT_MS })
  let count = 0
  for (let key = 0; key < KEYS; key++) {
    const set = await setOf(client, key)
    for (const [id, counts] of Object.entries(notes.acknowledged)) {
      // The update after the last that succeeded may be in doubt.
      count += Math.max(0, lastOf(set, Number(id)) - (counts[key] as number) - 1)
    }
  }
  await client.close()
  return count
}

interface Missing {
  readonly count: number
  /** Client and span of each gap. */
  readonly sentences: readonly string[]
}

function missingIn(set: Elements, key: number, { acknowledged }: Notes): Missing {
  const sentences: string[] = []
  let count = 0
  for (const [id, counts] of Object.entries(acknowledged)) {
    const gaps = gapsOf(set, Number(id), counts[key] as number)
    count += countOf(gaps)
    for (const [from, to] of gaps) sentences.push(`client ${id}: ${from} to ${to}`)
  }
  return { count, sentences }
}

async function stillMissing(client: Client, key: number, notes: Notes): Promise<Missing> {
  const until = performance.now() + LATE_MS_MAX
  for (;;) {
    await sleep(AGAIN_MS)
    const missing = missingIn(await setOf(client, key), key, notes)
    if (missing.count === 0 || performance.now() > until) return missing
  }
}

async function setOf(client: Client, key: number): Promise<Elements> {
  const bucket = client.bucket(BUCKET, { codec: json<Elements>() })
  const until = performance.now() + READ_MS_MAX
  for (;;) {
    try {
      const { siblings } = await bucket.get(nameOfKey(key), { r: OWNERS, strict: true })
      return unionOf(siblings)
    } catch (error) {
      if (!isOperatingError(error) || performance.now() > until) throw error
      await sleep(AGAIN_MS)
    }
  }
}

/** What is missing, and what each node holds of the key: the evidence. */
async function tell(client: Client, key: number, missing: Missing): Promise<void> {
  console.log(`${nameOfKey(key)} lacks ${missing.count} elements: ${missing.sentences.join('; ')}`)
  console.log(JSON.stringify(await client.explain(BUCKET, nameOfKey(key))))
}
